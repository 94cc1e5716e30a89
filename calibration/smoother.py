"""Ensemble smoother with multiple data assimilation (Emerick & Reynolds 2013).

In each of K steps every member z is moved by

    z += C_zd (C_dd + K R)⁻¹ (y + √K e − h(z)),   e ~ N(0, R)

C_zd and C_dd are the ensemble's covariances. For a linear model and normal errors the K steps
together are Bayes' rule.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Diverged

Array = NDArray[Any]
Model = Callable[[Array], Array]
"""From latent numbers (N, P) to predictions (N, D) on the scale of the data."""
STEPS = 4
LEAST_MEMBERS = 30
LOST = 0.2
"""Largest share of members whose model may fail."""


@dataclass(frozen=True)
class Smoothed:
    """Latent numbers before and after (N, P), what they predict (N, D), members given up."""

    before: Array
    after: Array
    forecast: Array
    fit: Array
    lost: int = 0


def smooth(
    model: Model,
    before: Array,
    data: Array,
    sd: Array,
    rng: np.random.Generator,
    steps: int = STEPS,
    forecast: Array | None = None,
) -> Smoothed:
    """The ensemble ``before`` (N, P) conditioned on ``data`` (D,) with errors ``sd`` (D,).

    ``forecast`` is ``model(before)`` where that is known already. Raises `Diverged` where the
    model fails for many members.
    """
    forecast = model(before) if forecast is None else forecast
    kept: Array = np.asarray(np.isfinite(forecast).all(axis=1))
    _enough(kept)
    z = before[kept].copy()
    predicted = forecast[kept]
    for _ in range(steps):
        noise = np.sqrt(steps) * sd * rng.standard_normal(predicted.shape)
        noise -= noise.mean(axis=0)
        z += (data + noise - predicted) @ gain(z, predicted, steps * sd**2).T
        predicted = model(z)
        good = np.isfinite(predicted).all(axis=1)
        alive = np.flatnonzero(kept)[good]
        kept = np.zeros(len(before), dtype=bool)
        kept[alive] = True
        _enough(kept)
        z, predicted = z[good], predicted[good]
    return Smoothed(before[kept], z, forecast[kept], predicted, int((~kept).sum()))


def gain(z: Array, predicted: Array, variance: Array) -> Array:
    """C_zd (C_dd + R)⁻¹ (P, D) of an ensemble; R is diagonal with ``variance`` (D,)."""
    dz, dd = z - z.mean(axis=0), predicted - predicted.mean(axis=0)
    count = len(z) - 1
    both = dd.T @ dd / count + np.diag(variance)
    return np.asarray(np.linalg.solve(both, dd.T @ dz / count).T)


def _enough(kept: Array) -> None:
    if (count := int(kept.sum())) < max(LEAST_MEMBERS, (1.0 - LOST) * len(kept)):
        raise Diverged(
            f"the model gave no number for {len(kept) - count} of {len(kept)} members",
            where="ensemble smoother",
            do="look at the measurements and priors: they may lie where the model has no solution",
        )
