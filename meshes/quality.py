"""Is this a mesh one may compute on? Gates that stop, and figures that are kept with the mesh."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import MeshError
from meshes import topology
from meshes.shape import dihedral_angles, radius_ratios
from meshes.tagged import EXTENSION, WALL, TaggedMesh

Array = NDArray[Any]

PLAUSIBLE_RADIUS = (0.5e-3, 40e-3)
"""Equivalent radius of an opening [m]: from a calf vein to a dilated great vessel, with room."""

FLAT = 1e-9
"""A cell whose volume is below this part of its longest edge cubed has none."""


def check(mesh: TaggedMesh, *, any_size: bool = False) -> dict[str, float]:
    """The figures of a sound mesh. Raises `MeshError` for what makes it unsound."""
    gates(mesh, any_size=any_size)
    return figures(mesh)


def oriented(mesh: TaggedMesh) -> tuple[TaggedMesh, str]:
    """The mesh with positive cells, and what was changed: a file's cells may all be negative."""
    if len(mesh.cells) == 0 or not np.isfinite(mesh.points).all():
        return mesh, ""
    volume = topology.volumes(mesh.points, mesh.cells)
    if (volume < 0).all():
        turned = mesh.cells.copy()
        turned[:, [-2, -1]] = turned[:, [-1, -2]]
        return replace(mesh, cells=turned), "all cells were negatively oriented and were turned"
    return mesh, ""


def gates(mesh: TaggedMesh, *, any_size: bool = False) -> None:
    """Raises `MeshError` naming what, where (in mm) and what to do."""
    _cells_are_there(mesh)
    _cells_are_sound(mesh)
    _boundary_is_sound(mesh)
    if mesh.cells.shape[1] == 4:
        _openings_are_sound(mesh, any_size)


def opening_tags(mesh: TaggedMesh) -> dict[str, int]:
    """The tags of the patches that blood may cross, by name."""
    return {name: tag for tag, name in mesh.names.items() if name not in (WALL, EXTENSION)}


def at(point: Array) -> str:
    """A place in the mesh, for a message."""
    return "at (" + ", ".join(f"{1e3 * x:.2f}" for x in point) + ") mm"


def _cells_are_there(mesh: TaggedMesh) -> None:
    if len(mesh.cells) == 0:
        raise MeshError(
            "the mesh has no tetrahedra",
            do='give a volume mesh; a surface or image goes through kind = "mask"',
        )
    bad = np.flatnonzero(~np.isfinite(mesh.points).all(axis=1))
    if len(bad):
        raise MeshError(
            f"{len(bad)} points have coordinates that are not numbers",
            where=f"point {bad[0]}",
            do="write the mesh anew with its generator",
        )
    if mesh.cells.min() < 0 or mesh.cells.max() >= len(mesh.points):
        raise MeshError(
            "cells refer to points that are not there",
            where=f"point {mesh.cells.max()} of {len(mesh.points)}",
            do="the file is damaged: write it anew",
        )


def _cells_are_sound(mesh: TaggedMesh) -> None:
    volume = topology.volumes(mesh.points, mesh.cells)
    corner = mesh.points[mesh.cells]
    longest = np.linalg.norm(corner - np.roll(corner, 1, axis=1), axis=2).max(axis=1)
    bad = volume <= FLAT * longest ** (mesh.cells.shape[1] - 1)
    if bad.any():
        worst = int(np.argmin(volume / np.maximum(longest, 1e-300) ** (mesh.cells.shape[1] - 1)))
        raise MeshError(
            f"{int(bad.sum())} of {len(volume)} cells are inverted or have no volume",
            where=f"worst: cell {worst}, {at(corner[worst].mean(axis=0))}",
            do="mesh again with another edge length, or repair the surface there",
        )


def _boundary_is_sound(mesh: TaggedMesh) -> None:
    faces = topology.faces(mesh.cells)
    crowded = faces.count > 2
    if crowded.any():
        centre = mesh.points[faces.unique[crowded][0]].mean(axis=0)
        raise MeshError(
            f"{int(crowded.sum())} facets belong to more than two cells: the mesh overlaps itself",
            where=at(centre),
            do="remove doubled cells; merge each region once",
        )
    number, piece = topology.pieces(faces.pairs, len(mesh.cells))
    if number > 1:
        sizes = np.bincount(piece)
        small = int(np.argmin(sizes))
        centre = mesh.points[mesh.cells[piece == small]].mean(axis=(0, 1))
        raise MeshError(
            f"the mesh is in {number} pieces, the smallest of {sizes.min()} cells",
            where=at(centre),
            do="keep one connected lumen, or join coincident points",
        )
    border = faces.unique[faces.count == 1]
    _facets_match(mesh, border)
    if border.shape[1] == 3:
        _surface_is_closed(mesh, border)


def _facets_match(mesh: TaggedMesh, border: Array) -> None:
    row = topology.match(mesh.facets, border)
    stray = np.flatnonzero(row < 0)
    if len(stray):
        raise MeshError(
            f"{len(stray)} tagged facets are not on the boundary of the mesh",
            where=at(mesh.points[mesh.facets[stray[0]]].mean(axis=0)),
            do="tag boundary facets only (interior interfaces get cell tags)",
        )
    times = np.bincount(row, minlength=len(border))
    for wrong, what, do in (
        (
            times == 0,
            "have no tag",
            "tag every boundary facet: each belongs to an opening or the wall",
        ),
        (times > 1, "are tagged more than once", "openings overlap there: tag each facet once"),
    ):
        if wrong.any():
            raise MeshError(
                f"{int(wrong.sum())} of {len(border)} boundary facets {what}",
                where=at(mesh.points[border[wrong][0]].mean(axis=0)),
                do=do,
            )
    unnamed = sorted(set(np.unique(mesh.facet_tags).tolist()) - set(mesh.names))
    if unnamed:
        raise MeshError(
            f"boundary tags {unnamed} have no name",
            where="mesh.names",
            do=f"name them; named so far: {dict(mesh.names)}",
        )


def _surface_is_closed(mesh: TaggedMesh, border: Array) -> None:
    edge, count, _ = topology.edges(border)
    for wrong, what in (
        (count == 1, "a hole"),
        (count > 2, "walls that touch in an edge (not manifold)"),
    ):
        if wrong.any():
            raise MeshError(
                f"the boundary has {what}: {int(wrong.sum())} edges",
                where=at(mesh.points[edge[wrong][0]].mean(axis=0)),
                do="repair the surface there, then mesh again",
            )


def _openings_are_sound(mesh: TaggedMesh, any_size: bool) -> None:
    openings = opening_tags(mesh)
    if not openings:
        raise MeshError(
            "the mesh has no openings: all of its boundary is wall",
            where="mesh.openings or mesh.names",
            do="name at least one inlet and one outlet",
        )
    for name, tag in openings.items():
        facets = mesh.facets[mesh.facet_tags == tag]
        if len(facets) == 0:
            raise MeshError(
                f"the opening {name!r} has no facets",
                where=f"boundary tag {tag}",
                do="two openings may mean the same cap, or the tag is misspelt",
            )
        radius = float(
            np.sqrt(
                np.linalg.norm(topology.facet_vectors(mesh.points, facets), axis=1).sum() / np.pi
            )
        )
        if not any_size and not PLAUSIBLE_RADIUS[0] <= radius <= PLAUSIBLE_RADIUS[1]:
            raise MeshError(
                f"the opening {name!r} has a radius of {1e3 * radius:.4g} mm, which no vessel has",
                where="mesh.unit or the sizes in [mesh]",
                do=unit_advice(radius),
            )


def unit_advice(radius: float) -> str:
    """Which mistake of unit would explain an opening's ``radius`` [m]."""
    low, high = PLAUSIBLE_RADIUS
    guesses = [
        text
        for factor, text in (
            (1e-3, "the numbers look like mm where m was said"),
            (1e-2, "the numbers look like cm where m was said"),
            (1e-1, "the numbers look like mm where cm was said"),
            (1e3, "the numbers look like m where mm was said"),
            (1e1, "the numbers look like cm where mm was said"),
            (1e2, "the numbers look like m where cm was said"),
        )
        if low <= factor * radius <= high
    ]
    return "; or ".join(["check the unit", *guesses]) if guesses else "check the unit"


def figures(mesh: TaggedMesh) -> dict[str, float]:
    """Figures of merit, SI: sizes, volumes two ways, shape, caps, resolution."""
    volume = topology.volumes(mesh.points, mesh.cells)
    faces = topology.faces(mesh.cells)
    border = faces.outward[faces.count == 1]
    normals = topology.facet_vectors(mesh.points, border)
    centre = mesh.points.mean(axis=0)
    flux = np.einsum("ij,ij->", mesh.points[border].mean(axis=1) - centre, normals)
    ratio = radius_ratios(mesh.points, mesh.cells)
    result = {
        "cells": len(mesh.cells),
        "points": len(mesh.points),
        "volume": float(volume.sum()),
        "volume_by_surface": float(flux / (mesh.cells.shape[1] - 1)),
        "inverted": int((volume <= 0).sum()),
        "components": 1,
        "radius_ratio_min": float(ratio.min()),
        "radius_ratio_mean": float(ratio.mean()),
        "edge_median": float(np.median(_edge_lengths(mesh))),
    }
    if mesh.cells.shape[1] == 4:
        angle = dihedral_angles(mesh.points, mesh.cells)
        result |= {
            "dihedral_min": float(angle.min()),
            "dihedral_1_percent": float(np.percentile(angle, 1)),
        }
    for name, tag in opening_tags(mesh).items():
        result |= {f"{key}.{name}": value for key, value in _cap(mesh, tag).items()}
    return result | _resolution(mesh)


def _edge_lengths(mesh: TaggedMesh) -> Array:
    corner = mesh.points[mesh.cells]
    return np.linalg.norm(corner - np.roll(corner, 1, axis=1), axis=2)


def _cap(mesh: TaggedMesh, tag: int) -> dict[str, float]:
    """Area [m²] of a cap, and the largest distance from its mean plane [m]."""
    facets = mesh.facets[mesh.facet_tags == tag]
    vectors = topology.facet_vectors(mesh.points, facets)
    area = np.linalg.norm(vectors, axis=1)
    points = mesh.points[np.unique(facets)]
    normal = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][-1]
    off = np.abs((points - points.mean(axis=0)) @ normal).max()
    return {"area": float(area.sum()), "unevenness": float(off)}


def _resolution(mesh: TaggedMesh) -> dict[str, float]:
    """Cells across the narrowest section and its inscribed radius [m]; empty without sections."""
    if len(mesh.sections.radius) == 0 or mesh.cells.shape[1] != 4:
        return {}
    narrow = int(np.argmin(mesh.sections.radius))
    radius = float(mesh.sections.radius[narrow])
    near = (
        np.linalg.norm(mesh.points[mesh.cells].mean(axis=1) - mesh.sections.centre[narrow], axis=1)
        < radius
    )
    if not near.any():
        return {"narrowest_radius": radius}
    edge = float(_edge_lengths(mesh)[near].mean())
    return {"narrowest_radius": radius, "cells_across_narrowest": 2 * radius / edge}
