"""Stasis: how long blood stays and how slowly it is sheared, over the vein without extensions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from postprocess.metrics import metric
from postprocess.simplex import share_above, weighted_percentile

Array = NDArray[Any]
OLD = 2.0
"""Residence time that counts as long [s]; exploratory."""
FAST = (500,)
"""Shear rate that counts as high [1/s]; see `postprocess.metrics.wall.HIGH`."""


@metric("age_mean", "Residence time, mean", "s", "s", needs=("age", "volume"))
def age_mean(age: Array, volume: Array) -> float:
    """∫ a dV / V: volume mean of the residence time [s].

    ``age`` (C, 4) is the residence time at the corners of each cell.
    """
    return float(age.mean(axis=1) @ volume / volume.sum())


@metric(
    "age_p95", "Residence time, 95th percentile", "s", "s", needs=("age", "volume"), brief=True
)
def age_p95(age: Array, volume: Array) -> float:
    """Residence time [s] that 95 % of the blood volume stay below."""
    return weighted_percentile(age.mean(axis=1), volume, 95)


@metric("old_volume", "Blood older than {at:g} s", "m^3", "mL", needs=("age", "volume"), at=(OLD,))
def old_volume(age: Array, volume: Array, at: float) -> float:
    """Volume [m³] whose residence time exceeds ``at`` seconds."""
    return float(share_above(age, at) @ volume)


@metric(
    "stasis_volume", "Blood sheared below {at:g} 1/s", "m^3", "mL",
    needs=("shear_rate", "volume"), at=(1, 5, 10, 25),
)
def stasis_volume(shear_rate: Array, volume: Array, at: float) -> float:
    """Volume [m³] of the cells whose shear rate is below ``at`` 1/s."""
    return float(volume[shear_rate < at].sum())


@metric(
    "fast_volume", "Blood sheared faster than {at:g} 1/s", "m^3", "mL",
    needs=("shear_rate", "volume"), at=FAST, source="Assi2024",
)
def fast_volume(shear_rate: Array, volume: Array, at: float) -> float:
    """Volume [m³] of the cells whose shear rate exceeds ``at`` 1/s; exploratory."""
    return float(volume[shear_rate > at].sum())


@metric(
    "branch_shear_rate", "Shear rate, mean, {part}", "1/s", "1/s",
    needs=("shear_rate", "volume", "cell_branch", "branch_numbers"), each="branch_names",
)
def branch_shear_rate(shear_rate: Array, volume: Array, branch: Array, numbers: Array) -> Array:
    """Volume mean of the shear rate [1/s] of the cells nearest to each branch's centreline."""
    total = np.bincount(branch, shear_rate * volume, len(numbers))
    return np.asarray(total / np.bincount(branch, volume, len(numbers)))


@metric(
    "shear_rate_ratio", "Shear rate, branch of the narrowing over the other side", "1", "1",
    needs=("branch_shear_rates", "lesion_branch", "other_branch"), source="Assi2024",
    site="lesion",
)
def shear_rate_ratio(rates: Array, lesion: int, other: int) -> float:
    """Mean shear rate of the lesion's branch over that of the same vein of the other side."""
    return float(rates[lesion] / rates[other])


@metric(
    "turnover_time", "Volume over flow rate", "s", "s", needs=("volume", "inlet_flows")
)
def turnover_time(volume: Array, q_in: Array) -> float:
    """V / Σ Q_in [s]: the mean stay of the blood that flows through, whatever its way."""
    return float(volume.sum() / np.abs(q_in).sum())


@metric(
    "washout_time", "Time until a share 1/e of the blood is left", "s", "s",
    needs=("age", "volume"),
)
def washout_time(age: Array, volume: Array) -> float:
    """Residence time [s] that all but 1/e of the blood volume stay below.

    In a steady flow the share of blood older than t is the share that a washout leaves after t;
    one well-mixed vessel has its time constant here.
    """
    return weighted_percentile(age.mean(axis=1), volume, 100 * (1 - 1 / np.e))
