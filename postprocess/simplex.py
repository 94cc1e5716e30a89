"""Triangles and tetrahedra with linear fields: their measures and exact shares above a level."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def volumes(corners: Array) -> Array:
    """Volumes [m³] of tetrahedra given by ``corners`` (C, 4, 3)."""
    edges = corners[:, 1:] - corners[:, :1]
    return np.asarray(np.abs(np.linalg.det(edges)) / 6.0)


def areas(corners: Array) -> Array:
    """Areas [m²] of triangles given by ``corners`` (T, 3, 3)."""
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return np.asarray(0.5 * np.linalg.norm(normal, axis=1))


def share_above(values: Array, level: float) -> Array:
    """The share (0 to 1) of each simplex where a linear field exceeds ``level``.

    ``values`` (n, 3) or (n, 4) are the field at the corners. The distribution of a linear
    function over a simplex is piecewise polynomial, so that no sampling is needed [Blöchl 1994].
    """
    ordered = np.sort(np.asarray(values, dtype=float), axis=1)
    shares = np.zeros(len(ordered))
    shares[ordered[:, 0] > level] = 1.0
    cut = (ordered[:, 0] <= level) & (ordered[:, -1] > level)
    below = _triangle_below if ordered.shape[1] == 3 else _tetrahedron_below
    shares[cut] = 1.0 - below(level, *ordered[cut].T)
    return np.clip(shares, 0.0, 1.0)


def level_area(values: Array, corners: Array, level: float) -> Array:
    """Area [m²] of the surface where a linear field is ``level``, in each tetrahedron.

    ``values`` (n, 4), ``corners`` (n, 4, 3). By the coarea formula it is the gradient's size times
    the slope of the volume below the level. A face that lies in the surface counts for the cell
    below it.
    """
    ordered = np.sort(np.asarray(values, dtype=float), axis=1)
    area = np.zeros(len(ordered))
    cut = (ordered[:, 0] < level) & (ordered[:, -1] >= level)
    edges = corners[cut, 1:] - corners[cut, :1]
    rise = values[cut, 1:] - values[cut, :1]
    gradient = np.linalg.solve(edges, rise[..., None])[..., 0]
    a, b, c, d = ordered[cut].T
    ab, ac, ad, bc, bd, cd = b - a, c - a, d - a, c - b, d - b, d - c
    x = level - b
    low = _ratio(3 * (level - a) ** 2, ab * ac * ad)
    middle = _ratio(3 * ab + 6 * x - 3 * _ratio(ac + bd, bc * bd) * x**2, ac * ad)
    high = _ratio(3 * (d - level) ** 2, ad * bd * cd)
    slope = np.where(level <= b, low, np.where(level <= c, middle, high))
    area[cut] = np.linalg.norm(gradient, axis=1) * slope * volumes(corners[cut])
    return area


def _triangle_below(level: float, a: Array, b: Array, c: Array) -> Array:
    low = _ratio((level - a) ** 2, (b - a) * (c - a))
    high = 1.0 - _ratio((c - level) ** 2, (c - a) * (c - b))
    return np.where(level < b, low, high)


def _tetrahedron_below(level: float, a: Array, b: Array, c: Array, d: Array) -> Array:
    ab, ac, ad, bc, bd, cd = b - a, c - a, d - a, c - b, d - b, d - c
    low = _ratio((level - a) ** 3, ab * ac * ad)
    x = level - b
    middle = _ratio(ab**2 + 3 * ab * x + 3 * x**2 - _ratio(ac + bd, bc * bd) * x**3, ac * ad)
    high = 1.0 - _ratio((d - level) ** 3, ad * bd * cd)
    return np.where(level < b, low, np.where(level < c, middle, high))


def _ratio(above: Array, below: Array) -> Array:
    """``above / below``, 0 where a branch that is not taken would divide by nothing."""
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def weighted_percentile(values: Array, weights: Array, percent: float) -> float:
    """The value below which ``percent`` of the weight lies, linear between ranks."""
    order = np.argsort(values)
    ranked, share = values[order], weights[order]
    middle = np.cumsum(share) - 0.5 * share
    return float(np.interp(percent / 100.0 * share.sum(), middle, ranked))
