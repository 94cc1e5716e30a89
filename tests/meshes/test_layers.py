"""Wall layers keep the vessel's shape and tags, and lie along the wall only."""

import numpy as np
import pytest

from core.errors import MeshError
from meshes import quality, topology
from meshes.ends.openings import FIRST_OPENING
from meshes.meshing import layers
from meshes.surface import Surface
from meshes.tagged import TaggedMesh


@pytest.fixture(scope="module")
def skin(tube: TaggedMesh) -> Surface:
    """The tube's boundary in millimetres."""
    used, flat = np.unique(tube.facets, return_inverse=True)
    faces = topology.faces(tube.cells)
    border = faces.outward[faces.count == 1]
    facets = border[topology.match(tube.facets, border)]
    new = np.full(len(tube.points), -1)
    new[used] = np.arange(len(used))
    assert flat.max() == len(used) - 1
    return Surface(tube.points[used] * 1e3, new[facets], tube.facet_tags)


def test_layered_tube_is_the_same_tube(skin: Surface) -> None:
    points, cells, facets, tags = layers.layered(skin, np.full(len(skin.points), 1.0), 3, 1.5, [])
    mesh = TaggedMesh(
        points * 1e-3,
        cells,
        np.full(len(cells), 100),
        facets,
        tags,
        {1: "wall", 10: "inlet", 11: "outlet"},
    )
    quality.gates(mesh)
    figures = quality.figures(mesh)
    assert figures["volume"] == pytest.approx(skin.volume * 1e-9, rel=1e-9)
    assert figures["unevenness.inlet"] < 1e-12
    # the wall's facets are those of the skin, one for one
    assert (tags == 1).sum() == (skin.tags == 1).sum()
    assert (tags == 10).sum() > (skin.tags == 10).sum()
    radius = np.linalg.norm(points[:, :2], axis=1)
    # 1 mm in three layers that grow by 1.3: the first is 0.25 mm, seen from the wall
    first = radius[np.abs(radius - 4.75) < 0.06]
    assert len(first) > 0.8 * len(np.unique(skin.triangles[skin.tags < FIRST_OPENING]))


def test_too_thick_layers_get_thinner_or_are_refused(
    skin: Surface, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = skin.triangles[skin.tags == 1]
    wanted = np.full(len(skin.points), 6.0)
    inwards = layers._untangled(skin, wall, wanted, np.array([0.0, 1.0]))
    # beyond the axis, 5 mm away, the wall would turn inside out
    assert np.linalg.norm(inwards[np.unique(wall)], axis=1).max() < 5.0
    monkeypatch.setattr(layers, "PASSES", 1)
    with pytest.raises(MeshError, match="wall layers fold") as caught:
        layers._untangled(skin, wall, wanted, np.array([0.0, 1.0]))
    assert "layers = 0" in caught.value.do
