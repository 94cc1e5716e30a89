"""Stasis: how long blood stays and how slowly it is sheared, over the vein without extensions."""

from typing import Any

from numpy.typing import NDArray

from postprocess.metrics import metric
from postprocess.simplex import share_above, weighted_percentile

Array = NDArray[Any]
OLD = 2.0
"""Residence time that counts as long [s]; exploratory."""


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
