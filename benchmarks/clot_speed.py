"""What chemistry costs: 17 states at a million points, the film, one macro step of 10 s."""

import time
from typing import Any

import numpy as np

from solvers.chemistry.conditions import Plasma
from solvers.chemistry.film import film
from solvers.chemistry.integrate import advance
from solvers.chemistry.reduced import Reduced
from solvers.chemistry.species import chosen

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
    return rows


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
