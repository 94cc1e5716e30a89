"""The parametric confluence has the calibres that it is asked for."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import CaseError
from core.settings import effective, read
from meshes import quality
from meshes.shapes import anatomy
from meshes.sources.confluence import Confluence
from meshes.topology import edges


def of(**more: object) -> Confluence:
    short = {"cava_length": "30 mm", "leg_length": "45 mm", "size": "3 mm", "across": 6}
    return read(Confluence, {**short, **more}, "test")


def test_caps_have_the_given_areas_with_wall_layers_too() -> None:
    mesh = of(layers=2).build(Path())
    quality.gates(mesh)
    figures = quality.figures(mesh)
    # a polygon of 12 edges or more: 4 % at most, all of one sign
    assert figures["area.cava"] == pytest.approx(265.3e-6, rel=0.03)
    assert figures["area.left"] == pytest.approx(193.9e-6, rel=0.04)
    assert figures["area.right"] == pytest.approx(166.9e-6, rel=0.04)
    assert set(mesh.names.values()) == {"wall", "cava", "left", "right"}
    assert figures["radius_ratio_min"] > 0.03
    assert figures["volume"] == pytest.approx(figures["volume_by_surface"], rel=1e-9)


def test_compression_takes_the_given_part() -> None:
    parts = anatomy.tubes(of(stenosis="62.4 %", flatness=3).shape())
    left = next(part for part in parts if part.name == "left")
    assert left.area.min() == pytest.approx(193.9 * (1 - 0.624), rel=1e-3)
    narrow = int(np.argmin(left.area))
    assert left.width[narrow] / left.depth[narrow] == pytest.approx(3, rel=1e-3)
    assert left.arc[-1] - left.arc[narrow] == pytest.approx(20, abs=0.3)


def test_distance_is_zero_on_the_ellipse_and_grows_by_one() -> None:
    left = next(part for part in anatomy.tubes(anatomy.Shape()) if part.name == "left")
    k = int(np.argmin(left.depth))
    side = np.cross(left.tangent[k], left.front[k])
    for axis, size in ((left.front[k], left.depth[k]), (side, left.width[k])):
        on = left.curve[k] + axis * size
        assert anatomy.distance(on[None], left)[0] == pytest.approx(0, abs=0.05)
        assert anatomy.distance((on + axis * 0.5)[None], left)[0] == pytest.approx(0.5, rel=0.15)


def test_internal_veins_join_without_handles() -> None:
    source = of(internal=True, leg_length="75 mm", common_length="50 mm")
    parts = anatomy.tubes(source.shape())
    assert {p.name for p in parts} >= {"left_internal", "right_internal"}
    surface = anatomy.surface_of(parts, grid=1.0)
    edge, count, _ = edges(surface.triangles)
    assert (count == 2).all()
    # Euler characteristic of a sphere: one piece, no handles
    assert len(surface.points) - len(edge) + len(surface.triangles) == 2


def test_case_text_gives_the_same_settings_again() -> None:
    source = of(stenosis="80 %", refine=[{"at": ["1 mm"] * 3, "radius": "4 mm", "size": "1 mm"}])
    again = read(Confluence, effective(source), "test")
    assert again.shape() == source.shape()
    assert again.refine[0].size == pytest.approx(source.refine[0].size)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"stenosis": "95 %"}, "less than or equal"),
        ({"stenosis_at": "40 mm"}, "beyond leg_length"),
        ({"internal": True}, "leg_length must exceed"),
        ({"left_area": "193 mm"}, "wrong dimension"),
    ],
)
def test_bad_settings_are_refused(more: dict[str, object], said: str) -> None:
    with pytest.raises(CaseError, match=said):
        of(**more)
