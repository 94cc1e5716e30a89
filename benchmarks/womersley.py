"""Oscillating flow in a rigid tube against Womersley (1955): what pressure gradient and what wall
shear stress a flow rate takes, by frequency number α and by element.

Edges are a sixth of the radius, the step is a hundredth of a period; the flow starts as the exact
one. Figures are relative to the exact ones of the tube that the flat-sided cells leave.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from core.settings import read
from meshes.sources.tube import Tube
from meshes.vessel import VesselMesh, distribute
from solvers.diagnostics.traction import WallShear
from solvers.elements.cells import Geometry
from solvers.exact import Womersley, poiseuille_drop
from solvers.flow import Flow
from solvers.settings import FlowSettings
from solvers.storage.layout import Layout

Array = NDArray[Any]
RADIUS, LENGTH, SIZE = 5e-3, 16e-3, 5e-3 / 6.0
RHO, MU, MEAN = 1060.0, 3.5e-3, 1e-7
"""Blood, and the mean flow rate, so little that the backflow's term does not matter."""
ALPHAS = (2.0, 5.0, 8.0, 12.0)
STEPS = 100
LIMITS = {"P2/P1": (0.01, 0.02), "P1/P1": (0.06, 0.06)}
"""Of gradient and wall shear stress, amplitude and phase [rad]; for α at which an edge is shorter
than Stokes's layer √(2ν/ω) = √2 R/α."""


@dataclass(frozen=True)
class Response:
    """Complex amplitudes for a flow rate MEAN (1 + cos ωt): of the pressure gradient [Pa/m] and
    the wall shear stress [Pa].
    """

    gradient: complex
    stress: complex


def run() -> list[dict[str, object]]:
    """Every α with both elements."""
    vessel = tube(SIZE)
    rows: list[dict[str, object]] = []
    phases = []
    for element, limits in LIMITS.items():
        for alpha in ALPHAS:
            start = time.perf_counter()
            exact, found = expected(vessel, alpha), response(vessel, element, alpha)
            spent = round((time.perf_counter() - start) / 4, 2)
            resolved = SIZE * alpha < np.sqrt(2.0) * RADIUS
            name = f"womersley.{element[:2].lower()}-a{alpha:g}"
            for part, limit in zip(("gradient", "stress"), limits, strict=True):
                ratio = getattr(found, part) / getattr(exact, part)
                for what, value, unit in (
                    ("amplitude", abs(ratio), "1"), ("phase", phase(ratio), "rad"),
                ):  # fmt: skip
                    aim = 1.0 if what == "amplitude" else 0.0
                    rows.append(
                        _row(f"{name}.{part}-{what}", value, unit, aim, limit, resolved, spent)
                    )
            if element == "P2/P1":
                phases.append(abs(phase(found.gradient / exact.gradient)))
    rows.append(_row("womersley.flow-phase", max(phases), "rad", 0.0, LIMITS["P2/P1"][0], True, 0))
    return rows


def phase(a: complex) -> float:
    """Of a complex amplitude [rad]."""
    return float(np.angle(a))


def _row(
    name: str, value: float, unit: str, aim: float, limit: float, resolved: bool, spent: float
) -> dict[str, object]:
    return {
        "bench": "womersley", "id": name, "value": float(value), "unit": unit,
        "reference": aim, "tolerance": limit if resolved else None, "source": "Womersley 1955",
        "ok": bool(abs(value - aim) <= limit) if resolved else None, "seconds": spent,
    }  # fmt: skip


def tube(size: float) -> VesselMesh:
    """The tube with edges of ``size`` [m]."""
    table = {
        "radius": f"{RADIUS} m", "length": f"{LENGTH} m", "size": f"{size} m"
    }  # fmt: skip
    return distribute(MPI.COMM_SELF, read(Tube, table, "womersley").build(Path()))


def _period(alpha: float) -> float:
    return 2.0 * np.pi * RHO * RADIUS**2 / (MU * alpha**2)


def _section(vessel: VesselMesh) -> float:
    """Radius of the circle that has the mesh's mean section [m]."""
    return float(np.sqrt(Geometry(vessel.mesh).volume.sum() / (np.pi * LENGTH)))


def exact_flow(radius: float, alpha: float) -> Womersley:
    """The solution whose flow rate has the amplitude MEAN, but for a phase."""
    omega = 2.0 * np.pi / _period(alpha)
    unit = Womersley(radius, RHO, MU, omega, 1.0)
    return Womersley(radius, RHO, MU, omega, MEAN / abs(_phasor(unit, unit.flow_rate)))


def _phasor(flow: Womersley, of: Any) -> complex:
    """a of Re(a e^{iωt})."""
    return complex(of(0.0), -of(np.pi / 2.0 / flow.omega))


def expected(vessel: VesselMesh, alpha: float) -> Response:
    """The exact response."""
    flow = exact_flow(_section(vessel), alpha)
    turn = abs(_phasor(flow, flow.flow_rate)) / _phasor(flow, flow.flow_rate)
    # wall_shear_stress is of the wall on the blood
    stress = _phasor(flow, flow.wall_shear_stress)
    return Response(flow.gradient * turn, stress * turn)


def response(vessel: VesselMesh, element: str, alpha: float) -> Response:
    """The computed response, over one period after a quarter of one."""
    flow, period = Flow(vessel, _settings(element, alpha)), _period(alpha)
    _begin(flow, vessel, alpha)
    layout = Layout(vessel, flow.geometry, flow.Q)
    rim = np.concatenate([flow.V.dofs_on(f.numbers) for f in flow.patches.values()])
    shear = WallShear(flow.scheme, layout.wall, rim)
    z, height = flow.Q.coordinates[:, 2], layout.wall.centre[:, 2]
    inside = abs(z - 0.6 * LENGTH) < 0.25 * LENGTH
    weight = layout.wall.area * (abs(height - 0.6 * LENGTH) < 0.2 * LENGTH)
    rows = []
    for step in range(1, STEPS * 5 // 4 + 1):
        flow.step()
        if step > STEPS // 4:
            slope = -np.polyfit(z[inside], flow.scheme.p[inside], 1)[0]
            rows.append((slope, weight @ shear()[:, 2] / weight.sum()))
    times = np.arange(STEPS // 4 + 1, len(rows) + STEPS // 4 + 1) * flow.scheme.dt
    wave = np.exp(-2j * np.pi * times / period)
    gradient, stress = 2.0 * (np.array(rows).T * wave).mean(axis=1)
    return Response(complex(gradient), complex(stress))


def _begin(flow: Flow, vessel: VesselMesh, alpha: float) -> None:
    """The exact velocity at t = 0 and a step before, and the exact pressure."""
    exact, scheme, radius = exact_flow(_section(vessel), alpha), flow.scheme, _section(vessel)
    lag = -phase(_phasor(exact, exact.flow_rate)) / exact.omega
    r = np.minimum(np.hypot(*flow.V.coordinates[:, :2].T), radius)
    mean = 2.0 * MEAN / (np.pi * radius**2) * (1.0 - (r / radius) ** 2)
    for field, t in ((scheme.u, 0.0), (scheme.u_old, -scheme.dt)):
        field[:, 2] = mean + exact.velocity(r, t + lag)
    slope = exact.gradient * np.cos(exact.omega * lag) + poiseuille_drop(MU, 1.0, MEAN, radius)
    scheme.p[:] = slope * (LENGTH - flow.Q.coordinates[:, 2])
    scheme.steps = 1


def _settings(element: str, alpha: float) -> FlowSettings:
    period = _period(alpha)
    table = {
        "density": f"{RHO} kg/m^3",
        "rheology": {"kind": "newtonian", "mu": f"{MU} Pa s"},
        "period": f"{period} s",
        "snapshots": 1,
        "scheme": {"element": element, "dt": f"{period / STEPS} s"},
        "boundary": {
            "inlet": {
                "kind": "flow_rate",
                "mean": f"{MEAN} m^3/s",
                "shape": "womersley",
                "waveform": {"kind": "fourier", "cosines": [1.0]},
            },
            "outlet": {"kind": "pressure", "pressure": "0 Pa"},
        },
    }
    return read(FlowSettings, table, "womersley")
