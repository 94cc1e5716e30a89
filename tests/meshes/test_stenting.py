"""A virtual stent: the lumen round and as wide as asked, sound cells, the rest as it was."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import CaseError
from core.settings import read
from meshes import morph, quality
from meshes.build import build
from meshes.changes import mesh_changes
from meshes.changes.stent import Stent
from meshes.meshing.improve import improved
from meshes.sources import sources
from meshes.tagged import TaggedMesh

NARROWED = {
    "kind": "stenosis", "radius": "7 mm", "length": "70 mm", "at": "35 mm", "width": "14 mm",
    "narrowing": 0.7, "flatness": 3.0, "size": "2.4 mm", "across": 5,
}


@pytest.fixture(scope="module")
def flat() -> TaggedMesh:
    """A vein of radius 7 mm pressed to a flat 30 % of its lumen at 35 mm."""
    return build(sources.build(NARROWED), Path())


def stented(mesh: TaggedMesh, **table: str) -> TaggedMesh:
    asked = {"branch": "inlet", "length": "30 mm", "diameter": "15 mm", **table}
    return read(Stent, asked, "test").applied(mesh)


def radii(mesh: TaggedMesh, z: float) -> np.ndarray:
    wall = mesh.points[np.unique(mesh.facets[mesh.facet_tags == 1])]
    return np.linalg.norm(wall[np.abs(wall[:, 2] - z) < 2e-3][:, :2], axis=1)


def test_a_flat_lumen_becomes_round(flat: TaggedMesh) -> None:
    before = radii(flat, 35e-3)
    assert before.max() / before.min() > 2.0
    new = stented(flat)
    for z in (25e-3, 35e-3, 45e-3):
        after = radii(new, z)
        assert after.mean() == pytest.approx(7.5e-3, rel=0.02)
        # the rim is known from wall points 2.4 mm apart, on a lumen 4 mm deep
        assert after.std() < 0.05 * after.mean()
    quality.gates(new)
    assert new.quality["radius_ratio_min"] > 0.1
    assert new.quality["volume"] > flat.quality["volume"]
    # nothing moves far away, and openings keep their area
    far = np.abs(flat.points[:, 2] - 35e-3) > 25e-3
    edge = np.unique(flat.facets)
    kept = np.intersect1d(np.flatnonzero(far), edge)
    np.testing.assert_allclose(
        new.quality["area.inlet"], flat.quality["area.inlet"], rtol=1e-6)
    assert len(kept)
    low, high = new.sections.radius.min(), new.sections.radius.max()
    assert low > 0.85 * 7e-3
    assert high == pytest.approx(7.5e-3, rel=1e-6)


def test_residual_narrowing_and_a_shrinking_neighbour(flat: TaggedMesh) -> None:
    new = stented(flat, residual="10 %", diameter="16 mm", shrink="20 %", shrink_length="12 mm",
                  length="20 mm", ease="4 mm")
    assert radii(new, 35e-3).mean() == pytest.approx(7.2e-3, rel=0.02)
    # beyond the easing below the stent, 8 mm, the vein has lost a fifth
    assert radii(new, 12e-3).mean() == pytest.approx(0.8 * radii(flat, 12e-3).mean(), rel=0.03)
    assert radii(new, 65e-3).mean() == pytest.approx(radii(flat, 65e-3).mean(), rel=0.01)


def test_a_stent_in_a_wide_vein_is_refused(flat: TaggedMesh) -> None:
    with pytest.raises(CaseError, match="narrower than"):
        stented(flat, diameter="4 mm")
    with pytest.raises(CaseError, match="no branch 'left'"):
        stented(flat, branch="left")
    with pytest.raises(CaseError, match="mm long"):
        stented(flat, at="90 mm")


def test_calibre_scales_the_volume(flat: TaggedMesh) -> None:
    new = mesh_changes.build({"kind": "calibre", "factor": 0.8}).applied(flat)
    assert new.quality["volume"] == pytest.approx(0.64 * flat.quality["volume"], rel=0.01)
    assert np.array_equal(new.cells, flat.cells)


def test_a_changed_mesh_keeps_the_planes_of_the_first(flat: TaggedMesh) -> None:
    change = {"kind": "calibre", "factor": 1.1}
    new = build(sources.build({"kind": "changed", "of": NARROWED, "changes": [change]}), Path())
    np.testing.assert_array_equal(new.sections.arc, flat.sections.arc)
    np.testing.assert_array_equal(new.sections.branch, flat.sections.branch)
    assert new.record["changed"][-1] == "morphed along inlet"
    assert new.record["source"]["kind"] == "changed"


def test_mending_keeps_the_boundary(flat: TaggedMesh) -> None:
    rng = np.random.default_rng(1)
    inner = np.setdiff1d(np.arange(len(flat.points)), np.unique(flat.facets))
    points = flat.points.copy()
    points[inner] += rng.uniform(-2e-4, 2e-4, (len(inner), 3))
    worse = replace(flat, points=points)
    better = improved(worse)
    assert quality.figures(better)["volume"] == pytest.approx(flat.quality["volume"], rel=1e-9)
    assert sorted(better.facet_tags) == sorted(flat.facet_tags)
    assert (
        quality.figures(better)["radius_ratio_min"] >= quality.figures(worse)["radius_ratio_min"]
    )


def test_plateau_is_one_inside_and_eases_off() -> None:
    weight = morph.plateau(10e-3, 20e-3, 4e-3)(np.array([5e-3, 8e-3, 10e-3, 15e-3, 22e-3, 24e-3]))
    np.testing.assert_allclose(weight, [0, 0.5, 1, 1, 0.5, 0], atol=1e-12)
