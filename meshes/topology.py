"""Simplex meshes as arrays (triangles in 2D, tetrahedra in 3D): volumes, boundary, pieces."""

from dataclasses import dataclass
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

Array = NDArray[Any]

OUTWARD = {
    3: np.array([[0, 1], [1, 2], [2, 0]]),
    4: np.array([[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]]),
}
"""Corners of each facet of a positively oriented cell, ordered so that the normal points out."""


def volumes(points: Array, cells: Array) -> Array:
    """Signed volume of each tetrahedron [m³], or area of each triangle in the plane [m²]."""
    edges = points[cells[:, 1:]] - points[cells[:, :1]]
    dim = cells.shape[1] - 1
    return np.linalg.det(edges[:, :, :dim]) / factorial(dim)


def facet_vectors(points: Array, facets: Array) -> Array:
    """Area-weighted normal of each facet: (F, 3) of triangles, (F, 2) of edges in 2D."""
    if facets.shape[1] == 2:
        along = points[facets[:, 1]] - points[facets[:, 0]]
        return np.stack([along[:, 1], -along[:, 0]], axis=1)
    a, b, c = (points[facets[:, i]] for i in range(3))
    return np.cross(b - a, c - a) / 2


@dataclass(frozen=True)
class Faces:
    """All facets of a mesh, each once, with sorted corners; how many cells share each."""

    unique: Array
    count: Array
    outward: Array
    """One outward-ordered copy of each unique facet."""
    cell: Array
    """The first cell that has the facet."""
    pairs: Array
    """(P, 2) cells that share a facet."""


def faces(cells: Array) -> Faces:
    """The facets of ``cells`` and who shares them."""
    order = OUTWARD[cells.shape[1]]
    every = cells[:, order].reshape(-1, order.shape[1])
    unique, first, inverse, count = np.unique(
        np.sort(every, axis=1), axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    owner = np.repeat(np.arange(len(cells)), len(order))
    by_facet = np.argsort(inverse.ravel(), kind="stable")
    starts = np.concatenate([[0], np.cumsum(count)[:-1]])
    shared = starts[count == 2]
    pairs = np.stack([owner[by_facet[shared]], owner[by_facet[shared + 1]]], axis=1)
    return Faces(unique, count, every[first], owner[first], pairs)


def pieces(pairs: Array, number: int) -> tuple[int, Array]:
    """How many pieces ``number`` things form that touch by ``pairs``, and each one's piece."""
    graph = sparse.coo_matrix(
        (np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(number, number)
    )
    count, label = csgraph.connected_components(graph, directed=False)
    return int(count), label


def edges(triangles: Array) -> tuple[Array, Array, Array]:
    """Unique edges of a surface (E, 2), how often each is used, the edge of every side."""
    sides = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, inverse, count = np.unique(sides, axis=0, return_inverse=True, return_counts=True)
    return unique, count, inverse.reshape(-1, 3)


def neighbours(triangles: Array) -> Array:
    """(P, 2) triangles that share an edge that is used exactly twice."""
    _, count, inverse = edges(triangles)
    order = np.argsort(inverse.ravel(), kind="stable")
    starts = np.concatenate([[0], np.cumsum(count)[:-1]])[count == 2]
    return np.stack([order[starts] // 3, order[starts + 1] // 3], axis=1)


def match(wanted: Array, known: Array) -> Array:
    """For each facet of ``wanted`` its row in ``known``, or −1; corner order does not matter."""
    both = np.sort(np.concatenate([known, wanted]), axis=1)
    _, inverse = np.unique(both, axis=0, return_inverse=True)
    inverse = inverse.ravel()
    place = np.full(inverse.max() + 1 if len(inverse) else 0, -1, dtype=np.int64)
    place[inverse[: len(known)]] = np.arange(len(known))
    return place[inverse[len(known) :]]
