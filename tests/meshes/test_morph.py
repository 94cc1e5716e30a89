"""Morphing a tube: the radius it was asked for, the same cells, and refusals."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import CaseError, MeshError
from core.settings import read
from meshes import centerline, morph, quality
from meshes.sources.tube import Tube
from meshes.tagged import TaggedMesh


@pytest.fixture(scope="module")
def long_tube() -> TaggedMesh:
    """Radius 5 mm, length 60 mm, with its sections."""
    table = {"radius": "5 mm", "length": "60 mm", "size": "1.2 mm"}
    mesh = read(Tube, table, "test").build(Path())
    return replace(mesh, sections=centerline.sections(mesh))


def radii(mesh: TaggedMesh, z: float) -> np.ndarray:
    wall = mesh.points[np.unique(mesh.facets[mesh.facet_tags == 1])]
    return np.linalg.norm(wall[np.abs(wall[:, 2] - z) < 1e-3][:, :2], axis=1)


@pytest.mark.parametrize("factor", [0.5, 0.8, 1.4])
def test_radius_follows_the_factor(long_tube: TaggedMesh, factor: float) -> None:
    # the centreline has the tube's own direction: its arc is z
    new = morph.morphed(long_tube, {"inlet": morph.bump(30e-3, 20e-3, factor)})
    quality.gates(new)
    assert np.array_equal(new.cells, long_tube.cells)
    assert radii(new, 30e-3).mean() == pytest.approx(5e-3 * factor, rel=0.02)
    half = 1 + (factor - 1) / 2
    assert radii(new, 20e-3).mean() == pytest.approx(5e-3 * half, rel=0.03)
    assert new.sections.radius.min() == pytest.approx(5e-3 * min(1.0, factor), rel=0.03)
    # the openings are where they were
    area = quality.figures(long_tube)["area.inlet"]
    assert new.quality["area.inlet"] == pytest.approx(area, rel=0.01)
    assert new.quality["unevenness.outlet"] < 1e-6
    # π R² ∫ k² dz
    z = np.linspace(0, 60e-3, 4001)
    exact = np.pi * 5e-3**2 * np.trapezoid(morph.bump(30e-3, 20e-3, factor)(z) ** 2, z)
    assert new.quality["volume"] == pytest.approx(exact, rel=0.03)


def test_compression_from_one_side_keeps_the_width(long_tube: TaggedMesh) -> None:
    scale = {"inlet": morph.bump(30e-3, 20e-3, 0.4)}
    new = morph.morphed(long_tube, scale, flat=np.array([0.0, 1.0, 0.0]))
    wall = new.points[np.unique(new.facets[new.facet_tags == 1])]
    at = wall[np.abs(wall[:, 2] - 30e-3) < 1e-3]
    assert np.ptp(at[:, 0]) == pytest.approx(10e-3, rel=0.03)
    assert np.ptp(at[:, 1]) == pytest.approx(4e-3, rel=0.04)


def test_nothing_moves_where_nothing_is_asked(long_tube: TaggedMesh) -> None:
    same = morph.morphed(long_tube, {"inlet": morph.bump(30e-3, 20e-3, 1.0)})
    assert np.array_equal(same.points, long_tube.points)


def test_impossible_changes_are_refused(long_tube: TaggedMesh) -> None:
    with pytest.raises(CaseError, match="no branch 'left'"):
        morph.morphed(long_tube, {"left": morph.bump(0, 1e-2, 0.5)})
    with pytest.raises(CaseError, match="between"):
        morph.morphed(long_tube, {"inlet": morph.bump(30e-3, 1e-2, 9.0)})
    with pytest.raises(MeshError, match=r"fold|radius ratio"):
        morph.morphed(long_tube, {"inlet": morph.bump(30e-3, 1.5e-3, 3.5)})
