"""Effect of a narrowing on the flow: gradient, speeds, shares of flow, Reynolds number.

Peripheral is upstream, central is towards the heart: what a stenosis does to a vein shows in the
pressure peripheral of it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from postprocess.metrics import metric

Array = NDArray[Any]


@metric(
    "pressure_gradient", "Pressure gradient, narrowing", "Pa", "mmHg",
    needs=("pressure_peripheral", "pressure_central"), site="lesion", brief=True,
)
def pressure_gradient(peripheral: float, central: float) -> float:
    """Mean pressure [Pa] 20 mm peripheral minus 20 mm central of the narrowest point."""
    return peripheral - central


@metric(
    "gradient_peak", "Pressure gradient, largest in the cycle", "Pa", "mmHg",
    needs=("gradients_in_cycle",), site="lesion",
)
def gradient_peak(gradients: Array) -> float:
    """Largest pressure gradient [Pa] over the stored times of the last cycle."""
    return float(np.max(gradients))


@metric(
    "total_pressure_loss", "Loss of total pressure, narrowing", "Pa", "mmHg",
    needs=("total_pressure_peripheral", "total_pressure_central"), site="lesion",
)
def total_pressure_loss(peripheral: float, central: float) -> float:
    """∫ (p + ρ u²/2) u·n dA / Q [Pa] of the cycle means, peripheral less central plane."""
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
    "peak_speed", "Peak velocity after the narrowing", "m/s", "cm/s",
    needs=("speeds_after",), site="lesion",
)
def peak_speed(after: Array) -> float:
    """Largest sampled speed [m/s] 0–20 mm central of the narrowest point, cycle mean."""
    return float(np.max(after))


@metric(
    "reynolds", "Reynolds number at the narrowest point, peak", "1", "1",
    needs=("density", "lesion_peak_flow", "lesion_area", "wall_viscosity"), site="lesion",
)
def reynolds(density: float, flow: float, area: float, viscosity: float) -> float:
    """ρ U D / μ with U = Q / A, D = √(4 A / π), Q the largest in the cycle, μ that at the wall."""
    return float(density * abs(flow) * np.sqrt(4 / (np.pi * area)) / viscosity)


@metric(
    "lesion_flow", "Flow rate through the narrowing", "m^3/s", "mL/min",
    needs=("flow_before",), site="lesion",
)
def lesion_flow(flow: Array) -> float:
    """Median flow rate [m³/s] through the reference planes, towards the heart."""
    return float(np.median(flow))


@metric(
    "lesion_share", "Share of the whole flow through the narrowing", "1", "%",
    needs=("flow_before", "inlet_flows"), site="lesion",
)
def lesion_share(flow: Array, q_in: Array) -> float:
    """Median flow rate through the reference planes over the inflow of all inlets."""
    return float(np.median(flow) / np.abs(q_in).sum())


@metric(
    "collateral_share", "Share of the limb's inflow past the narrowing", "1", "%",
    needs=("flow_before", "limb_flows"), site="lesion",
)
def collateral_share(flow: Array, limb: Array) -> float:
    """1 − flow rate through the narrowing over the inflow of the inlets on its side."""
    return float(1 - np.median(flow) / np.abs(limb).sum())


@metric(
    "inlet_pressure", "Pressure at the inlet, {part}", "Pa", "mmHg",
    needs=("inlet_pressures",), each="inlet_names",
)
def inlet_pressure(pressures: Array) -> Array:
    """Cycle-mean pressure [Pa] of each inlet."""
    return pressures


@metric(
    "reversed_time", "Reversed flow in a cycle, {part}", "s", "s",
    needs=("opening_flows", "opening_signs", "period"), each="series_names",
)
def reversed_time(flows: Array, signs: Array, period: float) -> Array:
    """Time [s] of the last cycle in which an opening's flow runs against its cycle mean."""
    return np.asarray(period * (flows * signs < 0).mean(axis=0))


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
