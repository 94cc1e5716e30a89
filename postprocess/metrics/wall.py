"""Wall shear stress over the region of interest; walls of flow extensions never count."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from postprocess.metrics import metric
from postprocess.simplex import weighted_percentile

Array = NDArray[Any]
LOW = (0.05, 0.10, 0.15)
"""Limits of low wall shear stress [Pa] of [Otta2026]."""


@metric(
    "tawss_mean", "Wall shear stress, mean", "Pa", "Pa", needs=("tawss", "wall_area"),
    site="region", brief=True,
)
def tawss_mean(tawss: Array, area: Array) -> float:
    """∫ |τ| dt dA / (T A): area mean of the time-averaged wall shear stress [Pa]."""
    return float(tawss @ area / area.sum())


@metric(
    "tawss_percentile", "Wall shear stress, {at:g}th percentile", "Pa", "Pa",
    needs=("tawss", "wall_area"), at=(5, 50, 95, 99), site="region",
)
def tawss_percentile(tawss: Array, area: Array, at: float) -> float:
    """Wall shear stress [Pa] that ``at`` % of the wall area stay below."""
    return weighted_percentile(tawss, area, at)


@metric(
    "osi_mean", "Oscillatory shear index, mean", "1", "1",
    needs=("osi", "wall_area"), site="region",
)
def osi_mean(osi: Array, area: Array) -> float:
    """Area mean of OSI = (1 − |∫ τ dt| / ∫ |τ| dt) / 2: 0 steady, 0.5 purely oscillating."""
    return float(osi @ area / area.sum())


def oscillation(tawss: Array, traction_mean: Array) -> Array:
    """OSI of each facet; 0 where there is no stress at all."""
    size = np.linalg.norm(traction_mean, axis=1)
    share = np.divide(size, tawss, out=np.ones_like(size), where=tawss > 0)
    return np.asarray(0.5 * (1 - np.clip(share, 0.0, 1.0)))


@metric(
    "low_wss_share", "Wall at ≤ {at:.2f} Pa shear stress", "1", "%",
    needs=("tawss", "wall_area"), at=LOW, source="Otta2026", site="region", brief=0.10,
)
def low_wss_share(tawss: Array, area: Array, at: float) -> float:
    """Share of the wall area where the time-averaged wall shear stress is at most ``at`` Pa."""
    return float(area[tawss <= at].sum() / area.sum())


@metric(
    "low_wss_area", "Wall area at ≤ {at:.2f} Pa shear stress", "m^2", "mm^2",
    needs=("tawss", "wall_area"), at=LOW, source="Otta2026", site="region",
)
def low_wss_area(tawss: Array, area: Array, at: float) -> float:
    """Wall area [m²] where the time-averaged wall shear stress is at most ``at`` Pa."""
    return float(area[tawss <= at].sum())
