"""What an ensemble says of one number: intervals, counts beyond a limit, paired differences.

A member without the number is NaN; it is left out, and every figure carries how many were left.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[Any]
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """The central 95 % of ``count`` members, and their median."""

    low: float
    median: float
    high: float
    count: int


def interval(values: Array) -> Interval:
    """The 2.5, 50 and 97.5 % quantiles of what is known of ``values``; NaN where nothing is."""
    known = np.asarray(values, dtype=float)
    known = known[np.isfinite(known)]
    if not len(known):
        return Interval(np.nan, np.nan, np.nan, 0)
    low, median, high = np.quantile(known, [0.5 - LEVEL / 2, 0.5, 0.5 + LEVEL / 2])
    return Interval(float(low), float(median), float(high), len(known))


def share(count: int, of: int) -> tuple[float, float]:
    """The exact 95 % interval (Clopper and Pearson) of the share behind ``count`` in ``of``."""
    found = stats.binomtest(count, of).proportion_ci(LEVEL, method="exact")
    return float(found.low), float(found.high)


@dataclass(frozen=True)
class Paired:
    """One option against another over the members that both have: the difference (second less
    first), and in how many members the second is ``lower``.
    """

    difference: Interval
    lower: int


def paired(first: Array, second: Array) -> Paired:
    """Compare two options member by member: what both share (inflow, anatomy) cancels."""
    difference = np.asarray(second, dtype=float) - np.asarray(first, dtype=float)
    return Paired(interval(difference), int((difference < 0.0).sum()))
