"""Benchmarks: modules of benchmarks/ with `run() -> list[dict]`, each in a process of its own.

A row: bench, id, value, unit, reference, tolerance, source, ok (true, false, or null), seconds.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from core.errors import CaseError, JobError
from core.record import ROOT
from jobs.executors import Resources
from jobs.executors.here import environment, last_lines

Row = dict[str, Any]
COLUMNS = ("bench", "id", "value", "unit", "reference", "tolerance", "source", "ok", "seconds")


def modules(folder: Path = ROOT / "benchmarks") -> dict[str, Path]:
    """Every benchmark by name; `free_jet.py` is "free-jet"."""
    return {
        path.stem.replace("_", "-"): path
        for path in sorted(folder.glob("*.py")) if not path.stem.startswith("_")
    }


def chosen(names: Sequence[str], folder: Path = ROOT / "benchmarks") -> dict[str, Path]:
    """The benchmarks called ``names``, or all. Raises `CaseError`."""
    known = modules(folder)
    for name in names:
        if name not in known:
            raise CaseError(
                f"there is no benchmark {name!r}", where=str(folder),
                do=f"there are {', '.join(known) or 'none yet'}",
            )
    return {name: known[name] for name in names} if names else known


def rows(name: str, path: Path) -> list[Row]:
    """The rows of one benchmark, computed in a process of its own. Raises `JobError`."""
    with tempfile.TemporaryDirectory() as place:
        log, out = Path(place) / "log", Path(place) / "rows.json"
        start = time.monotonic()
        with log.open("wb") as file:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "jobs.bench", str(path), str(out)],
                stdout=file, stderr=subprocess.STDOUT, env=environment(Resources(log)),
            )
        if done.returncode or not out.exists():
            raise JobError(
                f"the benchmark {name!r} failed", where=str(path), do="\n".join(last_lines(log, 6))
            )
        found: list[Row] = json.loads(out.read_text())
    spent = round((time.monotonic() - start) / max(1, len(found)), 2)
    return [dict.fromkeys(COLUMNS) | {"bench": name, "seconds": spent} | row for row in found]


def table(found: Sequence[Row]) -> Table:
    """The rows for people, the reference beside the figure."""
    result = Table(box=None, pad_edge=False)
    for title, side in (
        ("id", "left"), ("value", "right"), ("reference", "right"), ("tolerance", "right"),
        ("unit", "left"), ("", "left"), ("s", "right"), ("source", "left"),
    ):
        result.add_column(title, justify="right" if side == "right" else "left", overflow="fold")
    for row in found:
        mark = {True: "[green]ok[/]", False: "[red]off[/]", None: ""}[row["ok"]]
        result.add_row(
            str(row["id"]), _number(row["value"]), _number(row["reference"]),
            _number(row["tolerance"]), str(row["unit"] or ""), mark, _number(row["seconds"]),
            str(row["source"] or ""),
        )
    return result


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5g}"
    return "" if value is None else str(value)


def _main(path: str, out: str) -> None:
    spec = importlib.util.spec_from_file_location("benchmark", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    Path(out).write_text(json.dumps(module.run()))


if __name__ == "__main__":
    _main(*sys.argv[1:])
