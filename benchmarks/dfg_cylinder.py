"""Unsteady flow past a cylinder [Schäfer & Turek 1996]: DFG 2D-2, 2D-3 and 3D-3Z, P2/P1.

2D-2: steady inflow at Re 100, a vortex street. 2D-3, 3D-3Z: the inflow rises and falls in 8 s, as
sin πt/8, to Re 100. Forces are those of the residual. ``level`` 1 halves edges and steps.
"""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import _shapes as shapes
from benchmarks._passing import Passing
from benchmarks.meshes import DATA

Array = NDArray[Any]
Figures = dict[str, tuple[float, float, float | None, str, str]]
"""Value, reference, relative tolerance, unit and source by id."""
SERIES = DATA / "validation" / "dfg_cylinder"
FEATFLOW = "FeatFlow, level 6"
EDGES = {2: (0.003, 0.03), 3: (0.007, 0.09)}
"""Near the cylinder and far from it [m]."""
SETTLE, STREET = 5e-3, 5.0
"""Step and length [s] of the start of the vortex street, whose end is that of a finer step."""


def run() -> list[dict[str, object]]:
    """Every flow at its quick level."""
    rows: list[dict[str, object]] = []
    for flow in (street, pulse_2d, pulse_3d):
        start = time.perf_counter()
        found = flow()
        spent = round((time.perf_counter() - start) / len(found), 2)
        rows += [
            {
                "bench": "dfg-cylinder", "id": name, "value": value, "unit": unit,
                "reference": reference, "tolerance": tolerance, "source": source,
                "ok": None if tolerance is None else _close(value, reference, tolerance),
                "seconds": spent,
            }
            for name, (value, reference, tolerance, unit, source) in found.items()
        ]  # fmt: skip
    return rows


def _close(value: float, reference: float, tolerance: float) -> bool:
    """Relative, but for a reference of 0."""
    return bool(abs(value - reference) <= tolerance * (abs(reference) or 1.0))


def _mesh(dim: int, level: int) -> Any:
    return shapes.cylinder_in_channel(dim, *(edge / 2**level for edge in EDGES[dim]))


def street(level: int = 0, dt: float = 1.25e-3, periods: int = 9) -> Figures:
    """DFG 2D-2: extremes, means and frequency of the forces in a vortex street."""
    flow = Passing(_mesh(2, level), SETTLE, lambda t: min(1.0, t / 0.25))
    flow.run(STREET)
    flow.change_step(dt / 2**level)
    rows = flow.run(STREET + 0.3313 * periods)
    drag, lift, period = last_periods(rows, 2)
    strouhal = 2.0 * shapes.RADIUS / period
    return {
        "dfg-2d-2.drag-max": (drag.max(), 3.22739, 5e-3, "1", FEATFLOW),
        "dfg-2d-2.drag-min": (drag.min(), 3.16426, 5e-3, "1", FEATFLOW),
        "dfg-2d-2.drag-mean": (drag.mean(), 3.1959, 5e-3, "1", FEATFLOW),
        "dfg-2d-2.lift-max": (lift.max(), 0.98657, 0.01, "1", FEATFLOW),
        "dfg-2d-2.lift-min": (lift.min(), -1.02129, 0.01, "1", FEATFLOW),
        "dfg-2d-2.strouhal": (strouhal, 0.30184, 5e-3, "1", FEATFLOW),
    }


def last_periods(rows: Array, count: int) -> tuple[Array, Array, float]:
    """Drag and lift of the last ``count`` periods, and the length of one [s]."""
    t, drag, lift = rows.T
    middle = 0.5 * (lift[len(lift) // 2 :].max() + lift[len(lift) // 2 :].min())
    up = np.flatnonzero((lift[:-1] < middle) & (lift[1:] >= middle))
    crossing = t[up] + (middle - lift[up]) / (lift[up + 1] - lift[up]) * (t[up + 1] - t[up])
    part = slice(up[-1 - count] + 1, up[-1] + 1)
    return drag[part], lift[part], float((crossing[-1] - crossing[-1 - count]) / count)


def _rising(t: float) -> float:
    return float(np.sin(np.pi * t / 8.0))


def pulse_2d(level: int = 0, dt: float = 1.25e-3) -> Figures:
    """DFG 2D-3: greatest forces and when, and the pressure drop at the end."""
    flow = Passing(_mesh(2, level), dt / 2**level, _rising)
    rows = flow.run(8.0)
    t, drag, lift = rows.T
    author = "John 2004"
    figures: Figures = {
        "dfg-2d-3.drag-max": (drag.max(), 2.950921575, 5e-3, "1", author),
        "dfg-2d-3.drag-time": (t[drag.argmax()], 3.93625, 5e-3, "s", author),
        "dfg-2d-3.lift-max": (lift.max(), 0.47834818, 0.01, "1", "FEATool, after John 2004"),
        "dfg-2d-3.lift-time": (t[lift.argmax()], 5.6925, 5e-3, "s", "FEATool, after John 2004"),
        "dfg-2d-3.dp-8s": (flow.pressure_drop(), -0.11162153, 0.01, "Pa", "FEATool"),
    }
    series = _series("2D-3_bdforces_lv6.txt", 0, (1, 3, 4))
    return figures | _curves("dfg-2d-3", rows, series, None)


def pulse_3d(level: int = 0, dt: float = 1e-2) -> Figures:
    """DFG 3D-3Z: greatest drag and least lift, and the whole curve of the drag."""
    flow = Passing(_mesh(3, level), dt / 2**level, _rising)
    rows = flow.run(8.0)
    _, drag, lift = rows.T
    figures: Figures = {
        "dfg-3d-3z.drag-max": (drag.max(), 3.29777, 0.01, "1", "FeatFlow"),
        "dfg-3d-3z.lift-min": (lift.min(), -0.011026, 0.03, "1", "FeatFlow"),
    }
    series = _series("3D-3Z_BenchValues.txt", 1, (0, 1, 2))
    return figures | _curves("dfg-3d-3z", rows, series, 0.01)


def _series(name: str, skip: int, columns: tuple[int, int, int]) -> Array | None:
    """Time, drag and lift (n, 3) of a FeatFlow run; None where the data are not there."""
    path = SERIES / name
    if not path.exists():
        print(f"dfg-cylinder: no comparison with the series {path}; set DVTWIN_DATA")
        return None
    return np.asarray(np.loadtxt(path, skiprows=skip, usecols=columns))


def _curves(bench: str, rows: Array, series: Array | None, limit: float | None) -> Figures:
    """Largest difference of drag and lift from a series after the start, as shares of their
    greatest values.
    """
    if series is None:
        return {}
    # the first steps from rest press the blood into motion at once
    later = rows[rows[:, 0] > 0.1]
    found: Figures = {}
    for column, name in ((1, "drag"), (2, "lift")):
        reference = np.interp(later[:, 0], series[:, 0], series[:, column])
        off = np.abs(later[:, column] - reference).max() / np.abs(reference).max()
        allowed = limit if name == "drag" else None
        found[f"{bench}.{name}-curve"] = (off, 0.0, allowed, "of greatest", "FeatFlow's series")
    return found
