"""Clot at the end of growth: volume, occlusion, length, thickness, growth, effect on pressure.

Clot is where the clot fraction, linear in each tetrahedron, exceeds one half.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from postprocess.metrics import metric
from postprocess.simplex import level_area, share_above

Array = NDArray[Any]
TOUCHED = 0.01
"""Least share of a plane's lumen that counts as clotted when the clot's length is measured."""
OCCLUDED = 0.95
"""Least closed share of a plane's lumen that counts as occluded in the extent score."""
RECANALISED = 0.50
"""Largest closed share of the lumen of a vein that is open again."""
FAST = (500,)
"""Shear rate that counts as high [1/s]; see `postprocess.metrics.wall.HIGH`."""


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


@metric(
    "clot_to_confluence", "Clot to the confluence", "m", "mm",
    needs=("ways_to_confluence", "plane_area", "plane_open_area"), site="clot_site",
)
def clot_to_confluence(ways: Array, area: Array, open_area: Array) -> float:
    """Least way [m] along the centreline from a plane closed by more than 1 % to a confluence."""
    touched = ways[1 - open_area / area > TOUCHED]
    return float(np.min(touched)) if len(touched) else float("nan")


@metric(
    "extent_score", "Thrombus extent score (0 to 3), {part}", "1", "1",
    needs=("plane_area", "plane_open_area", "plane_branch", "branch_numbers"),
    each="branch_names", source="ICC",
)
def extent_score(area: Array, open_area: Array, branch: Array, numbers: Array) -> Array:
    """0 open, 1 not occluding, 2 occluding (≥ 95 % closed), 3 occluding over the whole length."""
    closed = 1 - open_area / area
    scores = []
    for number in numbers:
        here = closed[branch == number]
        shut = here >= OCCLUDED
        touched = bool((here > TOUCHED).any())
        scores.append(3 if len(here) and shut.all() else 2 if shut.any() else int(touched))
    return np.array(scores, dtype=float)


@metric(
    "extent_total", "Thrombus extent score, sum over the modelled veins", "1", "1",
    needs=("plane_area", "plane_open_area", "plane_branch", "branch_numbers"), source="ICC",
)
def extent_total(area: Array, open_area: Array, branch: Array, numbers: Array) -> float:
    """Sum of the extent scores; veins outside the model do not count."""
    return float(extent_score(area, open_area, branch, numbers).sum())


@metric(
    "recanalisation_time", "Time until the lumen is half open again", "s", "h",
    needs=("closed_in_time", "clot_times"), site="clot_site",
)
def recanalisation_time(closed: Array, times: Array) -> float:
    """Growth time [s] from which on no plane is closed by more than half, linear between times."""
    last = int(np.flatnonzero(closed > RECANALISED)[-1])
    part = (closed[last] - RECANALISED) / (closed[last] - closed[last + 1])
    return float(times[last] + part * (times[last + 1] - times[last]))


@metric(
    "clot_surface", "Clot surface towards the blood", "m^2", "mm^2",
    needs=("clot_fraction", "all_corners"),
)
def clot_surface(fraction: Array, corners: Array) -> float:
    """Area [m²] of the surface inside the lumen where the clot fraction is one half."""
    return float(level_area(fraction, corners, 0.5).sum())


@metric(
    "embolic_surface", "Clot surface sheared faster than {at:g} 1/s", "m^2", "mm^2",
    needs=("clot_fraction", "all_corners", "end_shear_rate"), at=FAST,
)
def embolic_surface(fraction: Array, corners: Array, shear_rate: Array, at: float) -> float:
    """Clot surface [m²] in cells whose shear rate exceeds ``at`` 1/s; exploratory, no risk."""
    return float(level_area(fraction, corners, 0.5)[shear_rate > at].sum())
