"""Cost of a flow step beside its error, on the case that peers were measured on (`_stenosis.py`).

Core-microseconds per tetrahedron and step, on one rank unless said; memory bandwidth in the same
run, since that limits most parts.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from core.record import ROOT
from jobs.executors import Resources
from jobs.executors.here import environment

Row = dict[str, Any]
STEPS, FEW = 250, 60
EXTRAS = {
    "carreau": "Carreau blood",
    "resistance": "an RCR outlet",
    "recorded": "means and balances",
}


def run() -> list[Row]:
    """All rows."""
    rows = [row("stream.gb-per-s", bandwidth(), "GB/s", None, "a = b + c on one core")]
    cost = {}
    for level, limit in (("50k", None), ("200k", 0.15), ("800k", 0.15)):
        found = cost[level] = measure(level, "P1/P1", STEPS)
        rows += costs(f"tube-{level}", found, limit) + errors(f"tube-{level}", found)
    found = measure("200k", "P2/P1", STEPS)
    rows += costs("tube-200k-p2", found, 0.80) + errors("tube-200k-p2", found, drop=0.02)
    rows += grows(cost["50k"], cost["800k"])
    two = measure("800k", "P1/P1", FEW, ranks=2)
    one = measure("800k", "P1/P1", FEW)
    share = per_cell(one) / per_cell(two)
    rows.append(row("tube-800k.efficiency-2-ranks", share, "1", (0.8, "least"), "core-seconds"))
    base = measure("200k", "P1/P1", FEW)
    for option, name in EXTRAS.items():
        extra = per_cell(measure("200k", "P1/P1", FEW, options=(option,))) / per_cell(base) - 1.0
        rows.append(row(f"tube-200k.extra-{option}", extra, "1", (0.15, "most"), name))
    return rows


def measure(
    level: str, element: str, steps: int, ranks: int = 1, options: tuple[str, ...] = ()
) -> dict[str, Any]:
    """What `_flow_cost` finds."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "found.json"
        command = [sys.executable, "-P", "-m", "benchmarks._flow_cost", level, element, str(steps)]
        if ranks > 1:
            command = ["mpirun", "-n", str(ranks), "--bind-to", "none", *command]
        known = environment(Resources(Path(folder) / "log"))
        known["PYTHONPATH"] = str(ROOT)
        start = time.monotonic()
        subprocess.run([*command, str(out), *options], check=True, env=known, cwd=ROOT)
        return json.loads(out.read_text()) | {"wall": time.monotonic() - start}


def per_cell(found: dict[str, Any]) -> float:
    """Core-microseconds per tetrahedron and step."""
    return 1e6 * float(found["core_seconds"]) / float(found["cells"])


def costs(name: str, found: dict[str, Any], limit: float | None) -> list[Row]:
    """Rows of cost and memory."""
    say = (
        f"{found['cells']} tetrahedra, {found['iterations']:.1f} velocity iterations, "
        f"CFL {found['cfl']:.1f}, set-up {found['setup']:.1f} s"
    )
    goal = (limit, "most") if limit else None
    memory = found["bytes"] / 2**30 / (found["cells"] / 1e6)
    most = (1.6, "most") if name == "tube-800k" else None
    return [
        row(f"{name}.core-us-per-tet-step", per_cell(found), "us", goal, say, found["wall"]),
        row(f"{name}.gib-per-million-tets", memory, "GiB", most, "peak of the process"),
    ]


def errors(name: str, found: dict[str, Any], drop: float | None = None) -> list[Row]:
    """Rows of the errors against the axisymmetric reference."""
    goal = (drop, "size") if drop else None
    return [
        row(f"{name}.rms-error", found["rms"], "1", None, "velocity at 240 points"),
        row(f"{name}.throat-dp-error", found["drop"], "1", goal, "pressure from −15 to 10 mm"),
        row(f"{name}.wss-error", found["shear"], "1", None, "wall from −20 to 60 mm, rms"),
    ]


def grows(small: dict[str, Any], large: dict[str, Any]) -> list[Row]:
    """The exponent of cost in size."""
    ratio = large["core_seconds"] / small["core_seconds"]
    value = float(np.log(ratio) / np.log(large["cells"] / small["cells"]))
    return [row("tube.cost-exponent", value, "1", (1.1, "most"), "50k to 800k, P1/P1")]


def bandwidth() -> float:
    """GB/s of a = b + c, two reads and a write, the best of several."""
    a, b, c = np.zeros((3, 20_000_000))
    best = np.inf
    for _ in range(8):
        start = time.perf_counter()
        np.add(b, c, out=a)
        best = min(best, time.perf_counter() - start)
    return 24e-9 * len(a) / best


def row(
    name: str, value: float, unit: str, goal: tuple[float, str] | None, source: str,
    seconds: float | None = None,
) -> Row:  # fmt: skip
    """One row; ``goal`` is a limit and how it is meant."""
    good = None
    if goal is not None:
        limit, sense = goal
        good = {"most": value <= limit, "least": value >= limit, "size": abs(value) <= limit}[
            sense
        ]
    found = {"bench": "speed", "id": name, "value": value, "unit": unit, "source": source,
             "reference": goal[0] if goal else None, "tolerance": goal[1] if goal else None,
             "ok": good}  # fmt: skip
    return found | ({"seconds": seconds} if seconds else {})
