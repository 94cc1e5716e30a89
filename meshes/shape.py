"""Shape of simplices: 1 is equilateral, 0 is flat."""

from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meshes.topology import volumes

Array = NDArray[Any]


def radius_ratios(points: Array, cells: Array) -> Array:
    """d · inscribed / circumscribed radius of each cell: 1 for equilateral, 0 for flat [1]."""
    return (
        _triangle_ratios(points, cells)
        if cells.shape[1] == 3
        else _tetrahedron_ratios(points, cells)
    )


def _tetrahedron_ratios(points: Array, cells: Array) -> Array:
    a, b, c, d = (points[cells[:, i]] for i in range(4))
    area = sum(
        np.linalg.norm(np.cross(q - p, r - p), axis=1) / 2
        for p, q, r in ((b, c, d), (a, c, d), (a, b, d), (a, b, c))
    )
    volume = np.abs(volumes(points, cells))
    e, f, g = b - a, c - a, d - a
    offset = np.linalg.norm(
        (e**2).sum(1)[:, None] * np.cross(f, g)
        + (f**2).sum(1)[:, None] * np.cross(g, e)
        + (g**2).sum(1)[:, None] * np.cross(e, f),
        axis=1,
    )
    # 3 r / R with r = 3V/A and R = offset / 12V
    return 108 * volume**2 / np.maximum(area * offset, 1e-300)


def _triangle_ratios(points: Array, cells: Array) -> Array:
    a, b, c = (
        np.linalg.norm(points[cells[:, i]] - points[cells[:, j]], axis=1)
        for i, j in ((1, 2), (2, 0), (0, 1))
    )
    # 2 r / R with r = 2S/(a+b+c) and R = abc/4S
    heron = (b + c - a) * (c + a - b) * (a + b - c)
    return heron / np.maximum(a * b * c, 1e-300)


def dihedral_angles(points: Array, cells: Array) -> Array:
    """The smallest angle between two faces of each tetrahedron [degree]."""
    normals = []
    for i, j, k in ((1, 2, 3), (0, 3, 2), (0, 1, 3), (0, 2, 1)):
        a, b, c = (points[cells[:, m]] for m in (i, j, k))
        normal = np.cross(b - a, c - a)
        normals.append(normal / np.maximum(np.linalg.norm(normal, axis=1), 1e-300)[:, None])
    cosines = [np.einsum("ij,ij->i", -p, q) for p, q in combinations(normals, 2)]
    return np.degrees(np.arccos(np.clip(np.max(cosines, axis=0), -1, 1)))
