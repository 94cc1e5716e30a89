"""Vessels given by a radius around a straight axis: exact rings, no image and no cutting."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meshes.ends.openings import End
from meshes.ends.vmtk_lines import Line
from meshes.surface import Surface

Array = NDArray[Any]


def along_z(
    outline: Callable[[Array, Array], tuple[Array, Array]], length: float, step: float, around: int
) -> tuple[Surface, list[End], Line]:
    """An open tube from z = 0 to ``length`` [mm], its ends ("outlet" first) and its line.

    ``outline(z, angle)`` gives x and y of the wall; both arguments and results broadcast.
    """
    z = np.linspace(0, length, max(int(np.ceil(length / step)), 4) + 1)
    angle = 2 * np.pi * np.arange(around) / around
    x, y = outline(z[:, None], angle[None, :])
    points = np.stack([x, y, np.broadcast_to(z[:, None], x.shape)], axis=2)
    k, j = (i.ravel() for i in np.indices((len(z) - 1, around)))
    a, b = k * around + j, k * around + (j + 1) % around
    halves = (np.stack([a, b, b + around], 1), np.stack([a, b + around, a + around], 1))
    triangles = np.concatenate(halves)
    surface = Surface(points.reshape(-1, 3), triangles, np.zeros(len(triangles), dtype=np.int32))
    middle = points.mean(axis=1)
    radius = np.linalg.norm(points - middle[:, None], axis=2).min(axis=1)
    up = np.array([0.0, 0, 1])
    ends = [
        End("outlet", middle[-1], up, float(radius[-1]), middle[-1]),
        End("inlet", middle[0], -up, float(radius[0]), middle[0]),
    ]
    return surface, ends, Line(middle, radius)
