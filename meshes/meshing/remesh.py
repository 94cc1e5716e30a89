"""Triangles of wanted size on a tagged closed surface, its rims and flat caps kept (MMG)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from core.errors import MeshError
from meshes import topology
from meshes.ends.openings import FIRST_OPENING
from meshes.ends.vmtk_lines import Line
from meshes.meshing.apart import apart
from meshes.sources import GROWTH, Ball
from meshes.surface import Surface, outwards

Array = NDArray[Any]


def sizes(
    points: Array, lines: Sequence[Line], size: float, across: float, balls: Sequence[Ball]
) -> tuple[Array, Array]:
    """Edge length [mm] wanted at ``points``, and the vessel's radius there.

    ``size``, or less where the vessel is narrow (``across`` edges over its diameter), or in and
    near a refined ball.
    """
    middle = np.concatenate([line.points for line in lines])
    radius = np.concatenate([line.radius for line in lines])
    near = radius[cKDTree(middle).query(points)[1]]
    wanted = np.minimum(size, 2 * near / across)
    for centre, reach, fine in balls:
        beyond = np.maximum(np.linalg.norm(points - centre, axis=1) - reach, 0)
        wanted = np.minimum(wanted, fine + GROWTH * beyond)
    return wanted, near


def remeshed(surface: Surface, wanted: Array, radius: Array, limit: float = 300.0) -> Surface:
    """The surface with edges ``wanted`` [mm] long, tags carried. Raises `MeshError`."""
    # the sagitta of an edge on its circle, with room: a smaller tolerance would refine instead
    chord = float(np.percentile(3 * wanted**2 / (8 * radius), 75))
    arrays = apart(_mmg, surface, wanted, min(max(chord, 0.02), 0.2), limit=limit)
    new = outwards(Surface(*arrays))
    lost = set(np.unique(surface.tags)) - set(np.unique(new.tags))
    if lost or abs(new.volume / surface.volume - 1) > 0.03:
        raise MeshError(
            "remeshing the surface changed it too much",
            where=f"volume {surface.volume:.1f} to {new.volume:.1f} mm³, lost tags {sorted(lost)}",
            do="use a smaller `size`",
        )
    unique, count, _ = topology.edges(new.triangles)
    if (count != 2).any():
        where = new.points[unique[count != 2]].mean(axis=1)[0]
        raise MeshError(
            "the vessel folds up where it is narrower than its triangles",
            where=f"{int((count != 2).sum())} edges, near {np.round(where, 2).tolist()} mm",
            do="branches that end in no opening are meshed as coarsely as the vessel they leave: "
            "declare their ends, take them off the label, or use a smaller `size`",
        )
    return new


def _mmg(surface: Surface, wanted: Array, chord: float) -> tuple[Array, Array, Array]:
    import mmgpy

    rim, rim_tag = _rims(surface)
    mesh = mmgpy.MmgMeshS()
    mesh.set_mesh_size(
        vertices=len(surface.points), triangles=len(surface.triangles), edges=len(rim)
    )
    mesh.set_vertices(np.ascontiguousarray(surface.points))
    mesh.set_triangles(surface.triangles.astype(np.int32), surface.tags.astype(np.int32))
    mesh.set_edges(rim.astype(np.int32), rim_tag.astype(np.int32))
    # where the wall passes into an extension it is smooth: an edge of tags, not a ridge
    mesh.set_ridge_edges(np.flatnonzero(rim_tag >= FIRST_OPENING).astype(np.int32))
    mesh.set_field("metric", np.ascontiguousarray(wanted.reshape(-1, 1)))
    # no angle detection (slivers look like ridges): the rims are the only ridges
    said = mesh.remesh(hausd=chord, hgrad=1 + GROWTH, verbose=-1, angle=0)
    flattened = [text for text in said["warnings"] if "flattened angle" in text]
    if flattened:
        raise MeshError(f"the surface cannot be remeshed: {flattened[0]}", do="repair the surface")
    triangles, tags = mesh.get_triangles_with_refs()
    return (
        np.asarray(mesh.get_vertices()),
        np.asarray(triangles).astype(np.int64),
        np.asarray(tags),
    )


def _rims(surface: Surface) -> tuple[Array, Array]:
    """Edges between triangles of different tags, and the larger of the two tags."""
    unique, _, inverse = topology.edges(surface.triangles)
    low = np.full(len(unique), np.iinfo(np.int32).max, dtype=np.int64)
    high = np.full(len(unique), -1, dtype=np.int64)
    tags = np.repeat(surface.tags, 3)
    np.minimum.at(low, inverse.ravel(), tags)
    np.maximum.at(high, inverse.ravel(), tags)
    return unique[low != high], high[low != high]
