"""Numbers that carry their derivatives: a rate law written once gives rates and exact Jacobian.

A `Dual` holds a value (points) and its slopes, one array for each variable it depends on; sums,
products, quotients and roots follow the rules of differentiation (forward mode).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Dual:
    """A value and its slopes by variable number. Never changed after it was made."""

    __slots__ = ("slopes", "value")
    __array_ufunc__ = None

    def __init__(self, value: Any, slopes: Mapping[int, Any]) -> None:
        self.value, self.slopes = value, slopes

    def __add__(self, other: Any) -> "Dual":
        if not isinstance(other, Dual):
            return Dual(self.value + other, self.slopes)
        return Dual(self.value + other.value, _sum(self.slopes, other.slopes))

    __radd__ = __add__

    def __neg__(self) -> "Dual":
        return Dual(-self.value, {k: -s for k, s in self.slopes.items()})

    def __sub__(self, other: Any) -> "Dual":
        if not isinstance(other, Dual):
            return Dual(self.value - other, self.slopes)
        slopes = dict(self.slopes)
        for k, s in other.slopes.items():
            slopes[k] = slopes[k] - s if k in slopes else -s
        return Dual(self.value - other.value, slopes)

    def __rsub__(self, other: Any) -> "Dual":
        return -self + other

    def __mul__(self, other: Any) -> "Dual":
        if not isinstance(other, Dual):
            return Dual(self.value * other, {k: s * other for k, s in self.slopes.items()})
        slopes = {k: s * other.value for k, s in self.slopes.items()}
        return Dual(
            self.value * other.value,
            _sum(slopes, {k: s * self.value for k, s in other.slopes.items()}),
        )

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Dual":
        if not isinstance(other, Dual):
            return self * (1.0 / other)
        inverse = 1.0 / other.value
        value = self.value * inverse
        slopes = {k: s * inverse for k, s in self.slopes.items()}
        factor = -value * inverse
        return Dual(value, _sum(slopes, {k: s * factor for k, s in other.slopes.items()}))

    def __rtruediv__(self, other: Any) -> "Dual":
        value = other / self.value
        factor = -value / self.value
        return Dual(value, {k: s * factor for k, s in self.slopes.items()})


def _sum(a: Mapping[int, Any], b: Mapping[int, Any]) -> dict[int, Any]:
    total = dict(a)
    for k, s in b.items():
        total[k] = total[k] + s if k in total else s
    return total


def root(x: Any) -> Any:
    """√x of an array or a `Dual`; 0 below 0."""
    if not isinstance(x, Dual):
        return np.sqrt(np.maximum(x, 0.0))
    value = np.sqrt(np.maximum(x.value, 0.0))
    factor = 0.5 / np.maximum(value, 1e-300)
    return Dual(value, {k: s * factor for k, s in x.slopes.items()})


def value(x: Any) -> Any:
    """``x`` without its slopes."""
    return x.value if isinstance(x, Dual) else x


def variables(state: Array) -> list[Dual]:
    """Every row of ``state`` (n, points) as a variable."""
    one = np.ones(state.shape[1])
    return [Dual(row, {k: one}) for k, row in enumerate(state)]


def jacobian(rows: list[Any], count: int, points: int) -> tuple[Array, Array]:
    """Values (rows, points) and slopes (points, rows, count) of ``rows``."""
    values = np.empty((len(rows), points))
    slopes = np.zeros((points, len(rows), count))
    for i, row in enumerate(rows):
        values[i] = value(row)
        if isinstance(row, Dual):
            for k, slope in row.slopes.items():
                slopes[:, i, k] = slope
    return values, slopes
