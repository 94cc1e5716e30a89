"""Clot at the end of growth: volume, occlusion, length, thickness, growth, effect on pressure.

Clot is where the clot fraction, linear in each tetrahedron, exceeds one half.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from postprocess.metrics import metric
from postprocess.simplex import share_above

Array = NDArray[Any]
TOUCHED = 0.01
"""Least share of a plane's lumen that counts as clotted when the clot's length is measured."""


@metric(
    "clot_volume", "Clot volume, fraction > {at:g}", "m^3", "mL",
    needs=("clot_fraction", "all_volume"), at=(0.5, 0.3, 0.7), brief=0.5,
)
def clot_volume(fraction: Array, volume: Array, at: float) -> float:
    """Volume [m³] where the clot fraction exceeds ``at``.

    ``fraction`` (C, 4) is the clot fraction at the corners of each cell.
    """
    return float(share_above(fraction, at) @ volume)


@metric(
    "max_occlusion", "Lumen closed by clot, largest", "1", "%",
    needs=("plane_area", "plane_open_area"), site="clot_site", brief=True,
)
def max_occlusion(area: Array, open_area: Array) -> float:
    """Largest 1 − A_open / A over the centreline planes."""
    return float(np.nanmax(1 - open_area / area))


@metric(
    "clot_length", "Clot length", "m", "mm",
    needs=("plane_width", "plane_area", "plane_open_area"), site="clot_site", brief=True,
)
def clot_length(width: Array, area: Array, open_area: Array) -> float:
    """Length [m] of centreline whose planes are closed by more than 1 %."""
    return float(width[1 - open_area / area > TOUCHED].sum())


@metric(
    "growth_rate", "Growth over the last interval", "m^3/s", "mL/h",
    needs=("clot_volumes", "clot_times"),
)
def growth_rate(volumes: Array, times: Array) -> float:
    """(V_n − V_{n−1}) / (t_n − t_{n−1}) of the last two stored growth times [m³/s]."""
    return float((volumes[-1] - volumes[-2]) / (times[-1] - times[-2]))


@metric(
    "clot_thickness", "Clot thickness in growth widths", "1", "1",
    needs=("clot_volumes", "clot_wall_area", "growth_width"),
)
def clot_thickness(volumes: Array, wall_area: float, growth_width: float) -> float:
    """V / (A_wall ℓ): clot volume over the wall area it covers, in units of the growth width ℓ."""
    return float(volumes[-1] / wall_area / growth_width)


@metric(
    "gradient_after", "Pressure gradient at the end of growth", "Pa", "mmHg",
    needs=("end_pressure_peripheral", "end_pressure_central"), site="lesion",
)
def gradient_after(peripheral: float, central: float) -> float:
    """As the pressure gradient across the narrowing, with the grown clot in place [Pa]."""
    return peripheral - central
