"""Narrowing and its effect on the flow: areas, gradient, velocity ratio, shares of flow.

Peripheral is upstream, central is towards the heart: what a stenosis does to a vein shows in the
pressure peripheral of it.
"""

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
    "pressure_gradient", "Pressure gradient, narrowing", "Pa", "mmHg",
    needs=("pressure_peripheral", "pressure_central"), site="lesion", brief=True,
)
def pressure_gradient(peripheral: float, central: float) -> float:
    """Mean pressure [Pa] 20 mm peripheral minus 20 mm central of the narrowest point."""
    return peripheral - central


@metric(
    "tree_gradient", "Pressure loss over the whole model", "Pa", "mmHg",
    needs=("inlet_pressures", "inlet_flows", "outlet_pressures", "outlet_flows"),
)
def tree_gradient(p_in: Array, q_in: Array, p_out: Array, q_out: Array) -> float:
    """Flow-weighted cycle-mean pressure of the inlets minus that of the outlets [Pa]."""
    return float(np.average(p_in, weights=np.abs(q_in)) - np.average(p_out, weights=np.abs(q_out)))


@metric(
    "velocity_ratio", "Velocity ratio, after / before", "1", "1",
    needs=("speeds_after", "speeds_before"), site="lesion", brief=True,
)
def velocity_ratio(after: Array, before: Array) -> float:
    """Largest speed 0–20 mm central of the narrowest point over the median reference speed.

    Speeds are 99th percentiles of the cycle-mean axial speed in a 3 mm sample volume.
    """
    return float(np.max(after) / np.median(before))


@metric(
    "lesion_flow", "Flow rate through the narrowing", "m^3/s", "mL/min",
    needs=("flow_before",), site="lesion",
)
def lesion_flow(flow: Array) -> float:
    """Median flow rate [m³/s] through the reference planes, towards the heart."""
    return float(np.median(flow))


@metric(
    "flow_share", "Share of the inflow, {part}", "1", "%",
    needs=("inlet_flows",), each="inlet_names",
)
def flow_share(q_in: Array) -> Array:
    """Cycle-mean inflow of each inlet over that of all."""
    return np.asarray(q_in / q_in.sum())


@metric(
    "outflow_share", "Share of the outflow, {part}", "1", "%",
    needs=("outlet_flows",), each="outlet_names",
)
def outflow_share(q_out: Array) -> Array:
    """Cycle-mean outflow of each outlet over that of all."""
    return np.asarray(q_out / q_out.sum())


@metric(
    "mass_error", "Mass balance error", "1", "%", needs=("inlet_flows", "outlet_flows")
)
def mass_error(q_in: Array, q_out: Array) -> float:
    """|Σ Q| / throughput, with Q positive outwards and half of Σ |Q| as throughput."""
    flows = np.concatenate([q_in, q_out])
    return float(abs(flows.sum()) / (0.5 * np.abs(flows).sum()))
