"""Every gate stops its own kind of bad mesh, and says what, where and what to do."""

from dataclasses import replace

import numpy as np
import pytest

from core.errors import MeshError
from meshes import quality, shape, topology
from meshes.quality import check, gates
from meshes.tagged import TaggedMesh

REGULAR = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=float)


def refused(mesh: TaggedMesh, what: str) -> MeshError:
    with pytest.raises(MeshError, match=what) as caught:
        gates(mesh)
    assert caught.value.do
    return caught.value


def test_sound_mesh_passes(tube: TaggedMesh) -> None:
    figures = check(tube)
    assert figures["cells"] == len(tube.cells)
    assert 0.1 < figures["radius_ratio_min"] < figures["radius_ratio_mean"] < 1
    assert 5 < figures["dihedral_min"] < figures["dihedral_1_percent"] < 60
    assert figures["unevenness.inlet"] < 1e-12


def test_shape_of_known_cells() -> None:
    cell = np.array([[0, 1, 2, 3]])
    assert shape.radius_ratios(REGULAR, cell) == pytest.approx(1)
    assert shape.dihedral_angles(REGULAR, cell) == pytest.approx(np.degrees(np.arccos(1 / 3)))
    corner = np.vstack([np.zeros(3), np.eye(3)])
    # three right angles meet: r = (3 − √3)/6, R = √3/2
    assert shape.radius_ratios(corner, cell) == pytest.approx((3 - np.sqrt(3)) / np.sqrt(3))
    # the faces on the axes meet the oblique one at atan √2, each other at 90°
    assert shape.dihedral_angles(corner, cell) == pytest.approx(np.degrees(np.arctan(np.sqrt(2))))
    triangle = np.array([[0.0, 0], [1, 0], [0.5, np.sqrt(3) / 2]])
    assert shape.radius_ratios(triangle, np.array([[0, 1, 2]])) == pytest.approx(1)


def test_all_negative_cells_are_turned(tube: TaggedMesh) -> None:
    mirrored = replace(tube, cells=tube.cells[:, [0, 1, 3, 2]])
    refused(mirrored, "inverted")
    turned, said = quality.oriented(mirrored)
    assert "turned" in said
    gates(turned)


def test_mixed_orientation_is_refused_with_its_place(tube: TaggedMesh) -> None:
    cells = tube.cells.copy()
    cells[17] = cells[17][[0, 1, 3, 2]]
    mixed, said = quality.oriented(replace(tube, cells=cells))
    assert said == ""
    error = refused(mixed, f"1 of {len(cells)} cells are inverted")
    centre = tube.points[tube.cells[17]].mean(axis=0)
    assert quality.at(centre) in error.where
    assert "cell 17" in error.where


def test_flat_cell_is_refused(tube: TaggedMesh) -> None:
    cells = np.vstack([tube.cells, [0, 1, 2, 2]])
    tags = np.append(tube.cell_tags, 100)
    refused(replace(tube, cells=cells, cell_tags=tags), "no volume")


def test_nan_point_is_refused(tube: TaggedMesh) -> None:
    points = tube.points.copy()
    points[5, 1] = np.nan
    assert "point 5" in refused(replace(tube, points=points), "not numbers").where


def test_no_cells_is_refused(tube: TaggedMesh) -> None:
    refused(replace(tube, cells=tube.cells[:0]), "no tetrahedra")


def test_missing_point_is_refused(tube: TaggedMesh) -> None:
    refused(replace(tube, points=tube.points[:-1]), "points that are not there")


def test_untagged_facet_is_refused(tube: TaggedMesh) -> None:
    refused(
        replace(tube, facets=tube.facets[1:], facet_tags=tube.facet_tags[1:]),
        "1 of .* have no tag",
    )


def test_facet_tagged_twice_is_refused(tube: TaggedMesh) -> None:
    twice = replace(
        tube,
        facets=np.vstack([tube.facets, tube.facets[:1]]),
        facet_tags=np.append(tube.facet_tags, 10),
    )
    assert "overlap" in refused(twice, "tagged more than once").do


def test_inner_facet_is_refused(tube: TaggedMesh) -> None:
    faces = topology.faces(tube.cells)
    inner = faces.unique[faces.count == 2][:1]
    more = replace(
        tube, facets=np.vstack([tube.facets, inner]), facet_tags=np.append(tube.facet_tags, 1)
    )
    refused(more, "not on the boundary")


def test_unnamed_tag_is_refused(tube: TaggedMesh) -> None:
    refused(replace(tube, names={1: "wall", 10: "inlet"}), r"tags \[11\] have no name")


def test_no_openings_is_refused(tube: TaggedMesh) -> None:
    refused(replace(tube, names=dict.fromkeys(tube.names, "wall")), "no openings")


def test_opening_without_facets_is_refused(tube: TaggedMesh) -> None:
    refused(replace(tube, names={**tube.names, 12: "side"}), "'side' has no facets")


def test_two_pieces_are_refused_with_the_place_of_the_smaller(tube: TaggedMesh) -> None:
    count = len(tube.points)
    points = np.vstack([tube.points, REGULAR * 1e-3 + [0.1, 0, 0]])
    lone = np.array([[0, 2, 1, 3]]) + count
    if topology.volumes(points, lone)[0] < 0:
        lone = lone[:, [0, 2, 1, 3]]
    facets = topology.faces(lone).outward
    two = replace(
        tube,
        points=points,
        cells=np.vstack([tube.cells, lone]),
        cell_tags=np.append(tube.cell_tags, 100),
        facets=np.vstack([tube.facets, facets]),
        facet_tags=np.append(tube.facet_tags, [1] * 4),
    )
    assert "(100.00, 0.00, 0.00)" in refused(two, "in 2 pieces").where


def test_doubled_cell_is_refused(tube: TaggedMesh) -> None:
    cells = np.vstack([tube.cells, tube.cells[:1]])
    refused(replace(tube, cells=cells, cell_tags=np.append(tube.cell_tags, 100)), "more than two")


def test_edge_contact_is_refused() -> None:
    """Two stacks of tetrahedra that touch in an edge only."""
    ring = np.array([[np.cos(a), np.sin(a), 0] for a in np.linspace(0, np.pi, 4)])
    points = 1e-3 * np.vstack([[0, 0, -1], [0, 0, 1], ring, -ring[1:3]])
    # around the axis (0, 1): three cells on one side, one on the other, facing but not adjacent
    cells = np.array([[0, 1, 2, 3], [0, 1, 3, 4], [0, 1, 4, 5], [0, 1, 6, 7]])
    cells[topology.volumes(points, cells) < 0] = cells[topology.volumes(points, cells) < 0][
        :, [0, 1, 3, 2]
    ]
    faces = topology.faces(cells)
    border = faces.outward[faces.count == 1]
    mesh = TaggedMesh(
        points, cells, np.full(4, 100), border, np.ones(len(border), dtype=int), {1: "wall"}
    )
    refused(mesh, "pieces")
    with pytest.raises(MeshError, match="touch in an edge"):
        quality._surface_is_closed(mesh, border)


@pytest.mark.parametrize(
    ("factor", "advice"), [(1e3, "mm where m"), (1e-3, "m where mm"), (1e2, "cm where m")]
)
def test_implausible_size_suggests_the_unit(tube: TaggedMesh, factor: float, advice: str) -> None:
    wrong = replace(tube, points=tube.points * factor)
    assert advice in refused(wrong, "which no vessel has").do
    gates(wrong, any_size=True)


def test_two_dimensional_mesh_passes() -> None:
    points = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    cells = np.array([[0, 1, 2], [0, 2, 3]])
    facets = np.array([[0, 1], [1, 2], [2, 3], [3, 0]])
    mesh = TaggedMesh(points, cells, np.full(2, 100), facets, np.ones(4, dtype=int), {1: "wall"})
    assert check(mesh)["volume"] == pytest.approx(1)
    assert check(mesh)["volume_by_surface"] == pytest.approx(1)
