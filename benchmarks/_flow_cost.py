"""Cost and error of one flow computation on the stenosis case: what `speed.py` starts on n ranks.

python3 -m benchmarks._flow_cost LEVEL ELEMENT STEPS OUT [carreau] [resistance] [recorded]
"""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from mpi4py import MPI

import numpy as np
from dolfinx import fem, geometry
from numpy.typing import NDArray

from benchmarks import _stenosis as case
from core.settings import read
from meshes.vessel import distribute
from solvers.cycle import Series
from solvers.diagnostics.averages import Averages
from solvers.diagnostics.balances import Balances
from solvers.diagnostics.traction import WallShear
from solvers.elements.facets import Facets
from solvers.flow import Flow
from solvers.settings import FlowSettings

Array = NDArray[Any]
COMM = MPI.COMM_WORLD


def problem(level: str, element: str, options: tuple[str, ...]) -> Flow:
    """The stenosed tube as a flow problem of the product."""
    outlet: dict[str, Any] = {"kind": "pressure", "pressure": "0 Pa"}
    if "resistance" in options:
        outlet = {
            "kind": "rcr",
            "proximal": "1e6 Pa s/m^3",
            "distal_resistance": "1e7 Pa s/m^3",
            "compliance": "1e-8 m^3/Pa",
            "distal": "0 Pa",
        }
    newtonian = {"kind": "newtonian", "mu": f"{case.VISCOSITY * 1e3} mPa s"}
    table = {
        "rheology": {"kind": "carreau"} if "carreau" in options else newtonian,
        "scheme": {"element": element, "dt": f"{case.DT * 1e3} ms"},
        "period": "1 s",
        "snapshots": 1,
        "boundary": {
            "inlet": {"kind": "flow_rate", "mean": f"{case.FLOW * 1e6} mL/s"},
            "outlet": outlet,
        },
    }
    mesh = case.tube(level) if COMM.rank == 0 else None
    return Flow(distribute(COMM, mesh), read(FlowSettings, table, "benchmark"))


def advance(flow: Flow, record: Series | None) -> Any:
    """One step under the case's own inflow."""
    scheme, (inlet,) = flow.scheme, flow.inlets.values()
    velocity, pressure = flow.imposed(scheme.time + scheme.dt)
    velocity[inlet.places] = case.inflow(scheme.time + scheme.dt) * inlet.unit
    log = scheme.step(velocity, pressure)
    if record is not None:
        record.add(log.cfl, log.backflow)
    return log


def run(level: str, element: str, steps: int, options: tuple[str, ...]) -> dict[str, Any]:
    """Seconds of all ranks by step, iterations, memory, and the errors if it went to the end."""
    start = time.process_time()
    flow = problem(level, element, options)
    wall = Facets(flow.geometry, flow.vessel.facets(*flow.vessel.walls))
    shear = WallShear(flow.scheme, wall, np.zeros(0, dtype=np.int32))
    means = Averages.start(flow.scheme, len(wall.area)) if "recorded" in options else None
    series = Series(Balances(flow, wall)) if "recorded" in options else None
    setup, seconds, logs = time.process_time() - start, [], []
    for _ in range(steps):
        begin = time.process_time()
        logs.append(advance(flow, series))
        if means is not None:
            means.add(flow.scheme, shear)
        seconds.append(time.process_time() - begin)
    later = seconds[steps // 2 :]
    found = {
        "cells": COMM.allreduce(flow.geometry.count),
        "core_seconds": COMM.allreduce(float(np.median(later))),
        "iterations": float(np.mean([log.iterations for log in logs[steps // 2 :]])),
        "pressure_iterations": float(np.mean([x.pressure_iterations for x in logs[steps // 2 :]])),
        "cfl": logs[-1].cfl,
        "setup": COMM.allreduce(setup),
        "bytes": COMM.allreduce(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss),
    }
    if COMM.size == 1 and steps == round(case.END / case.DT) and not options:
        found |= errors(flow, wall, shear())
    return found


def errors(flow: Flow, wall: Facets, stress: Array) -> dict[str, float]:
    """Relative errors of velocity (rms), throat pressure drop, and wall shear stress (rms)."""
    reference = json.loads(Path(__file__).with_name("stenosis.json").read_text())
    exact = np.array(reference["speed"])[:, :, None]
    points = case.probes()
    speed = sample(flow, flow.V.space, flow.scheme.u[:, 2], points)
    axis = sample(flow, flow.Q.space, flow.scheme.p, points[:, 0, 0])
    drop = axis[0] - axis[2]
    true_drop = reference["pressure"][0] - reference["pressure"][2]
    places = np.array(reference["wall_x"])
    x = wall.centre[:, 2] - case.UPSTREAM
    near = (x > places[0]) & (x < places[-1])
    shear = np.interp(x[near], places, reference["wall_shear"])
    off, area = along_wall(wall.centre[near], stress[near], places) - shear, wall.area[near]
    return {
        "rms": float(np.sqrt(np.mean((speed - exact) ** 2) / np.mean(exact**2 + 0.0 * speed))),
        "drop": float(drop / true_drop - 1.0),
        "shear": float(np.sqrt((area @ off**2) / (area @ shear**2))),
    }


def along_wall(centre: Array, stress: Array, places: Array) -> Array:
    """The part of ``stress`` (f, 3) along the narrowing wall, as the reference has it."""
    slope = np.gradient(case.RADIUS * case.narrowing(places), places)
    slope = np.interp(centre[:, 2] - case.UPSTREAM, places, slope)
    outward = (stress[:, :2] * centre[:, :2]).sum(axis=1) / np.hypot(*centre[:, :2].T)
    return np.asarray((stress[:, 2] + slope * outward) / np.hypot(1.0, slope))


def sample(flow: Flow, space: Any, values: Array, points: Array) -> Array:
    """Values of a nodal field at points (…, 3)."""
    field = fem.Function(space)
    field.x.array[:] = values
    flat = points.reshape(-1, 3)
    tree = geometry.bb_tree(flow.geometry.mesh, 3)
    hits = geometry.compute_collisions_points(tree, flat)
    cells = geometry.compute_colliding_cells(flow.geometry.mesh, hits, flat)
    chosen = np.array([cells.links(i)[0] for i in range(len(flat))], dtype=np.int32)
    return np.asarray(field.eval(flat, chosen)[:, 0].reshape(points.shape[:-1]))


if __name__ == "__main__":
    level, element, steps, out, *options = sys.argv[1:]
    result = run(level, element, int(steps), tuple(options))
    if COMM.rank == 0:
        Path(out).write_text(json.dumps(result))
