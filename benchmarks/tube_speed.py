"""Cost of a flow step on a straight tube: CPU microseconds per tetrahedron and step, one
process.
"""

import time
from pathlib import Path

from mpi4py import MPI

from core.settings import read
from meshes.build import build
from meshes.sources.tube import Tube
from meshes.vessel import VesselMesh, distribute
from solvers.flow import Flow
from solvers.settings import FlowSettings

SIZES = {"50k": "0.57 mm", "200k": "0.36 mm"}
STEPS = 20


def run() -> list[dict[str, object]]:
    """One row for each mesh and element."""
    rows = []
    for name, size in SIZES.items():
        vessel = tube(size)
        rows += [cost(name, vessel, element) for element in ("P1/P1", "P2/P1")]
    return rows


def tube(size: str) -> VesselMesh:
    """A tube of 5 mm radius and 30 mm length."""
    table = {"kind": "tube", "radius": "5 mm", "length": "30 mm", "size": size}
    return distribute(MPI.COMM_WORLD, build(read(Tube, table, "benchmark"), Path()))


def cost(name: str, vessel: VesselMesh, element: str) -> dict[str, object]:
    """CPU time of a step, start-up excluded."""
    flow = Flow(vessel, settings(element))
    for _ in range(5):
        flow.step()
    start, wall = time.process_time(), time.perf_counter()
    for _ in range(STEPS):
        flow.step()
    spent = time.process_time() - start
    return {
        "bench": "tube-speed",
        "id": f"tube-{name}.{element.replace('/', '').lower()}-core-us-per-tet-step",
        "value": 1e6 * spent / STEPS / flow.geometry.count,
        "unit": "us", "reference": None, "tolerance": None, "ok": None,
        "source": f"{flow.geometry.count} tetrahedra, standard tolerances, Newtonian",
        "seconds": time.perf_counter() - wall,
    }


def settings(element: str) -> FlowSettings:
    """300 mL/min with a breath, 5 ms steps."""
    inlet = {"kind": "flow_rate", "mean": "300 mL/min", "waveform": {"kind": "breath"}}
    table = {
        "rheology": {"kind": "newtonian"}, "scheme": {"element": element, "dt": "5 ms"},
        "boundary": {"inlet": inlet, "outlet": {"kind": "pressure", "pressure": "0 Pa"}},
    }
    return read(FlowSettings, table, "benchmark")
