"""Whether data inform an unknown, whether a fit explains them, whether a forecast came true."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from calibration.intervals import share

Array = NDArray[Any]
INFORMED = 0.8
"""Posterior over prior standard deviation below which data inform an unknown; above it the
posterior is called what it is, the prior."""
LEVEL = 0.95


def contraction(prior: Array, posterior: Array) -> Array:
    """Posterior over prior standard deviation of each latent number (P,)."""
    return np.asarray(posterior.std(axis=0, ddof=1) / prior.std(axis=0, ddof=1))


@dataclass(frozen=True)
class Innovation:
    """A forecast against what was measured.

    NIS = (y − m)ᵀ S⁻¹ (y − m), S = C_dd + R, is χ² with D degrees of freedom where the twin is
    right. ``z`` (D,) is each measurement's own (y − m)/√S.
    """

    nis: float
    limit: float
    probability: float
    z: Array

    @property
    def consistent(self) -> bool:
        """Whether the measurements lie inside the band of 95 %."""
        return self.nis <= self.limit


def innovation(forecast: Array, data: Array, sd: Array, level: float = LEVEL) -> Innovation:
    """The test of a forecast ensemble (N, D) by ``data`` (D,) with errors ``sd`` (D,).

    Members without a number are left out. C_dd of N members makes NIS Hotelling's T² rather than
    χ²: with hundreds of members and fewer than thirty measurements a few percent larger.
    """
    forecast = forecast[np.isfinite(forecast).all(axis=1)]
    off = data - forecast.mean(axis=0)
    spread = np.atleast_2d(np.cov(forecast, rowvar=False)) + np.diag(sd**2)
    nis = float(off @ np.linalg.solve(spread, off))
    count = len(data)
    return Innovation(
        nis,
        float(chi2.ppf(level, count)),
        float(chi2.sf(nis, count)),
        off / np.sqrt(np.diag(spread)),
    )


def predictive(fit: Array, data: Array, sd: Array, rng: np.random.Generator) -> Array:
    """Two-sided probability (D,) of each measurement under the fitted ensemble and its error."""
    again = fit + sd * rng.standard_normal(fit.shape)
    below = (np.sum(again < data, axis=0) + 0.5) / (len(again) + 1.0)
    return np.asarray(2.0 * np.minimum(below, 1.0 - below))


def crps(members: Array, truth: float) -> float:
    """Continuous ranked probability score E|X − y| − E|X − X'|/2 of an ensemble (N,)."""
    x = np.sort(np.asarray(members, dtype=float))
    count = len(x)
    rank = 2.0 * np.arange(1, count + 1) - count - 1.0
    return float(np.abs(x - truth).mean() - (rank @ x) / count**2)


def coverage(lower: Array, upper: Array, truth: Array) -> tuple[float, tuple[float, float]]:
    """Share of truths inside their intervals, and the 95 % interval of that share."""
    inside = (np.asarray(lower) <= truth) & (np.asarray(truth) <= upper)
    return float(inside.mean()), share(int(inside.sum()), inside.size)
