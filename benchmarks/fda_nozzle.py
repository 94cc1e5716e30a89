"""FDA nozzle at a Reynolds number of 500 of the throat, in three dimensions: the sudden expansion
against a converged axisymmetric solution and against PIV, and the conical diffuser against PIV
[Stewart 2012, Hariharan 2011].

The flow is marched to its steady state with linear velocities, from which quadratic ones go on.
The converged solution is axisymmetric P2/P1; 45,000 and 174,000 unknowns agree to 1e-3.
"""

import time
from dataclasses import dataclass
from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from benchmarks import _nozzle as shape
from benchmarks import _shapes as shapes
from benchmarks.meshes import DATA
from core.settings import read
from meshes.tagged import TaggedMesh
from meshes.vessel import distribute
from solvers.flow import Flow
from solvers.settings import FlowSettings

Array = NDArray[Any]
RATE = 5.20624e-6
"""Flow rate [m³/s]."""
CENTRELINE = {
    -0.088: 0.09207, -0.064: 0.09280, -0.048: 0.18823, -0.042: 0.37042, -0.020: 0.67580,
    -0.008: 0.72700, 0.0: 0.74852, 0.008: 0.73343, 0.016: 0.71408, 0.024: 0.69116,
    0.032: 0.66563, 0.040: 0.63862, 0.048: 0.61108, 0.060: 0.57015, 0.080: 0.50507,
}  # fmt: skip
"""Axial velocity [m/s] on the axis at z [m], of the converged solution."""
CONVERGED = "axisymmetric P2/P1, 174,000 unknowns"
STEADY = 2e-3
"""Relative change of velocity in a second at which the flow is taken for steady."""
RAMP = 0.3
"""Time in which the flow rate rises [s]."""


@dataclass(frozen=True)
class Run:
    """Elements, a mesh by its number of rings, and until when [s] at which step [s]."""

    element: str
    rings: int
    dt: float
    most: float


EXPANSION = (Run("P1/P1", 4, 2e-3, 3.0), Run("P2/P1", 5, 1e-3, 0.8))
DIFFUSER = (Run("P1/P1", 4, 2e-3, 2.0), Run("P1/P1", 7, 1e-3, 0.6))
"""Steps of about two cells in the jet: at five the shear layer of P1/P1 never comes to rest."""


def run() -> list[dict[str, object]]:
    """Both nozzles."""
    start = time.perf_counter()
    flow, z = settled(EXPANSION, diffuser=False)
    rows = [*_axis(flow), *_profiles("fda-500", flow, "SE_exp_0500", 0.06), _losses(flow, z)]
    rows += _state("fda-500", flow)
    rows = _timed(rows, start)
    start = time.perf_counter()
    flow, _ = settled(DIFFUSER, diffuser=True)
    found = [*_profiles("fda-diffuser-500", flow, "CD_Re_500", None)]
    found += _state("fda-diffuser-500", flow)
    return rows + _timed(found, start)


def settled(runs: tuple[Run, ...], *, diffuser: bool) -> tuple[Flow, Array]:
    """The steady flow on the last mesh of ``runs``, and the heights of its layers [m]."""
    flow: Flow | None = None
    for one in runs:
        mesh, z = _nozzle(one.rings, diffuser)
        coarse, flow = flow, Flow(distribute(MPI.COMM_SELF, mesh), _settings(one))
        if coarse is not None:
            _continue(flow, coarse)
        march(flow, one.most, ramp=coarse is None)
    assert flow is not None
    return flow, z


def _nozzle(rings: int, diffuser: bool) -> tuple[TaggedMesh, Array]:
    """Layers of 4.8 mm over the number of rings in the throat, half that at the step."""
    pace = 4.8e-3 / rings
    if diffuser:
        thick = (12.0 * pace, 1.5 * pace, pace, pace / 2.0, 4.0 * pace)
        mesh, z = shape.nozzle(rings, rings // 2, (-0.30, 0.08), thick)
        return shape.turned(mesh), -z[::-1]
    thick = (4.0 * pace, 1.5 * pace, pace, pace / 2.0, 12.0 * pace)
    return shape.nozzle(rings, rings, (-0.12, 0.30), thick)


def _settings(one: Run) -> FlowSettings:
    table = {
        "density": "1056 kg/m^3",
        "rheology": {"kind": "newtonian", "mu": "3.5 mPa s"},
        "period": "1 s",
        "snapshots": 1,
        "scheme": {"element": one.element, "dt": f"{one.dt} s"},
        "boundary": {
            "inlet": {"kind": "flow_rate", "mean": f"{RATE} m^3/s", "shape": "parabolic"},
            "outlet": {"kind": "pressure", "pressure": "0 Pa"},
        },
    }
    return read(FlowSettings, table, "fda-nozzle")


def march(flow: Flow, most: float, *, ramp: bool) -> None:
    """Step until the velocity changes less than `STEADY` in a second, at most for ``most`` [s]."""
    scheme = flow.scheme
    velocity, pressure = flow.imposed(0.0)
    while scheme.time < most:
        share = min(1.0, (scheme.time + scheme.dt) / RAMP) if ramp else 1.0
        scheme.step(share * velocity, pressure)
        if share == 1.0 and drift(flow) < STEADY:
            break


def drift(flow: Flow) -> float:
    """‖u − u_old‖ / (‖u‖ Δt) [1/s]."""
    scheme = flow.scheme
    apart = np.linalg.norm(scheme.u - scheme.u_old)
    return float(apart / np.linalg.norm(scheme.u) / scheme.dt)


def _continue(flow: Flow, coarse: Flow) -> None:
    """Start from the flow on a coarser mesh, whose section has fewer sides: looked up closer to
    the axis by as much.
    """
    scheme = flow.scheme
    inside = np.array([0.96, 0.96, 1.0])
    scheme.u[:] = shapes.sample(coarse.V, coarse.scheme.u, flow.V.coordinates * inside)
    scheme.u[scheme.fixed_u] = flow.imposed(0.0)[0]
    scheme.u_old[:] = scheme.u
    scheme.p[:] = shapes.sample(coarse.Q, coarse.scheme.p, flow.Q.coordinates * inside)


def axial(flow: Flow, points: Array) -> Array:
    """u_z at points (n, 3) [m/s]."""
    return shapes.sample(flow.V, flow.scheme.u[:, 2], points)


def _axis(flow: Flow) -> list[dict[str, object]]:
    """The velocity on the axis beside the converged one."""
    points = np.array([[1e-9, 0.0, z] for z in CENTRELINE])
    return [
        _row(f"fda-500.axis-{z * 1e3:g}mm", found, "m/s", reference, 0.02, CONVERGED)
        for (z, reference), found in zip(CENTRELINE.items(), axial(flow, points), strict=True)
    ]


def _profiles(bench: str, flow: Flow, folder: str, limit: float | None) -> list[dict[str, object]]:
    """Root mean square difference from the mean of the trials over its greatest velocity, at each
    station; and the mean relative one of all points [Stewart 2012].
    """
    place = DATA / "validation" / "fda_nozzle" / folder
    if not place.is_dir():
        print(f"{bench}: no comparison with PIV, there is no {place}; set DVTWIN_DATA")
        return []
    rows, relative = [], []
    for z, trials in sorted(shape.measured(place).items()):
        wide = shape.radius(-z if folder.startswith("CD") else z)
        r = np.linspace(-0.95, 0.95, 39) * wide
        piv = np.mean([np.interp(r, *trial.T) for trial in trials], axis=0)
        points = np.column_stack([np.cos(0.1) * r, np.sin(0.1) * r, np.full_like(r, z)])
        off = axial(flow, points) - piv
        relative.append(np.abs(off / piv))
        value = float(np.sqrt((off**2).mean()) / np.abs(piv).max())
        source = f"PIV, mean of {len(trials)} trials"
        rows.append(_row(f"{bench}.piv-{z * 1e3:g}mm", value, "of greatest", 0.0, limit, source))
    value = float(np.concatenate(relative).mean())
    rows.append(_row(f"{bench}.piv-relative", value, "1", None, None, "E_g of Stewart 2012"))
    return rows


def _losses(flow: Flow, layers: Array) -> dict[str, object]:
    """The largest error of the flow rate through the layers next to the stations."""
    x, worst = flow.Q.coordinates, 0.0
    for station in CENTRELINE:
        z = layers[np.abs(layers - station).argmin()]
        on = np.abs(x[:, 2] - z) < 1e-9
        worst = max(worst, abs(through(flow, on) / RATE - 1.0))
    return _row("fda-500.flow-error", worst, "1", 0.0, 0.01, "imposed")


def through(flow: Flow, on: Array) -> float:
    """∫ u_z over the triangles between mesh points ``on`` a plane [m³/s]."""
    cells = flow.Q.dofs
    flags = on[cells]
    above = np.flatnonzero(flags.sum(axis=1) == 3)
    z = flow.Q.coordinates[cells[above], 2].mean(axis=1)
    plane = flow.Q.coordinates[on, 2].mean()
    above = above[z > plane]
    corners = cells[above][flags[above]].reshape(-1, 3)
    vertices = flow.Q.coordinates[corners]
    sides = vertices[:, [0, 1, 2]] + vertices[:, [1, 2, 0]]
    area = 0.5 * np.abs(
        np.cross(vertices[:, 1] - vertices[:, 0], vertices[:, 2] - vertices[:, 0])[:, 2]
    )
    speed = axial(flow, 0.5 * sides.reshape(-1, 3)).reshape(-1, 3).mean(axis=1)
    return float(area @ speed)


def _state(bench: str, flow: Flow) -> list[dict[str, object]]:
    """How steady the flow is, and what was computed."""
    source = (
        f"{flow.geometry.count} tetrahedra, steps of {flow.scheme.dt * 1e3:g} ms, "
        f"{flow.scheme.steps} of them"
    )
    return [_row(f"{bench}.drift", drift(flow), "1/s", 0.0, STEADY, source)]


def _row(
    name: str,
    value: float,
    unit: str,
    reference: float | None,
    limit: float | None,
    source: str,
) -> dict[str, object]:
    aim = reference or 0.0
    return {
        "bench": "fda-nozzle", "id": name, "value": float(value), "unit": unit,
        "reference": reference, "tolerance": limit, "source": source,
        "ok": None if limit is None else bool(abs(value - aim) <= limit * (abs(aim) or 1.0)),
    }  # fmt: skip


def _timed(rows: list[dict[str, object]], start: float) -> list[dict[str, object]]:
    seconds = round((time.perf_counter() - start) / len(rows), 2)
    return [{**row, "seconds": seconds} for row in rows]
