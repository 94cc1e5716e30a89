"""How long a stage takes and how much memory it needs, from runs that were measured.

Two straight lines for each stage, fitted by relative error and never falling (nnls):

    seconds = a + b · work / ranks        work = cells, times time steps for flow and clot
    memory  = c + d · cells / ranks       of the hungriest rank [B]

``measured.toml`` holds the runs that come with the program; each run that is done adds one to the
user's own history, which weighs ten times as much.
"""

import functools
import json
import os
import resource
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.executors.script import Need
from jobs.folder import Folder

if TYPE_CHECKING:
    from jobs.case import Case
    from jobs.stages import Stage

ASSUMED_CELLS = 500_000
"""A mesh of this size is assumed until there is one."""
OWN_WEIGHT = 10.0
SHIPPED = Path(__file__).parent / "measured.toml"
MARGIN_TIME, MARGIN_MEMORY = 1.5, 1.3
"""What is asked for is the upper estimate times this: a job that is cut off costs more."""
LEAST_TIME, LEAST_MEMORY = 300.0, 0.5e9
"""A stage starts on a busy node and a slow disk."""
CELLS_PER_RANK = 30_000
"""Below 20,000 to 50,000 cells a rank the ranks talk more than they compute."""


@dataclass(frozen=True)
class Usage:
    """What a stage really used."""

    stage: str
    element: str
    cells: int
    steps: int
    ranks: int
    seconds: float
    memory: float
    """Peak of the hungriest rank [B]."""

    @property
    def work(self) -> float:
        """Cells times steps a rank."""
        return self.cells * max(1, self.steps) / max(1, self.ranks)


@dataclass(frozen=True)
class Estimate:
    """A stage to come: likely and upper seconds, upper memory of a rank [B], runs behind it."""

    stage: str
    ranks: int
    seconds: float
    upper: float
    memory: float
    runs: int

    @property
    def need(self) -> Need:
        """What a batch job should ask for."""
        return Need(
            self.ranks, max(LEAST_MEMORY, MARGIN_MEMORY * self.memory),
            max(LEAST_TIME, MARGIN_TIME * self.upper),
        )


def estimates(
    case: "Case", stages: Sequence["Stage"], cells: int, ranks: int
) -> dict[str, Estimate]:
    """An estimate for each of ``stages`` on a mesh of ``cells``."""
    rows = measured()
    return {
        stage.name: _estimate(rows, Usage(
            stage.name, _element(case, stage), cells, _steps(case, stage.name),
            ranks if stage.parallel else 1, 0.0, 0.0,
        ))
        for stage in stages
    }


def cells_of(folder: Folder) -> int | None:
    """The number of cells of a run's mesh, None where there is none."""
    import h5py

    try:
        with h5py.File(folder.mesh, "r", locking=False) as file:
            return int(file["quality"].attrs["cells"])
    except (OSError, KeyError):
        return None


def best_ranks(cells: int) -> int:
    """How many ranks suit a mesh of ``cells``."""
    return max(1, round(cells / CELLS_PER_RANK))


def measured() -> list[tuple[float, Usage]]:
    """All runs that are known, each with its weight."""
    rows = [(1.0, row) for row in _shipped()]
    try:
        lines = history().read_text().splitlines()
    except OSError:
        lines = []
    for line in lines[-2000:]:
        try:
            rows.append((OWN_WEIGHT, Usage(**json.loads(line))))
        except (ValueError, TypeError):  # of another version
            continue
    return rows


@functools.cache
def _shipped() -> list[Usage]:
    return [Usage(**row) for row in tomllib.loads(SHIPPED.read_text())["run"]]


def history() -> Path:
    """Where this user's runs are written down: `DVTWIN_HISTORY`, or below ~/.local/state."""
    state = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    asked = os.environ.get("DVTWIN_HISTORY") or f"{state}/dvtwin/history.jsonl"
    return Path(asked).expanduser()


def note(case: "Case", stage: "Stage", folder: Folder, comm: Any, start: float) -> None:
    """Write down what a stage used that began at ``start`` (monotonic [s]): in the run's status
    and, unless it went on from a checkpoint, in the history. Collective if parallel.
    """
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    below = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    peaks = [1024.0 * max(own, below)]
    if comm is not None:
        peaks = comm.gather(peaks[0])
    if comm is not None and comm.rank:
        return
    steps = _steps(case, stage.name, _cycles(folder))
    usage = Usage(
        stage.name, _element(case, stage), cells_of(folder) or 0, steps,
        len(peaks), round(time.monotonic() - start, 2), max(peaks),
    )
    folder.set_stage(stage.name, used={**asdict(usage), "memory_total": sum(peaks)})
    resumed = folder.status()["stages"][stage.name].get("resumed", False)
    if not resumed and usage.cells:
        try:
            history().parent.mkdir(parents=True, exist_ok=True)
            with history().open("a") as file:
                file.write(json.dumps(asdict(usage)) + "\n")
        except OSError as error:
            print(f"this run's cost was not kept: {error}", file=sys.stderr)  # noqa: T201


def _estimate(rows: Sequence[tuple[float, Usage]], wanted: Usage) -> Estimate:
    like = [row for row in rows if row[1].stage == wanted.stage]
    like = [row for row in like if row[1].element == wanted.element] or like
    if not like:  # a new kind of stage: what is asked for at least
        return Estimate(wanted.stage, wanted.ranks, 0.0, 0.0, 0.0, 0)
    weights = tuple(weight for weight, _ in like)
    time_of, spread = _line(
        weights, tuple(row.work for _, row in like), tuple(row.seconds for _, row in like)
    )
    memory_of, loose = _line(
        weights, tuple(row.cells / row.ranks for _, row in like),
        tuple(row.memory for _, row in like),
    )
    seconds = time_of[0] + time_of[1] * wanted.work
    memory = memory_of[0] + memory_of[1] * wanted.cells / wanted.ranks
    return Estimate(
        wanted.stage, wanted.ranks, seconds, spread * seconds, loose * memory, len(like)
    )


@functools.cache
def _line(
    weights: tuple[float, ...], x: tuple[float, ...], y: tuple[float, ...]
) -> tuple[tuple[float, float], float]:
    """The line a + b x ≥ 0 of least relative error, and how far nine in ten values lie above it
    at most, as a factor of at least 1.2.
    """
    import numpy as np
    from scipy.optimize import nnls

    values, scale = np.array(y), np.sqrt(weights) / np.maximum(y, 1e-3)
    size = max(max(x), 1.0)
    columns = np.column_stack([np.ones(len(x)), np.array(x) / size])
    (start, slope), _ = nnls(columns * scale[:, None], values * scale)
    excess = values / np.maximum(columns @ [start, slope], 1e-9)
    order = np.argsort(excess)
    reached = np.cumsum(np.array(weights)[order]) / sum(weights)
    spread = excess[order][np.searchsorted(reached, 0.9)]
    return (float(start), float(slope / size)), max(1.2, float(spread))


def _element(case: "Case", stage: "Stage") -> str:
    return case.flow.scheme.element if stage.parallel else ""


def _steps(case: "Case", stage: str, cycles: int | None = None) -> int:
    """Time steps of the flow; for the clot, steps of a cycle times hours of growth."""
    if stage == "flow":
        return case.flow.steps_per_cycle * (cycles or case.flow.cycles)
    if stage == "clot" and case.clot is not None:
        return max(1, round(case.flow.steps_per_cycle * case.clot.until / 3600.0))
    return 0


def _cycles(folder: Folder) -> int | None:
    """Cycles that the flow took until it was periodic."""
    import h5py

    try:
        with h5py.File(folder.results, "r", locking=False) as file:
            return int(file["dvtwin/flow"].attrs["cycles"])
    except (OSError, KeyError):
        return None
