import subprocess

import numpy as np
import pytest
from matplotlib.image import imread

from core.store import Results
from postprocess.pictures import render
from postprocess.pictures.look import WALL_STRESS
from postprocess.pictures.scene import PIXELS, camera, scene
from tests.postprocess.tube import Tube, write

SMALL = {"rings": 5, "spokes": 24, "layers": 101}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = write(tmp_path_factory.mktemp("scene") / "results.h5", Tube(**SMALL, extension=10e-3))
    with Results(path) as results:
        yield results


def drawn(what, target):
    """The picture as numbers 0 to 1 (rows, columns, 3)."""
    by = render.bare_picture(what, target)
    return by, np.asarray(imread(target))[..., :3]


def looks_right(image, what):
    """Narrow part bright, extension grey, clot dark red, background white, at their places."""
    def at(x, z):
        column, row = what.camera.pixels(np.array([x, 0.0, z]))[0].astype(int)
        return image[row, column]

    bright, usual, extension, clot, outside = (
        at(0, 50e-3), at(0, 30e-3), at(0, 4e-3), at(4.5e-3, 66e-3), at(20e-3, 50e-3)
    )
    assert bright[0] > 0.8
    assert bright[2] < 0.5
    assert np.ptp(usual) < 0.15
    assert extension.mean() > usual.mean() + 0.15
    assert clot[0] > 2 * clot[1:].max()
    assert outside.min() > 0.99


def test_both_renderers_draw_the_same_scene(file, tmp_path, monkeypatch):
    what = scene(file)
    by, image = drawn(what, tmp_path / "a.png")
    assert image.shape == (PIXELS[1], PIXELS[0], 3)
    looks_right(image, what)

    def crash(command, **_):
        raise subprocess.CalledProcessError(-11, command)

    monkeypatch.setattr(subprocess, "run", crash)
    by_flat, flat = drawn(what, tmp_path / "b.png")
    assert by_flat == "flat"
    looks_right(flat, what)
    if by == "vtk":
        covered = [(picture < 0.98).any(axis=2) for picture in (image, flat)]
        # silhouettes differ by less than a pixel along their edges
        assert (covered[0] ^ covered[1]).mean() < 0.01


def test_a_renderer_that_dies_is_replaced_and_it_is_said(file, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("sys.executable", "/bin/false")
    by, _ = drawn(scene(file), tmp_path / "a.png")
    assert by == "flat"
    assert "without OpenGL" in caplog.text


def test_a_renderer_that_hangs_is_given_up(file, tmp_path, monkeypatch):
    def hang(command, **_):
        raise subprocess.TimeoutExpired(command, 1)

    monkeypatch.setattr(subprocess, "run", hang)
    assert drawn(scene(file), tmp_path / "a.png")[0] == "flat"


def test_the_patients_right_is_on_the_left_and_the_head_is_up():
    view = camera(np.array([[-0.05, 0, 0], [0.05, 0.01, 0.1]]))
    right_side, left_side, head = view.pixels(np.array([[-0.05, 0, 0], [0.05, 0, 0], [0, 0, 0.1]]))
    assert right_side[0] < left_side[0]
    assert head[1] < right_side[1]
    assert view.letters == ("R", "L")
    # seen from the front: the camera stands at negative y
    np.testing.assert_allclose(view.towards, [0, -1, 0], atol=1e-15)


def test_a_vein_from_front_to_back_is_seen_from_the_left():
    view = camera(np.array([[0, -0.1, 0], [0.01, 0.1, 0.02]]))
    assert view.letters == ("A", "P")
    np.testing.assert_allclose(view.towards, [1, 0, 0], atol=1e-15)


@pytest.mark.parametrize(("heart", "arrow"), [
    ((0, 0, 1), "↑"), ((1, 0, 0), "→"), ((-1, 0, 0), "←"), ((1, 0, 1), "↗"), ((0, 0, -1), "↓"),
])
def test_the_arrow_points_to_the_heart(heart, arrow):
    view = camera(np.array([[0.0, 0, 0], [0.01, 0.01, 0.1]]))
    assert render._arrow(np.array(heart, float), view) == arrow


def test_callouts_keep_clear_of_the_vein_and_of_each_other():
    image = np.ones((PIXELS[1], PIXELS[0], 3))
    image[:, 400:500] = 0.3
    taken = render._ink(image)
    vein = taken.copy()
    first = render._free_place(np.array([450.0, 500.0]), "narrowest point\n70 %", taken)
    second = render._free_place(np.array([450.0, 520.0]), "clot\n0.3 mL", taken)
    assert not vein[int(first[1]), int(first[0])]
    assert not vein[int(second[1]), int(second[0])]
    assert abs(first[0] - second[0]) > 100 or abs(first[1] - second[1]) > 60


def test_the_colour_map_reads_in_grey_and_without_red_and_green():
    from matplotlib import colormaps

    colours = colormaps["cividis"](np.linspace(0, 1, 64))[:, :3]
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    light = linear @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light) > 0).all()
    # deuteranopia after Vienot 1999: red and green become one
    one = linear @ [0.29275, 0.70725, 0]
    assert (np.diff(one) > 0).all()


def test_the_colours_mean_the_same_in_every_report():
    assert WALL_STRESS == (0.0, 0.3)
