"""Speed of the results file and of checkpoints, beside a raw parallel write in the same process;
of sending 500 cases to Slurm and of asking how they stand.

One and two ranks write stored times, each forced to disk before it is announced, as in a run; the
raw write (MPI-IO, collective) writes as many bytes and forces them to disk as often.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks._faulty import CASE
from benchmarks._queue import SITE, cluster
from core.record import ROOT
from jobs.executors import Resources
from jobs.executors.here import _mpirun, environment

SIZE = "0.42 mm"
TIMES = 24
STEPS = 10
RANKS = (1, 2)
FLOW = {
    "rheology": {"kind": "newtonian"},
    "scheme": {"element": "P1/P1", "dt": "5 ms"},
    "boundary": {
        "inlet": {"kind": "flow_rate", "mean": "300 mL/min", "waveform": {"kind": "breath"}},
        "outlet": {"kind": "pressure", "pressure": "0 Pa"},
    },
}
MANY = 500
SENDING, ASKING = 10.0, 1.0
"""Seconds that it may take to send so many cases as an array, and to say how they stand."""
MOST = 0.05
"""Share of the time of a step that output and checkpoints may take at the default intervals."""


def run() -> list[dict[str, object]]:
    """Rates, their share of the raw rate, and what output costs a step of the flow."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _write_mesh(folder)
        for ranks in RANKS:
            start = time.perf_counter()
            command = [sys.executable, "-P", "-m", "benchmarks.io", str(folder)]
            log = Resources(folder / "log")
            subprocess.run(
                [*_mpirun(ranks), *command], check=True, cwd=ROOT, env=environment(log)
            )
            found = json.loads((folder / "found.json").read_text())
            new = _rows(ranks, found)
            spent = round((time.perf_counter() - start) / len(new), 1)
            rows += [row | {"seconds": spent} for row in new]
    return rows + _many()


def _many() -> list[dict[str, object]]:
    """Many cases sent to a real Slurm by the command line, held there, and asked about."""
    with tempfile.TemporaryDirectory() as place, cluster() as there:
        if there is None:  # Slurm cannot run here
            return []
        cases = [Path(place, f"member {number:03}", "case.toml") for number in range(MANY)]
        for case in cases:
            case.parent.mkdir()
            case.write_text(CASE)
        (held := there / "held.toml").write_text(f'options = ["--hold"]\n{SITE}')
        sending, _ = _command("submit", *map(str, cases), "--site", str(held))
        asking, said = _command("status", place)
        _, imported = _command("status", place, flags=("-X", "importtime"))
    queued = said.count("queued")
    about = f"{MANY} cases; a process of its own, its start included"
    judged = [
        (f"io.submit-{MANY}", sending, SENDING, queued == MANY),
        (f"io.status-{MANY}", asking, ASKING, queued == MANY and "mpi4py.MPI" not in imported),
    ]
    return [
        {
            "bench": "io", "id": name, "value": spent, "unit": "s", "reference": limit,
            "tolerance": None, "ok": right and spent <= limit, "source": about,
            "seconds": round(spent, 1),
        }
        for name, spent, limit, right in judged
    ]


def _command(*words: str, flags: tuple[str, ...] = ()) -> tuple[float, str]:
    """Seconds of a command of `dvtwin`, and all it said."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-P", *flags, "-m", "jobs", *words], check=True, text=True,
        capture_output=True, env=environment(Resources(Path("-"))),
    )
    return time.perf_counter() - start, done.stdout + done.stderr


def _rows(ranks: int, found: dict[str, float]) -> list[dict[str, object]]:
    suffix = "" if ranks == 1 else f"-{ranks}-ranks"
    about = f"{found['cells']:,.0f} tetrahedra, {found['step'] / 1e6:.2f} MB a stored time"
    rates = [
        (f"io.{name}-rate{suffix}", found[name], "MB/s", None, None)
        for name in ("write", "raw", "read", "checkpoint-write", "checkpoint-read")
    ]
    share, overhead = found["write"] / found["raw"], found["overhead"]
    judged = [
        (f"io.write-fraction-of-raw{suffix}", share, "1", None, None),
        (f"io.overhead{suffix}", overhead, "1", MOST, overhead <= MOST),
    ]
    return [
        {
            "bench": "io", "id": name, "value": value, "unit": unit, "reference": reference,
            "tolerance": None, "ok": ok, "source": about,
        }
        for name, value, unit, reference, ok in [*rates, *judged]
    ]


def _write_mesh(folder: Path) -> None:
    from core.settings import read
    from meshes.build import build
    from meshes.sources.tube import Tube

    table = {"kind": "tube", "radius": "5 mm", "length": "30 mm", "size": SIZE}
    build(read(Tube, table, "benchmark"), Path()).save(folder / "mesh.h5")


def _measure(folder: Path) -> dict[str, float]:
    """The figures of this number of ranks. Collective."""
    from mpi4py import MPI

    from core.fields import VIEWED
    from core.settings import read
    from meshes import vessel as vessels
    from solvers.flow import Flow
    from solvers.settings import FlowSettings
    from solvers.storage import checkpoint, state, view
    from solvers.storage.layout import Layout
    from solvers.storage.output import Writer

    comm = MPI.COMM_WORLD
    chosen = read(FlowSettings, FLOW, "benchmark")
    flow = Flow(vessels.load(comm, folder / "mesh.h5"), chosen)
    layout = Layout(flow.vessel, flow.geometry, flow.Q)
    shapes = {f.name: (flow.Q.local, f.components)[: 1 + (f.components > 1)] for f in VIEWED}
    import numpy as np

    fields = {name: np.random.default_rng(0).random(shape) for name, shape in shapes.items()}
    on_wall = np.random.default_rng(1).random((len(layout.wall.area), 3))
    step = view.size(layout, 0)
    path = folder / "results.h5"
    with Writer.create(path, layout, range(TIMES), case="", record={}, mesh={}) as writer:
        write = _time(comm, lambda k: writer.view(k, fields, on_wall), TIMES)
    raw = _raw(comm, folder / "raw", step)
    reading = _time(comm, lambda k: _read(comm, path, layout, k), TIMES)
    flow.step()
    advance = _time(comm, lambda _: flow.step(), STEPS)
    cells, facts = state.pack_flow(flow.scheme)
    size = comm.allreduce(sum(values.nbytes for values in cells.values()), MPI.SUM)
    saved = folder / "flow.h5"
    save = _time(comm, lambda _: checkpoint.save(saved, layout, "", cells, facts), 4)
    restore = _time(comm, lambda _: checkpoint.restore(saved, layout, ""), 4)
    cycle = chosen.steps_per_cycle * advance
    return {
        "cells": layout.cells.total, "step": step, "write": step / write / 1e6,
        "raw": step / raw / 1e6, "read": step / reading / 1e6,
        "checkpoint-write": size / save / 1e6, "checkpoint-read": size / restore / 1e6,
        "overhead": (chosen.snapshots * write + save) / cycle,
    }


def _time(comm: Any, do: Callable[[int], object], times: int) -> float:
    """Seconds of one call, the mean of ``times``."""
    comm.Barrier()
    start = time.perf_counter()
    for k in range(times):
        do(k)
    comm.Barrier()
    return (time.perf_counter() - start) / times


def _raw(comm: Any, path: Path, size: int) -> float:
    """Seconds to write ``size`` bytes by MPI-IO and force them to disk."""
    from mpi4py import MPI

    import numpy as np

    share = size // comm.size
    data = np.random.default_rng(comm.rank).integers(0, 255, share, dtype=np.uint8)
    file = MPI.File.Open(comm, str(path), MPI.MODE_CREATE | MPI.MODE_WRONLY)

    def write(k: int) -> None:
        file.Write_at_all(k * size + comm.rank * share, data)
        file.Sync()

    spent = _time(comm, write, TIMES)
    file.Close()
    return spent


def _read(comm: Any, path: Path, layout: Any, step: int) -> None:
    """Read this rank's part of a stored time."""
    import h5py

    from core.fields import VIEWED

    with h5py.File(path, "r", driver="mpio", comm=comm) as file:
        for field in VIEWED:
            start = step * layout.points.total
            rows = slice(start + layout.points.start, start + layout.points.stop)
            _ = file[f"VTKHDF/PointData/{field.name}"][rows]


if __name__ == "__main__":
    figures = _measure(Path(sys.argv[1]))
    from mpi4py import MPI

    if MPI.COMM_WORLD.rank == 0:
        (Path(sys.argv[1]) / "found.json").write_text(json.dumps(figures))
