"""Wall shear stress over the region of interest; walls of flow extensions never count."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from postprocess.metrics import metric
from postprocess.simplex import weighted_percentile

Array = NDArray[Any]
LOW = (0.05, 0.10, 0.15)
"""Limits of low wall shear stress [Pa] of [Otta2026]."""
HIGH = (500,)
"""Shear rate [1/s], of the order of 550 1/s in compressed left common iliac veins [Assi2024]."""


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


@metric(
    "rrt", "Relative residence time, {at:g}th percentile", "1/Pa", "1/Pa",
    needs=("tawss", "osi", "wall_area"), at=(50, 95), site="region",
)
def rrt(tawss: Array, osi: Array, area: Array, at: float) -> float:
    """RRT = 1 / ((1 − 2 OSI) TAWSS) [1/Pa] that ``at`` % of the wall area stay below."""
    # of the inverse, which is finite where a stress only swings
    slow = weighted_percentile((1 - 2 * osi) * tawss, area, 100 - at)
    return 1 / slow if slow > 0 else float("inf")


@metric(
    "ecap", "Endothelial activation potential, {at:g}th percentile", "1/Pa", "1/Pa",
    needs=("tawss", "osi", "wall_area"), at=(50, 95), site="region",
)
def ecap(tawss: Array, osi: Array, area: Array, at: float) -> float:
    """ECAP = OSI / TAWSS [1/Pa] that ``at`` % of the wall area stay below."""
    share = np.divide(osi, tawss, out=np.zeros_like(osi), where=tawss > 0)
    return weighted_percentile(share, area, at)


@metric(
    "high_shear_area", "Wall sheared faster than {at:g} 1/s", "m^2", "mm^2",
    needs=("wall_shear_rate", "wall_area"), at=HIGH, source="Assi2024", site="region",
)
def high_shear_area(shear_rate: Array, area: Array, at: float) -> float:
    """Wall area [m²] whose mean shear rate exceeds ``at`` 1/s; exploratory."""
    return float(area[shear_rate > at].sum())


@metric(
    "wall_shear_rate_mean", "Shear rate at the wall, mean", "1/s", "1/s",
    needs=("wall_shear_rate", "wall_area"), site="region",
)
def wall_shear_rate_mean(shear_rate: Array, area: Array) -> float:
    """Area mean of the cycle-mean shear rate [1/s] of the cells at the wall."""
    return float(shear_rate @ area / area.sum())


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
