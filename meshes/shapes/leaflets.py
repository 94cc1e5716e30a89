"""A bicuspid valve in a straight vein as a distance function [mm]; see `meshes.sources.valve`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meshes.ends.openings import End, cut_all
from meshes.ends.vmtk_lines import Line
from meshes.surface import Surface, contour

Array = NDArray[Any]

BLEND = 0.35
"""Rounding of edges and of the wedge between leaflet and wall [mm]."""

BEYOND = 4.0
"""The vein is drawn so much too long at both ends [mm], then cut."""


@dataclass(frozen=True)
class Shape:
    """Lengths in mm; ``opening`` and ``sinus`` in radii."""

    radius: float
    length: float
    at: float
    leaflet: float
    thickness: float
    opening: float
    sinus: float


def vein(shape: Shape) -> tuple[Surface, list[End], Line]:
    """The open wall, its ends ("outlet" first) and its line."""
    grid = shape.thickness / 3
    side = (1 + shape.sinus) * shape.radius + 3 * grid
    low = np.array([-side, -side, -BEYOND])
    size = np.ceil((np.array([side, side, shape.length + BEYOND]) - low) / grid).astype(int) + 1
    inside = np.stack([
        -lumen(shape, low + grid * np.stack(
            [*np.indices(size[:2]).reshape(2, -1), np.full(size[0] * size[1], k)], axis=1))
        for k in range(size[2])
    ], axis=1).reshape(size[0], size[1], size[2])  # fmt: skip
    closed = contour(np.pad(inside, 1, constant_values=-1.0), 0.0,
                     lambda i: low + grid * (i - 1), smooth=True)  # fmt: skip
    up, r = np.array([0.0, 0, 1]), shape.radius
    ends = [
        End("outlet", up * shape.length, up, r, up * (shape.length + BEYOND)),
        End("inlet", 0 * up, -up, r, -up * BEYOND),
    ]
    z = np.linspace(0, shape.length, 200)
    way = np.clip((z - shape.at) / shape.leaflet, 0, 1) * (z <= shape.at + shape.leaflet)
    radius = r * (1 - (1 - shape.opening) * way)
    return cut_all(closed, ends), ends, Line(np.outer(z, up), radius)


def lumen(shape: Shape, points: Array) -> Array:
    """About the signed distance from the lumen's boundary, negative in the blood."""
    x, y, z = points.T
    from_axis = np.hypot(x, y)
    across = np.abs(y) / np.maximum(from_axis, 1e-9)
    # the sinus: from the leaflets' root to half a leaflet beyond their free edge
    way = np.clip((z - shape.at) / (1.5 * shape.leaflet), 0, 1)
    bulge = shape.sinus * np.sin(np.pi * way) ** 2 * across**2
    wall = from_axis - shape.radius * (1 + bulge)
    up = np.clip((z - shape.at) / shape.leaflet, 0, 1)
    depth = shape.radius * (1 - (1 - shape.opening) * up)
    # elliptic cylinder through the commissures at ±x, ever flatter towards the free edge
    k0 = np.hypot(x / shape.radius, y / depth)
    k1 = np.hypot(x / shape.radius**2, y / depth**2)
    # on the axis itself the formula is 0 / 0
    from_sheet = np.where(k1 > 1e-9, np.abs(k0 * (k0 - 1)) / np.maximum(k1, 1e-9), depth)
    sheet = from_sheet - shape.thickness / 2
    ends = np.maximum(shape.at - z, z - shape.at - shape.leaflet)
    return _larger(wall, -_larger(sheet, ends))


def _larger(a: Array, b: Array) -> Array:
    """The larger of two, its kink rounded over `BLEND`."""
    mix = np.clip(0.5 + 0.5 * (a - b) / BLEND, 0, 1)
    return b * (1 - mix) + a * mix + BLEND * mix * (1 - mix)
