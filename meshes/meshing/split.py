"""Prisms, pyramids and hexahedra into tetrahedra that fit together.

Each polygon is cut into a fan from its corner of smallest number, each cell into the pyramids from
its corner of smallest number over the faces without it: neighbours then agree on every shared face
(pulling triangulation by a global order; cells must be convex).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from meshes import topology

Array = NDArray[Any]

FACES = {
    "wedge": ((0, 1, 2), (3, 5, 4), (0, 3, 4, 1), (1, 4, 5, 2), (2, 5, 3, 0)),
    "pyramid": ((0, 3, 2, 1), (0, 1, 4), (1, 2, 4), (2, 3, 4), (3, 0, 4)),
    "hexahedron": (
        (0, 4, 7, 3),
        (1, 2, 6, 5),
        (0, 1, 5, 4),
        (3, 7, 6, 2),
        (0, 3, 2, 1),
        (4, 5, 6, 7),
    ),
}
"""Outward faces of the cells in VTK's numbering, which meshio shares."""


def tetrahedra(points: Array, cells: Array, kind: str) -> tuple[Array, Array]:
    """Tetrahedra of ``cells`` of one ``kind``, and which cell each came from."""
    peak = np.argmin(cells, axis=1)
    tets, origin = [], []
    for corner in range(cells.shape[1]):
        rows = np.flatnonzero(peak == corner)
        if len(rows) == 0:
            continue
        for face in FACES[kind]:
            if corner not in face:
                for triangle in fan(cells[rows][:, face]):
                    a, b, c = triangle.T
                    tets.append(np.stack([a, c, b, cells[rows, corner]], axis=1))
                    origin.append(rows)
    split, source = np.concatenate(tets), np.concatenate(origin)
    if len(split) and (topology.volumes(points, split) < 0).all():
        split = split[:, [0, 2, 1, 3]]
    return split, source


def fan(polygons: Array) -> list[Array]:
    """The triangles (n, 3) of polygons (n, k) as fans from each one's smallest corner."""
    size = polygons.shape[1]
    order = (np.argmin(polygons, axis=1)[:, None] + np.arange(size)) % size
    turned = np.take_along_axis(polygons, order, axis=1)
    return [turned[:, [0, k, k + 1]] for k in range(1, size - 1)]
