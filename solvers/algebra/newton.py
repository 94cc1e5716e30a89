"""Newton's method for a few unknowns."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Diverged

Array = NDArray[Any]
MOST = 100
"""Steps after which a system counts as unsolvable."""
SHORTEST = 1e-9
"""Least share of a step that is taken."""
ROUNDING, OFTEN = 1e-8, 8
"""Share of the largest unknown below which this many steps in a row are rounding: that of a
Jacobian which is nearly singular, as large resistances behind all openings make it."""


def newton(
    residual: Callable[[Array], tuple[Array, Array]],
    start: Array,
    where: str,
    tolerance: float = 1e-11,
) -> Array:
    """x with r(x) = 0; steps are halved where the scaled |r| would grow.

    ``residual`` gives r and dr/dx, of any units: rows and columns are scaled to entries of at
    most 1. Ends when a step is below ``tolerance`` of the largest unknown met in these scales,
    or is rounding. Raises `Diverged`.
    """
    x, largest, short = start, 0.0, 0
    value, jacobian = residual(x)
    for _ in range(MOST):
        rows = 1.0 / np.abs(jacobian).max(axis=1)
        columns = 1.0 / np.abs(rows[:, None] * jacobian).max(axis=0)
        try:
            step = np.linalg.solve(rows[:, None] * jacobian * columns, -rows * value)
        except np.linalg.LinAlgError:
            break
        if not np.isfinite(step).all():
            break
        present = np.abs(x / columns + step).max()
        largest = max(largest, np.abs(x / columns).max(), present)
        length = np.abs(step).max()
        short = short + 1 if length <= ROUNDING * present else 0
        small = length <= tolerance * largest or short == OFTEN
        step *= columns
        if small:
            return np.asarray(x + step)
        size, share = np.abs(rows * value).max(), 1.0
        value, jacobian = residual(x + step)
        while not np.abs(rows * value).max() <= size and share > SHORTEST:
            share *= 0.5
            value, jacobian = residual(x + share * step)
        x = x + share * step
    raise Diverged(
        "no pressures and flows satisfy the conditions behind the openings",
        where=where,
        do="check the resistances and valves in flow.boundary; try a smaller time step",
    )
