"""The nozzle of the FDA's benchmark [Stewart 2012] as tetrahedra, and what was measured in it.

A pipe of 12 mm narrows in a cone of 20° to a throat of 4 mm and 40 mm length and widens in one
step at z = 0; turned round, the flow comes in there and leaves by the cone. Rings of points around
the axis are swept along z and cut into prisms, and these into tetrahedra. The sections are
polygons of the circle's area, so that mean velocities are the nozzle's.
"""

import itertools
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meshes import topology
from meshes.meshing import split
from meshes.tagged import LUMEN_CELLS, WALL, TaggedMesh

Array = NDArray[Any]
PIPE, THROAT, LENGTH = 6e-3, 2e-3, 0.04
"""Radii of pipe and throat, length of the throat [m]."""
CONE = float(-LENGTH - (PIPE - THROAT) / np.tan(np.radians(10.0)))
"""Where the cone begins [m]."""


def nozzle(
    rings: int, around: int, ends: tuple[float, float], thick: Sequence[float]
) -> tuple[TaggedMesh, Array]:
    """The nozzle from ``ends[0]`` to ``ends[1]``, and the heights of its layers [m].

    ``rings`` of cells fill the throat's section, ``around`` more that of the pipe behind the step.
    Layers are ``thick`` [m] at the start, both ends of the cone, the step, and the end.
    """
    z = _layers((ends[0], CONE, -LENGTH, 0.0, ends[1]), thick)
    section, inner, outer = _section(rings, around)
    wide = np.interp(z, [CONE, -LENGTH], [PIPE / THROAT, 1.0])
    points = np.empty((len(z), len(section), 3))
    points[..., :2] = section * wide[:, None, None]
    points[..., 2] = z[:, None]
    step = int(np.argmin(np.abs(z)))
    layer = np.arange(len(z) - 1) * len(section)
    prisms = [_prisms(inner, layer, len(section)), _prisms(outer, layer[step:], len(section))]
    cells, _ = split.tetrahedra(points.reshape(-1, 3), np.concatenate(prisms), "wedge")
    used, cells = np.unique(cells, return_inverse=True)
    return tagged(points.reshape(-1, 3)[used], cells.reshape(-1, 4)), z


def tagged(points: Array, cells: Array) -> TaggedMesh:
    """Inlet at the least z, outlet at the greatest, wall elsewhere."""
    turned = topology.volumes(points, cells) < 0.0
    cells[turned] = cells[turned][:, [0, 2, 1, 3]]
    faces = topology.faces(cells)
    facets = faces.outward[faces.count == 1]
    z = points[facets, 2]
    at = [np.isclose(z, end, rtol=0.0, atol=1e-9).all(axis=1) for end in (z.min(), z.max())]
    tags = np.select(at, [10, 11], 1)
    names = {1: WALL, 10: "inlet", 11: "outlet"}
    return TaggedMesh(points, cells, np.full(len(cells), LUMEN_CELLS), facets, tags, names)


def turned(mesh: TaggedMesh) -> TaggedMesh:
    """The same nozzle with the flow from the other end: z becomes −z."""
    return tagged(mesh.points * [1.0, 1.0, -1.0], mesh.cells)


def _layers(places: Sequence[float], thick: Sequence[float]) -> Array:
    """Heights whose distances change linearly between the ``places``, which are among them."""
    z = [np.array([places[0]])]
    for (a, b), (first, last) in zip(
        itertools.pairwise(places), itertools.pairwise(thick), strict=True
    ):
        rise = (last - first) / (b - a)
        count = np.ceil((b - a) / first if abs(rise) < 1e-9 else np.log(last / first) / rise)
        share = np.linspace(0.0, 1.0, int(count) + 1)[1:]
        if last != first:
            share = ((last / first) ** share - 1.0) / (last / first - 1.0)
        z.append(a + (b - a) * share)
    return np.concatenate(z)


def _section(rings: int, around: int) -> tuple[Array, Array, Array]:
    """Points (n, 2) of the section at the step, triangles of the throat and of the ring about it.

    Ring k of the throat has 6k points; all further ones as many as the throat's last.
    """
    sides = 6 * rings
    share = np.sqrt(2.0 * np.pi / sides / np.sin(2.0 * np.pi / sides))
    beyond = THROAT + (PIPE - THROAT) * (np.arange(1, around + 1) / around) ** 1.4
    radii = share * np.concatenate([THROAT * np.arange(rings + 1) / rings, beyond])
    counts = [1, *(6 * k for k in range(1, rings + 1)), *[sides] * around]
    turn = np.concatenate([np.arange(n) / n for n in counts]) * 2.0 * np.pi
    r = np.repeat(radii, counts)
    first = np.concatenate([[0], np.cumsum(counts)])

    def at(k: int, j: int) -> int:
        return int(first[k] + j % counts[k])

    inner, outer = [], []
    for k, s in itertools.product(range(1, rings + 1), range(6)):
        for i in range(k):
            below = at(k - 1, s * (k - 1) + i)
            inner.append((at(k, s * k + i), at(k, s * k + i + 1), below))
            if i < k - 1:
                inner.append((at(k, s * k + i + 1), at(k - 1, s * (k - 1) + i + 1), below))
    for k, j in itertools.product(range(rings, rings + around), range(sides)):
        a, b, c, d = at(k, j), at(k, j + 1), at(k + 1, j + 1), at(k + 1, j)
        outer += [(a, c, b), (a, d, c)]
    return np.column_stack([r * np.cos(turn), r * np.sin(turn)]), np.array(inner), np.array(outer)


def _prisms(triangles: Array, layers: Array, width: int) -> Array:
    """Wedges (n, 6) over ``triangles`` from each of the layers, given by first point, upwards."""
    below = (triangles[None] + layers[:, None, None]).reshape(-1, 3)
    return np.hstack([below, below + width])


def radius(z: float) -> float:
    """Of the lumen at z [m]; the throat's at the step."""
    if z > 0.0:
        return PIPE
    return float(np.interp(z, [CONE, -LENGTH], [PIPE, THROAT]))


def measured(folder: Path) -> dict[float, list[Array]]:
    """Profiles of axial velocity by station z [m], one (n, 2) of r and u in order of r a trial."""
    found: dict[float, list[Array]] = defaultdict(list)
    for path in sorted(folder.glob("PIV*.txt")):
        lines = path.read_text().splitlines()
        for row, line in enumerate(lines):
            if line.startswith("plot-profile-axial-velocity-at-z"):
                count = int(lines[row + 1])
                table = [[float(x) for x in text.split()[:2]] for text in lines[row + 2 :][:count]]
                profile = np.array(table)
                found[float(line.split()[1])].append(profile[np.argsort(profile[:, 0])])
    return dict(found)
