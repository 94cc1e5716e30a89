"""The lumen: areas, diameters and stenosis at the narrowing, angle of the confluence."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from postprocess.metrics import metric

Array = NDArray[Any]


@metric(
    "minimum_area", "Minimum lumen area", "m^2", "mm^2",
    needs=("lesion_area",), site="lesion", brief=True,
)
def minimum_area(lesion_area: float) -> float:
    """Lumen area [m²] between the walls at the narrowest plane, clot not taken off."""
    return lesion_area


@metric(
    "reference_area", "Reference lumen area", "m^2", "mm^2",
    needs=("reference_areas",), site="reference",
)
def reference_area(areas: Array) -> float:
    """Median lumen area [m²] over 10 mm of the nearest unaffected segment."""
    return float(np.median(areas))


@metric(
    "area_stenosis", "Lumen area stenosis", "1", "%",
    needs=("lesion_area", "reference_areas"), site="lesion", brief=True,
)
def area_stenosis(lesion_area: float, areas: Array) -> float:
    """1 − A_min / A_ref."""
    return float(1 - lesion_area / np.median(areas))


@metric(
    "diameter_stenosis", "Lumen diameter stenosis", "1", "%",
    needs=("lesion_area", "reference_areas"), site="lesion",
)
def diameter_stenosis(lesion_area: float, areas: Array) -> float:
    """1 − √(A_min / A_ref), of circles of equal area."""
    return float(1 - np.sqrt(lesion_area / np.median(areas)))


@metric(
    "aspect_ratio", "Width to height at the narrowest point", "1", "1",
    needs=("lesion_aspect",), site="lesion",
)
def aspect_ratio(lesion_aspect: float) -> float:
    """√(largest / smallest second moment of area): 1 for a circle, more for a flattened vein."""
    return lesion_aspect


@metric(
    "minor_diameter", "Smaller width at the narrowest point", "m", "mm",
    needs=("lesion_area", "lesion_aspect"), site="lesion",
)
def minor_diameter(area: float, aspect: float) -> float:
    """√(4 A / (π a)) [m]: minor axis of the ellipse of the plane's area A and aspect ratio a."""
    return float(np.sqrt(4 * area / (np.pi * aspect)))


@metric(
    "minor_axis_stenosis", "Lumen stenosis of the smaller width", "1", "%",
    needs=("lesion_area", "lesion_aspect", "reference_areas", "reference_aspects"), site="lesion",
)
def minor_axis_stenosis(area: float, aspect: float, areas: Array, aspects: Array) -> float:
    """1 − minor axis at the narrowest point over the median minor axis of the reference."""
    return float(1 - np.sqrt(area / aspect) / np.median(np.sqrt(areas / aspects)))


@metric(
    "published_stenosis", "Area stenosis against the published median", "1", "%",
    needs=("lesion_area", "published_area"), source="IVUS33", site="lesion",
)
def published_stenosis(area: float, published: float) -> float:
    """1 − A_min / A, A the median area of the segment in people without severe disease."""
    return 1 - area / published


@metric(
    "confluence_angle", "Angle at the confluence", "rad", "deg",
    needs=("joining_directions",), site="confluence",
)
def confluence_angle(directions: Array) -> float:
    """Angle [rad] between the last 10 mm of the two centrelines that join."""
    first, second = directions
    size = np.linalg.norm(first) * np.linalg.norm(second)
    return float(np.arccos(np.clip(first @ second / size, -1.0, 1.0)))
