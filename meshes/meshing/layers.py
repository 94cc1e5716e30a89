"""Thin layers of cells along the wall: the wall is offset inwards, the core filled behind it.

The whole skin moves, caps too: a cap's rim slides in its plane and its inside follows, so that the
core's surface keeps the skin's triangles and tags. Prisms between the offsets become tetrahedra.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import spsolve

from core.errors import MeshError
from meshes import topology
from meshes.ends.openings import FIRST_OPENING
from meshes.meshing import split
from meshes.meshing.fill import filled
from meshes.sources import Ball
from meshes.surface import Surface

Array = NDArray[Any]

GROWTH = 1.3
"""Each layer is this much thicker than the one before it, seen from the wall."""

PASSES = 25


def layered(
    skin: Surface,
    thickness: Array,
    count: int,
    size: float,
    balls: Sequence[Ball],
) -> tuple[Array, Array, Array, Array]:
    """Points [mm], cells, facets and facet tags inside ``skin`` with ``count`` wall layers.

    ``thickness`` (N) is that of all layers together, wanted at each point of the skin; where the
    wall bends sharply they get thinner. Raises `MeshError` where they cannot be laid.
    """
    wall = skin.triangles[skin.tags < FIRST_OPENING]
    share = np.concatenate([[0.0], np.cumsum(GROWTH ** np.arange(count))])
    share /= share[-1]
    inwards = _untangled(skin, wall, thickness, share)
    core = Surface(skin.points + inwards, skin.triangles, skin.tags)
    points, cells, *_ = filled(core, size, balls)
    return _joined(skin, wall, [skin.points + s * inwards for s in share[:-1]], points, cells)


def _joined(
    skin: Surface, wall: Array, shells: list[Array], points: Array, cells: Array
) -> tuple[Array, Array, Array, Array]:
    """Shells and core as one mesh; the core's first points are the innermost shell, in order."""
    used = np.unique(wall)
    number = np.full(len(skin.points), -1, dtype=np.int64)
    number[used] = np.arange(len(used))
    offset = len(shells) * len(used)
    place: list[Array] = [number + k * len(used) for k in range(len(shells))]
    place.append(offset + np.arange(len(skin.points)))
    every = np.concatenate([*(shell[used] for shell in shells), points])
    parts = [cells + offset]
    for outer, inner in pairwise(place):
        prisms = np.concatenate([inner[wall], outer[wall]], axis=1)
        parts.append(split.tetrahedra(every, prisms, "wedge")[0])
    whole = np.concatenate(parts)
    return every, whole, *_tagged(skin, wall, whole, place)


def _tagged(skin: Surface, wall: Array, cells: Array, place: list[Array]) -> tuple[Array, Array]:
    """The boundary facets and their tags: by construction, never by place."""
    faces = topology.faces(cells)
    border = faces.outward[faces.count == 1]
    on_wall = skin.tags < FIRST_OPENING
    known = np.concatenate([place[0][wall], place[-1][skin.triangles[~on_wall]]])
    known_tags = np.concatenate([skin.tags[on_wall], skin.tags[~on_wall]])
    row = topology.match(border, known)
    tags = np.where(row >= 0, known_tags[row], -1)
    # what is left are the sides of the layers, in the planes of the caps
    cap = np.full(cells.max() + 1, -1, dtype=np.int64)
    for tag in np.unique(skin.tags[~on_wall]):
        rim = np.intersect1d(skin.triangles[skin.tags == tag], wall)
        for shell in place:
            cap[shell[rim]] = tag
    side = tags < 0
    corner = cap[border[side]]
    if (corner < 0).any() or (corner != corner[:, :1]).any():
        raise MeshError("the wall layers are not closed", do="use fewer or no layers")
    tags[side] = corner[:, 0]
    return border, tags.astype(np.int32)


def _untangled(skin: Surface, wall: Array, thickness: Array, share: Array) -> Array:
    """The way in for every point of the skin [mm], short enough that no layer folds."""
    neighbours = _adjacency(skin.triangles, len(skin.points))
    along = _adjacency(wall, len(skin.points))
    direction = _directions(skin, wall, along)
    thick = _smoothed(thickness, along, 30)
    for _ in range(PASSES):
        inwards = _with_caps(skin, wall, -thick[:, None] * direction, neighbours)
        bad = _folded(skin, wall, inwards, share)
        if len(bad) == 0:
            return inwards
        touched = np.zeros(len(skin.points))
        touched[bad] = 1
        touched = np.minimum(touched + (along @ touched > 0), 1)
        thick = thick * (1 - 0.3 * touched)
        for _ in range(5):
            thick = np.minimum(thick, _smoothed(thick, along, 1))
    centre = np.round(skin.points[bad[0]], 1).tolist()
    raise MeshError(
        f"wall layers fold at {len(bad)} points of the wall",
        where=f"e.g. around {centre} mm",
        do="use layers = 0, a smaller layer_thickness or a smaller size",
    )


def _directions(skin: Surface, wall: Array, along: Any) -> Array:
    """Smoothed outward normals of the wall; at a cap's rim they lie in the cap's plane."""
    normal = np.zeros_like(skin.points)
    vectors = topology.facet_vectors(skin.points, wall)
    for k in range(3):
        np.add.at(normal, wall[:, k], vectors)
    planes = []
    for tag in np.unique(skin.tags[skin.tags >= FIRST_OPENING]):
        lid = skin.triangles[skin.tags == tag]
        flat = topology.facet_vectors(skin.points, lid).sum(axis=0)
        planes.append((np.intersect1d(lid, wall), flat / np.linalg.norm(flat)))
    for _ in range(20):
        for rim, flat in planes:
            normal[rim] -= np.outer(normal[rim] @ flat, flat)
        normal /= np.maximum(np.linalg.norm(normal, axis=1), 1e-300)[:, None]
        normal = _smoothed(normal, along, 1)
    for rim, flat in planes:
        normal[rim] -= np.outer(normal[rim] @ flat, flat)
    return normal / np.maximum(np.linalg.norm(normal, axis=1), 1e-300)[:, None]


def _with_caps(skin: Surface, wall: Array, inwards: Array, neighbours: Any) -> Array:
    """The motion with the caps' inner points following their rims (a discrete harmonic map)."""
    free = np.setdiff1d(np.arange(len(skin.points)), wall)
    if len(free) == 0:
        return inwards
    degree = sparse.diags(np.asarray(neighbours.sum(axis=1)).ravel())
    laplace = (degree - neighbours).tocsr()
    fixed = np.unique(wall)
    load = -laplace[free][:, fixed] @ inwards[fixed]
    moved = inwards.copy()
    moved[free] = spsolve(laplace[free][:, free].tocsc(), load)
    return moved


def _folded(skin: Surface, wall: Array, inwards: Array, share: Array) -> Array:
    """Points at which a prism is not sound, or the inner skin turns or shrinks too much."""
    bad = []
    shells = [skin.points + s * inwards for s in share]
    count = len(skin.points)
    for outer, inner in pairwise(shells):
        prisms = np.concatenate([wall, wall + count], axis=1)
        tets, origin = split.tetrahedra(np.concatenate([inner, outer]), prisms, "wedge")
        volume = topology.volumes(np.concatenate([inner, outer]), tets)
        bad.append(wall[origin[volume <= 0]].ravel())
    before = topology.facet_vectors(skin.points, skin.triangles)
    after = topology.facet_vectors(shells[-1], skin.triangles)
    size, left = (np.linalg.norm(x, axis=1) for x in (before, after))
    turned = np.einsum("ij,ij->i", before, after) < 0.5 * size * left
    bad.append(skin.triangles[turned | (left < 0.15 * size)].ravel())
    return np.intersect1d(np.concatenate(bad), wall)


def _adjacency(triangles: Array, number: int) -> Any:
    edge, _, _ = topology.edges(triangles)
    both = np.concatenate([edge, edge[:, ::-1]])
    return sparse.csr_matrix(
        (np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(number, number)
    )


def _smoothed(values: Array, along: Any, times: int) -> Array:
    """Half its own value and half its neighbours' mean, ``times`` over; lone points stay."""
    degree = np.asarray(along.sum(axis=1)).ravel()
    half = 0.5 * (degree > 0)
    mean = sparse.diags(half / np.maximum(degree, 1)) @ along + sparse.diags(1 - half)
    for _ in range(times):
        values = mean @ values
    return values
