"""What a fast model gets wrong, learned from a few runs of a slow one.

    ln(slow/fast) = a + b ln(x/x₀) + e,   a, b and e normal

x is what drives both (a flow rate), x₀ the geometric mean of the runs. With few runs a, b and the
scatter stay near their priors; that is what makes the corrected model honest.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
PRIOR = (0.35, 0.2)
"""Prior standard deviations of a and b."""
SCATTER, WEIGHT = 0.15, 3.0
"""Prior scatter of ln(slow/fast) about the line, worth as much as so many runs."""


@dataclass(frozen=True)
class Discrepancy:
    """The factor slow/fast at x: exp(mean[0] + mean[1] ln(x/x₀)), with the sd of its ln."""

    centre: float
    mean: Array
    covariance: Array
    scatter: float
    runs: int

    def factor(self, x: float) -> tuple[float, float]:
        """Median of slow/fast at ``x``, and the standard deviation of its ln."""
        row = np.array([1.0, np.log(x / self.centre)])
        return (
            float(np.exp(row @ self.mean)),
            float(np.sqrt(row @ self.covariance @ row + self.scatter**2)),
        )


def learn(x: Array, slow: Array, fast: Array) -> Discrepancy:
    """The discrepancy of the runs (n,), all positive; without runs its prior."""
    count = len(x)
    centre = float(np.exp(np.mean(np.log(x)))) if count else 1.0
    rows = np.stack([np.ones(count), np.log(np.asarray(x) / centre)], axis=1)
    off = np.log(np.asarray(slow) / np.asarray(fast))
    prior = np.diag(1.0 / np.array(PRIOR) ** 2)
    scatter = SCATTER
    for _ in range(20):
        covariance = np.linalg.inv(prior + rows.T @ rows / scatter**2)
        mean = covariance @ (rows.T @ off) / scatter**2
        left = float(np.sum((off - rows @ mean) ** 2))
        scatter = float(np.sqrt((left + WEIGHT * SCATTER**2) / (count + WEIGHT)))
    return Discrepancy(centre, mean, covariance, scatter, count)
