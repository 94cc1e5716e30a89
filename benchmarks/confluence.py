"""Two veins into one, and one into two resistances, against the 0D solution.

The vessel is the parametric confluence without a compression. Its 0D twin (`solvers/network.py`)
has three branches of R = ∫ 4μ (a² + b²) / (π a³ b³) ds along the drawn ellipses. The flow is
slow, as that law is: joining it is Stokes flow, parting it has a Reynolds number of 0.2. The 0D
twin knows neither the junction, where the drawn veins overlap, nor the polygons of the mesh:
hence the limits.
"""

import time
from pathlib import Path
from typing import Any

from mpi4py import MPI

import numpy as np

from core.settings import read
from meshes.build import build
from meshes.shapes import anatomy
from meshes.sources.confluence import Confluence
from meshes.vessel import VesselMesh, distribute
from solvers.flow import Flow
from solvers.network import Branch, Network, Pool, Signal
from solvers.settings import FlowSettings

VISCOSITY = 3.5e-3
SLOW = {"left": 5e-9, "right": 3e-9}
"""Flow rates towards the heart [m³/s]."""
OHM = {"left": 2e7, "right": 3e7}
"""Resistances behind the branches [Pa s/m³], a hundred times the vessel's own."""
SIZE, ACROSS = "4 mm", 6
TWIN = "0D network of the drawn veins"


def run() -> list[dict[str, object]]:
    """All rows."""
    start = time.perf_counter()
    source = read(Confluence, {"stenosis": 0.0, "size": SIZE, "across": ACROSS}, "confluence")
    vessel = distribute(MPI.COMM_SELF, build(source, Path()))
    ohms = resistances(source)
    rows = [*joining(vessel, ohms), *parting(vessel, ohms)]
    spent = round((time.perf_counter() - start) / len(rows), 2)
    return [{**row, "seconds": spent} for row in rows]


def resistances(source: Confluence) -> dict[str, float]:
    """R of each vein as it was drawn [Pa s/m³]."""
    found = {}
    for vein in anatomy.tubes(source.shape()):
        a, b, s = 1e-3 * vein.depth, 1e-3 * vein.width, 1e-3 * vein.arc
        along = 4.0 * VISCOSITY * (a**2 + b**2) / (np.pi * (a * b) ** 3)
        found[vein.name] = float(np.trapezoid(along, s))
    return found


def joining(vessel: VesselMesh, ohms: dict[str, float]) -> list[dict[str, object]]:
    """Pressures of the legs over that of the cava."""
    boundary: dict[str, Any] = {"cava": {"kind": "pressure", "pressure": "0 Pa"}}
    for leg, rate in SLOW.items():
        boundary[leg] = {"kind": "flow_rate", "mean": f"{rate} m^3/s", "shape": "parabolic"}
    flow = _flow(vessel, boundary, "stokes")
    flow.scheme.steady(*flow.imposed(0.0))
    twin = _legs(ohms, {leg: Pool(leg, inflow=_steady(rate)) for leg, rate in SLOW.items()})
    pressure = flow.pressures()
    source = f"{TWIN}; {flow.geometry.count} tetrahedra"
    rows = []
    for leg in SLOW:
        drop = pressure[leg] - pressure["cava"]
        rows.append(_row(f"drop-{leg}", drop, "Pa", twin.pressure(leg), 0.03, source))
    off = abs(flow.flow_rates()["cava"] / sum(SLOW.values()) - 1.0)
    return [*rows, _row("flow-error", off, "1", 0.0, 1e-6, "imposed")]


def parting(vessel: VesselMesh, ohms: dict[str, float]) -> list[dict[str, object]]:
    """The same vessel backwards, its legs behind resistances: split, and p = R Q at both."""
    total = sum(SLOW.values())
    boundary: dict[str, Any] = {
        "cava": {"kind": "flow_rate", "mean": f"{total} m^3/s", "shape": "parabolic"}
    }
    for leg, ohm in OHM.items():
        boundary[leg] = {"kind": "resistance", "resistance": f"{ohm} Pa s/m^3"}
    flow = _flow(vessel, boundary, "projection")
    coupling = flow.scheme.coupling
    for _ in range(40):
        flow.step()
    rates, pressure = flow.flow_rates(), flow.pressures()
    twin = _legs(ohms, {leg: Pool(leg) for leg in OHM}, _steady(total))
    whole = {leg: twin.pressure(leg) / OHM[leg] for leg in OHM}
    law = max(abs(pressure[leg] / (OHM[leg] * rates[leg]) - 1.0) for leg in OHM)
    beyond = float(max(OHM.values()) * np.abs(coupling.conductance).max())
    return [
        _row("split", rates["left"] / total, "1", whole["left"] / total, 0.01, TWIN),
        _row("ohm", law, "1", 0.0, 1e-3, "p = R Q at both ends"),
        _row("explicit-limit", beyond, "1", None, None, "R G: an explicit coupling needs < 1"),
    ]


def _steady(value: float) -> Signal:
    return lambda _: value


def _legs(ohms: dict[str, float], legs: dict[str, Pool], inflow: Signal | None = None) -> Network:
    """The 0D twin, settled: from the ``legs`` to a cava at 0 Pa, or, with an ``inflow`` there,
    from the cava through the legs and `OHM` to 0 Pa.
    """
    branches = [Branch(leg, "join", ohms[leg]) for leg in legs]
    if inflow is None:
        join = Pool("join")
        branches.append(Branch("join", "ground", ohms["cava"]))
    else:
        join = Pool("join", inflow=inflow)
        branches += [Branch(leg, "ground", OHM[leg]) for leg in legs]
    network = Network([*legs.values(), join, Pool("ground", held=_steady(0.0))], branches)
    network.settle(0.0)
    return network


def _flow(vessel: VesselMesh, boundary: dict[str, Any], kind: str) -> Flow:
    table = {
        "rheology": {"kind": "newtonian", "mu": f"{VISCOSITY} Pa s"},
        "period": "1000 s",
        "snapshots": 1,
        "scheme": {"element": "P2/P1", "kind": kind, "dt": "1 s"},
        "boundary": boundary,
    }
    return Flow(vessel, read(FlowSettings, table, "confluence"))


def _row(
    name: str, value: float, unit: str, reference: float | None, limit: float | None, source: str
) -> dict[str, object]:
    aim = reference or 0.0
    return {
        "bench": "confluence", "id": f"confluence.{name}", "value": float(value), "unit": unit,
        "reference": reference, "tolerance": limit, "source": source,
        "ok": None if limit is None else bool(abs(value - aim) <= limit * (abs(aim) or 1.0)),
    }  # fmt: skip
