"""Few dear runs and many cheap ones of another model: a control variate, with its error.

    E[Y] ≈ mean_n(Y) + α (mean_N(f) − mean_n(f)),     α = cov(Y, f)/var(f)
    variance ≈ var(Y)/n · (1 − ρ² (1 − n/N)) · (n − 2)/(n − 3)

Y is the dear model at n members, f the cheap one at the same n and at all N (these n among them);
ρ their correlation over the n. The last factor pays for α being estimated from the same few
(Lavenberg and Welch 1981). Quantiles come from α f + the residuals at the n members, and carry the
error of leaving one out.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from calibration.intervals import Interval, interval

Array = NDArray[Any]
Model = Callable[[Array], Array]
"""Inputs (members, fields) → one number a member."""
FEWEST = 5
"""Fewest dear members: fewer say nothing of α and its error."""


@dataclass(frozen=True)
class Estimate:
    """The dear model's ``mean`` with a 95 % half width ``error``, what that would be without the
    cheap runs (``plain_error``), and the interval of single members.

    ``correlation`` is ρ over the dear members; ``missed`` the root mean square by which the cheap
    model, corrected by the other dear members, misses the one that was left out; ``saved`` how
    many times as many dear runs alone would give the same error.
    """

    mean: float
    error: float
    plain_error: float
    interval: Interval
    correlation: float
    missed: float
    count: int
    cheap: int

    @property
    def saved(self) -> float:
        """(plain error / error)²."""
        return (self.plain_error / self.error) ** 2 if self.error > 0.0 else np.inf


def estimate(dear: Array, cheap: Array, many: Array) -> Estimate:
    """From the ``dear`` model at n members, the ``cheap`` one at the same n and at ``many`` more.

    Members that lack a number are left out. Raises `ValueError` for fewer than 5 pairs.
    """
    y, f = np.asarray(dear, dtype=float), np.asarray(cheap, dtype=float)
    both = np.isfinite(y) & np.isfinite(f)
    y, f = y[both], f[both]
    more = np.asarray(many, dtype=float)
    more = np.concatenate([f, more[np.isfinite(more)]])
    n, total = len(y), len(more)
    if n < FEWEST:
        raise ValueError(f"{n} members have both models; {FEWEST} or more are needed")
    alpha, rho = _line(y, f)
    mean = float(y.mean() + alpha * (more.mean() - f.mean()))
    width = stats.t.ppf(0.975, n - 2)
    variance = float(y.var(ddof=1)) / n
    reduced = variance * (1.0 - rho**2 * (1.0 - n / total)) * (n - 2) / (n - 3)
    rest = y - y.mean() - alpha * (f - f.mean())
    spread = (y.mean() + alpha * (more - f.mean()))[:, None] + rest * np.sqrt((n - 1) / (n - 2))
    found = interval(spread.ravel())
    return Estimate(
        mean, float(width * np.sqrt(reduced)),
        float(stats.t.ppf(0.975, n - 1) * np.sqrt(variance)),
        Interval(found.low, found.median, found.high, n), rho, _missed(y, f), n, total - n,
    )


def with_model(model: Model, inputs: Array, dear: Array, more: Array) -> Estimate:
    """`estimate` with a cheap ``model`` that is called: the ``dear`` results at ``inputs``
    (n, fields), the model there and at ``more`` (N, fields).
    """
    return estimate(dear, model(np.asarray(inputs)), model(np.asarray(more)))


def _line(y: Array, f: Array) -> tuple[float, float]:
    """Slope α and correlation ρ; 0 where the cheap model does not vary."""
    if not (np.ptp(f) > 0.0 and np.ptp(y) > 0.0):
        return 0.0, 0.0
    covariance = np.cov(y, f)
    return (
        float(covariance[0, 1] / covariance[1, 1]),
        float(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])),
    )


def _missed(y: Array, f: Array) -> float:
    errors = []
    for left in range(len(y)):
        kept = np.arange(len(y)) != left
        alpha, _ = _line(y[kept], f[kept])
        errors.append(y[left] - y[kept].mean() - alpha * (f[left] - f[kept].mean()))
    return float(np.sqrt(np.mean(np.square(errors))))
