"""How centrelines become branches, without and with VMTK; and the process the meshers run in."""

import os
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from core.errors import MeshError
from meshes import centerline
from meshes.build import build
from meshes.ends.vmtk_lines import Line
from meshes.meshing.apart import apart
from meshes.sources import MeshSource
from meshes.tagged import Sections, TaggedMesh


def straight(*corners: tuple[float, float, float], radius: float = 2.0) -> Line:
    """A polyline with a point every 0.5 mm."""
    parts = []
    for start, end in pairwise(corners):
        count = int(np.linalg.norm(np.subtract(end, start)) / 0.5)
        parts.append(np.linspace(start, end, count, endpoint=False))
    points = np.concatenate([*parts, [corners[-1]]])
    return Line(points, np.full(len(points), radius))


FORK = (0.0, 0.0, 0.0)
HEART = (0.0, 0.0, 30.0)


def test_two_veins_meet_in_the_root() -> None:
    tracts = centerline.split(
        {
            "left": straight((20, 0, -20), FORK, HEART),
            "right": straight((-20, 0, -20), FORK, HEART),
        },
        "cava",
    )
    assert set(tracts) == {"left", "right", "cava"}
    # they run together once within 0.6 radii: 1.2 mm apart, from 0.8 mm before the fork
    assert tracts["left"].points[-1] == pytest.approx([0.7, 0, -0.7], abs=0.5)
    assert tracts["cava"].points[-1] == pytest.approx(HEART)
    assert tracts["left"].points[0] == pytest.approx([20, 0, -20])


def test_branches_between_confluences_have_joined_names() -> None:
    hip = (20.0, 0.0, -20.0)
    tracts = centerline.split(
        {
            "left": straight((30, 0, -50), hip, FORK, HEART),
            "left_internal": straight((10, 20, -50), hip, FORK, HEART),
            "right": straight((-20, 0, -20), FORK, HEART),
        },
        "cava",
    )
    assert set(tracts) == {"left", "left_internal", "left+left_internal", "right", "cava"}
    trunk = tracts["left+left_internal"]
    assert trunk.arc[-1] == pytest.approx(np.linalg.norm(hip), abs=3)


def test_lines_that_touch_and_part_again_have_not_met() -> None:
    crossing = straight((-20, 0.5, -10), (20, 0.5, -10), FORK, HEART)
    tracts = centerline.split(
        {"artery": crossing, "vein": straight((0, 0, -40), FORK, HEART)}, "cava"
    )
    assert tracts["vein"].arc[-1] == pytest.approx(40, abs=3)


def test_single_vessel_keeps_its_inlets_name() -> None:
    assert set(centerline.split({"inlet": straight(FORK, HEART)}, "outlet")) == {"inlet"}


def test_smoothing_keeps_the_ends_and_the_direction() -> None:
    zigzag = straight(FORK, HEART)
    points = zigzag.points + 0.2 * np.sin(np.arange(len(zigzag.points)))[:, None] * [1, 0, 0]
    even = centerline._even(Line(points, zigzag.radius))
    assert np.linalg.norm(even.points[0] - points[0]) < 0.1
    assert np.abs(even.points[:, 0]).max() < 0.1
    assert np.all(np.diff(even.points[:, 2]) > 0)


def test_wider_spacing(tube: TaggedMesh) -> None:
    sections = centerline.sections(tube, spacing=2e-3)
    assert np.diff(sections.arc) == pytest.approx(2e-3)
    assert sections.arc[0] == pytest.approx(4e-3)
    assert sections.arc[-1] <= 16.1e-3


def test_build_goes_on_without_a_centreline(
    tube: TaggedMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Given(MeshSource):
        """A source that gives a mesh it was given."""

        def build(self, folder: Path) -> TaggedMesh:
            return tube

    def broken(*_: object) -> Sections:
        raise MeshError("no line was found")

    monkeypatch.setattr(centerline, "sections", broken)
    built = build(Given(), Path())
    assert len(built.sections.radius) == 0
    assert "no centreline: no line was found" in built.record["warnings"]


def test_mesh_with_one_opening_has_no_centreline(tube: TaggedMesh) -> None:
    closed = replace(tube, names={1: "wall", 10: "inlet", 11: "wall"})
    with pytest.raises(MeshError, match="two openings"):
        centerline.sections(closed)


def aborts() -> None:
    os.abort()


def sleeps() -> None:
    time.sleep(60)


def fails() -> None:
    raise MeshError("no luck", "there", "try again")


def adds(a: int, b: int) -> tuple[int, str]:
    return a + b, os.environ.get("OMPI_COMM_WORLD_RANK", "none")


@pytest.mark.parametrize(
    ("function", "limit", "said"),
    [(aborts, 60.0, "died"), (sleeps, 1.0, "more than 1 s"), (fails, 60.0, "no luck")],
)
def test_a_mesher_that_dies_or_hangs_is_an_error(
    monkeypatch: pytest.MonkeyPatch, function: object, limit: float, said: str
) -> None:
    monkeypatch.setattr(function, "__module__", "tests.meshes.test_centerline")
    with pytest.raises(MeshError, match=said):
        apart(function, limit=limit)


def test_a_mesher_is_no_rank_of_its_parents_job(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "1")
    monkeypatch.setattr(adds, "__module__", "tests.meshes.test_centerline")
    assert apart(adds, 1, 2) == (3, "none")
