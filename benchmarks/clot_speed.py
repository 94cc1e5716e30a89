"""What a clot costs: chemistry of 17 states at a million points, the film, and the parts of a
macro step of the coupled model in a tube, beside a step of the flow.
"""

import time
from copy import deepcopy
from pathlib import Path
from typing import Any

from mpi4py import MPI

import numpy as np

from core.settings import read
from meshes.sources.tube import Tube
from meshes.vessel import distribute
from solvers.chemistry.conditions import Plasma
from solvers.chemistry.film import film
from solvers.chemistry.integrate import advance
from solvers.chemistry.reduced import Reduced
from solvers.chemistry.species import chosen
from solvers.clots.coagulation import Coagulation
from solvers.clotting import Vein
from solvers.clotting.coagulation import Coagulating
from solvers.elements.edge import ClotEdge
from solvers.elements.facets import Facets
from solvers.flow import Flow
from solvers.settings import FlowSettings

Row = dict[str, Any]
POINTS = 20_000
MILLION = 1e6
STEP = 10.0


def run() -> list[Row]:
    """Processor seconds for a million points, from a sample, by how much of it clots."""
    burst, film_burst = _states(chosen()), _states(chosen(wall=True))
    kernel = Reduced()
    rows = []
    for share, note in ((1.0, "all"), (0.05, "5 % of the points"), (0.0, "no point")):
        state = Plasma().state(kernel.names, POINTS)
        active = round(share * POINTS)
        state[:, :active] = burst[:, :active]
        seconds, log = _timed(kernel, state)
        name = f"clot-speed.chemistry-1M-{100 * share:g}-percent"
        rows.append(_row(name, seconds / POINTS * MILLION, "s", f"{note} clotting"))
        if share == 1.0:
            rows.append(_row("clot-speed.steps-per-point", log.steps / POINTS, "1", "10 s, 1e-3"))
            per_step = seconds / log.steps * 1e6
            rows.append(_row("clot-speed.us-per-step", per_step, "us", "17 states"))
    wall = film()
    points = 2_000
    blood = wall.conditions.plasma.state(wall.names, points)
    start = time.process_time()
    wall.advance(film_burst[:, :points], blood, np.full(points, 50.0), STEP)
    spent = time.process_time() - start
    rows.append(_row("clot-speed.film-100k-facets", spent / points * 1e5, "s", "20 states"))
    return rows + coupled()


def coupled() -> list[Row]:
    """Parts of a macro step of M2 in a tube of 30 mm, and a step of the flow there."""
    flow, clot = _tube()
    time_flow = _spent(flow.step, 3) / 3
    until, elapsed = 90.0, 0.0
    while elapsed < until:
        elapsed += clot.advance(elapsed, until - elapsed)
    now, q = deepcopy(clot.state), clot.blood.conditions(until)
    nothing = np.zeros(0)
    parts = {
        "transport": lambda: clot.blood.move(now, q, STEP),
        "reactions-in-blood": lambda: clot.blood.react(now, q, nothing, STEP),
        "film": lambda: clot.film.advance(now, q, clot.shear_rate, STEP),
        "growth": lambda: clot.grow(now, np.full(flow.Q.local, 1e-7), STEP),
    }
    rows, points = [], flow.Q.map.size_global
    note = f"M2 in a tube of {points} points"
    seconds = {name: _spent(part, 1) for name, part in parts.items()}
    for name, spent in seconds.items():
        rows.append(_row(f"clot-speed.{name}", spent, "s", note))
    each = seconds["transport"] / len(clot.blood.names) / points * 1e6
    rows.append(_row("clot-speed.transport-per-species", each, "us", f"a point; {note}"))
    whole = sum(seconds.values()) + seconds["reactions-in-blood"] + seconds["film"]
    rows.append(_row("clot-speed.step-over-flow-step", whole / time_flow, "1", note))
    return rows


def _tube() -> tuple[Flow, Coagulating]:
    """A tube of 10 mm with an injured side, flow in it, and the clot's model."""
    table = {"radius": "5 mm", "length": "30 mm", "size": "0.6 mm"}
    vessel = distribute(MPI.COMM_SELF, read(Tube, table, "clot-speed").build(Path()))
    boundary = {
        "inlet": {"kind": "flow_rate", "mean": "60 mL/min"},
        "outlet": {"kind": "pressure", "pressure": "0 Pa"},
    }
    flow = Flow(vessel, read(FlowSettings, {"boundary": boundary}, "clot-speed"))
    for _ in range(3):
        flow.step()
    zone = {"at": ["0 mm", "5 mm", "15 mm"], "radius": "4 mm"}
    model = read(Coagulation, {"kind": "coagulation", "injury": [zone]}, "clot-speed")
    wall = Facets(flow.geometry, vessel.facets(*vessel.walls))
    clot = Coagulating(model, Vein(flow, wall, ClotEdge(flow.Q, 1.5e-3), 0.1, 86400.0))
    shear = flow.Q.sum(flow.scheme.sweeps.spread(flow.scheme.cell_shear_rate()))
    local = flow.Q.local
    clot.carry(flow.scheme.carrier(), np.array(shear) / flow.scheme.lumped, np.zeros(local))
    return flow, clot


def _spent(what: Any, times: int) -> float:
    start = time.process_time()
    for _ in range(times):
        what()
    return time.process_time() - start


def _row(name: str, value: float, unit: str, source: str) -> Row:
    return {
        "bench": "clot-speed",
        "id": name,
        "value": float(value),
        "unit": unit,
        "ok": None,
        "source": f"{source}; numpy, one core, macro step {STEP:g} s",
    }


def _timed(kernel: Reduced, state: np.ndarray) -> tuple[float, Any]:
    start = time.process_time()
    _, _, log = advance(kernel, state, STEP)
    return time.process_time() - start, log


def _states(names: tuple[str, ...]) -> np.ndarray:
    """States (names, POINTS) at all phases of clotting by 5 pM tissue factor."""
    every = chosen(wall=True)
    kernel = Reduced(names=every)
    state = Plasma().state(every, 1)
    state[every.index("TF")] = 5e-3
    course = []
    for _ in range(250):
        course.append(state[:, 0])
        state, _, _ = advance(kernel, state, 5.0)
    rows = [every.index(name) for name in names]
    return np.tile(np.array(course).T[rows], (1, POINTS // 250))
