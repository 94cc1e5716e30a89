import time

import numpy as np
import pytest

from postprocess import sections
from postprocess.sections import EXTENSION, LEAVES, SPANS, Planes, Surfaces
from tests.postprocess.tube import Tube, structured

NONE = np.zeros((0, 3), dtype=int)


def planes(centre, tangent, radius=6e-3, branch=None, spacing=1e-3):
    centre = np.atleast_2d(np.asarray(centre, dtype=float))
    count = len(centre)
    unit = np.tile(np.asarray(tangent, dtype=float) / np.linalg.norm(tangent), (count, 1))
    names = np.array(branch if branch is not None else ["a"] * count)
    return Planes(names, np.arange(count) * spacing, centre, unit, np.full(count, radius))


def straight(**properties):
    return structured(Tube(narrow=0.0, rings=5, spokes=24, layers=41, **properties))


def test_area_pressure_flow_are_exact_for_linear_fields(inputs, tube):
    curves, z = inputs.get("curves"), inputs.get("planes").arc
    fine = curves.assessable()
    # the first plane lies on the inlet and cuts nothing; the last one is the outlet itself
    assert np.flatnonzero(~fine).tolist() == [0]
    # the file holds the points in single precision
    np.testing.assert_allclose(curves.area[fine], tube.area(z[fine]), rtol=1e-6)
    np.testing.assert_allclose(curves.pressure[fine], tube.pressure(z[fine]), rtol=1e-6)
    # a parabola that is linear between n rings has lost the share 1 / (3 n²) of its flow
    expected = tube.flow * tube.polygon * (1 - 1 / (3 * tube.rings**2))
    np.testing.assert_allclose(curves.flow_rate[fine], expected, rtol=1e-4)


def test_speed_is_the_centreline_speed(inputs, tube):
    curves, z = inputs.get("curves"), inputs.get("planes").arc
    fine = curves.assessable()
    peak = 2 * tube.flow / (np.pi * tube.r(z[fine]) ** 2)
    # the sample disc reaches a quarter of the radius: its 99th percentile is near its middle
    np.testing.assert_allclose(curves.speed[fine], peak, rtol=0.02)


@pytest.mark.parametrize("angle", [0, 37, 60])
def test_an_oblique_cut_of_a_prism_has_area_over_cosine(angle):
    points, cells, wall, inlet, outlet = straight()
    turn = np.radians(angle)
    cut = planes([[0, 0, 50e-3]], [np.sin(turn), 0, np.cos(turn)])
    curves = sections.measure(points, cells, cut, Surfaces(np.r_[inlet, outlet], NONE, wall), {})
    expected = Tube(spokes=24).polygon * np.pi * 36e-6 / np.cos(turn)
    assert curves.area[0] == pytest.approx(expected, rel=1e-9)
    assert curves.aspect[0] == pytest.approx(1 / np.cos(turn), rel=1e-6)


def test_open_area_is_exact_for_a_linear_clot():
    points, cells, wall, inlet, outlet = straight()
    clot = 0.5 + points[:, :1] / 1e-3
    cut = planes([[0, 0, 33.3e-3]], [0, 0, 1])
    surfaces = Surfaces(np.r_[inlet, outlet], NONE, wall)
    curves = sections.measure(points, cells, cut, surfaces, {"clot": clot})
    # clot is where x > 0: half of the section by symmetry
    assert curves.open_area[0] == pytest.approx(0.5 * curves.area[0], rel=1e-9)


def test_only_the_piece_that_holds_the_centre_counts():
    points, cells, wall, inlet, outlet = straight()
    beside = points + np.array([20e-3, 0, 0])
    both = np.concatenate([points, beside])
    double = np.concatenate([cells, cells + len(points)])
    cut = planes([[0, 0, 50e-3]], [0, 0, 1])
    curves = sections.measure(both, double, cut, Surfaces(np.r_[inlet, outlet], NONE, wall), {})
    assert curves.area[0] == pytest.approx(Tube(spokes=24).polygon * np.pi * 36e-6, rel=1e-9)


def test_a_plane_that_leaves_the_model_is_not_assessable():
    points, cells, wall, inlet, outlet = straight()
    surfaces = Surfaces(np.r_[inlet, outlet], NONE, wall)
    tilted = planes([[0, 0, 2e-3], [0, 0, 50e-3]], [1, 0, 1])
    outside = planes([[0, 0, -1e-3], [30e-3, 0, 50e-3]], [0, 0, 1])
    for cut, why in ((tilted, [LEAVES, ""]), (outside, [LEAVES, LEAVES])):
        curves = sections.measure(points, cells, cut, surfaces, {})
        assert curves.why == why
        assert np.isnan(curves.area).tolist() == [bool(reason) for reason in why]


def test_a_centre_just_outside_a_coarse_wall_still_finds_its_lumen():
    points, cells, wall, inlet, outlet = straight()
    surfaces = Surfaces(np.r_[inlet, outlet], NONE, wall)
    cut = planes([[6.5e-3, 0, 50e-3], [14e-3, 0, 50e-3]], [0, 0, 1])
    assert sections.measure(points, cells, cut, surfaces, {}).why == ["", LEAVES]


def test_a_plane_in_an_extension_says_so():
    points, cells, wall, inlet, outlet = straight()
    end = points[wall].mean(axis=1)[:, 2] > 80e-3
    surfaces = Surfaces(np.r_[inlet, outlet], wall[end], wall[~end])
    cut = planes([[0, 0, 70e-3], [0, 0, 90e-3]], [0, 0, 1])
    assert sections.measure(points, cells, cut, surfaces, {}).why == ["", EXTENSION]


def test_a_plane_that_spans_another_branch_says_so():
    points, cells, wall, inlet, outlet = straight()
    surfaces = Surfaces(np.r_[inlet, outlet], NONE, wall)
    middle = np.array([[0, 0, z] for z in (30e-3, 50e-3, 70e-3)])
    # another centreline runs through the same lumen, 4 mm beside, below 55 mm only
    other = np.array([[4e-3, 0, z] for z in (20e-3, 40e-3, 55e-3)])
    both = np.concatenate([middle, other])
    cut = planes(both, [0, 0, 1], branch=list("aaabbb"), spacing=20e-3)
    why = sections.measure(points, cells, cut, surfaces, {}).why
    assert why[:3] == [SPANS, SPANS, ""]


def test_short_runs_cut_off_by_a_confluence_are_given_up():
    cut = planes(np.zeros((20, 3)), [0, 0, 1])
    curves = sections.Curves.empty(20)
    curves.area[:] = 1.0
    for i in (15, 16):
        curves.why[i] = SPANS
    sections._drop_islands(curves, cut)
    assert [i for i, why in enumerate(curves.why) if why] == [15, 16, 17, 18, 19]
    assert np.isnan(curves.area[17:]).all()
    assert np.isfinite(curves.area[:15]).all()


def test_four_hundred_planes_take_seconds():
    tube = Tube(rings=5, spokes=24, layers=121)
    points, cells, wall, inlet, outlet = structured(tube)
    assert len(cells) > 60_000
    heights = np.linspace(0.5e-3, 99.5e-3, 100)
    cut = planes(np.column_stack([0 * heights, 0 * heights, heights]), [0, 0, 1])
    nodal = {"velocity": points, "pressure": points[:, 2], "clot": points[:, :1]}
    start = time.process_time()
    sections.measure(points, cells, cut, Surfaces(np.r_[inlet, outlet], NONE, wall), nodal)
    # a quarter of the planes in a quarter of the 10 s that 400 of them may take
    assert time.process_time() - start < 2.5
