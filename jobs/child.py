"""The process of one stage: does its work, and says in plain words what went wrong if it did."""

import contextlib
import json
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from core.errors import CaseError, TryAgain, TwinError
from core.log import Progress, to_terminal
from jobs import estimate
from jobs.executors.here import without_mpi
from jobs.folder import Folder, full, is_full
from jobs.stages import STAGES, Stage, digest_inputs, keys
from jobs.work import Task

log = logging.getLogger(__name__)
PETSC_MEMORY = 55
"""PETSc's error code where it could get no memory."""


def perform(name: str, path: Path, stages: Sequence[Stage] = STAGES) -> int:
    """Do stage ``name`` of the run in ``path``; gives the exit code. Collective if parallel.

    SIGUSR1 asks for a stop. A serial stage ends at once. In a parallel one the kernel keeps the
    signal back until a `solvers.stop.StopRequest` listens, by which all ranks stop together: one
    that left alone would keep the others waiting for ever.
    """
    folder = Folder(path)
    stage = next(stage for stage in stages if stage.name == name)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    comm = _world() if stage.parallel else None
    rank = comm.rank if comm else 0
    if comm is None:
        without_mpi()
    to_terminal(rank=rank)
    start = time.monotonic()
    try:
        if comm is None:
            signal.signal(signal.SIGUSR1, _stop)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})
        task = _task(stage, folder, stages, comm)
        if rank == 0:  # all ranks are there: what goes wrong from here on is not the launcher's
            folder.set_stage(name, launched=True)
        stage.work(task)
        estimate.note(task.case, stage, folder, comm, start)
        log.info("stage %s done in %.1f s", name, time.monotonic() - start)
        code = 0
    except BaseException as error:
        code = _tell(error, folder, name)
        # A rank that fails alone would leave the others waiting for it for ever.
        if comm is not None and comm.size > 1 and code != TryAgain.exit_code:
            comm.Abort(code)
    if comm is not None:
        comm.Barrier()  # mpirun ends all ranks as soon as one of them leaves with a code
    return code


def _task(stage: Stage, folder: Folder, stages: Sequence[Stage], comm: Any) -> Task:
    from jobs.case import load

    case = load(folder.case)
    base = (folder.path / folder.status().get("base", "..")).resolve()
    root = comm is None or comm.rank == 0
    key = ""
    if root:
        chosen = [one for one in stages if one.applies(case)]
        key = keys(case, digest_inputs(case, base), chosen)[stage.name]
    if comm is not None:
        key = comm.bcast(key)
    progress = Progress(folder.progress if root else None)
    return Task(case, base, folder, key, progress, comm)


def _world() -> Any:
    from mpi4py import MPI

    return MPI.COMM_WORLD


def _stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise TryAgain("stopped on request", do="run the same command again: it goes on from here")


def _tell(error: BaseException, folder: Folder, stage: str) -> int:
    """Leave `error.json` for whoever started this process; the first rank that fails tells."""
    trace = "".join(traceback.format_exception(error))
    memory = isinstance(error, MemoryError) or getattr(error, "ierr", 0) == PETSC_MEMORY
    if is_full(error):
        error = full(folder.path)
    elif memory:
        error = TwinError("there is not enough memory", do="use a coarser mesh, or more memory")
        error.exit_code = 6
    elif not isinstance(error, TwinError):
        text = (str(error).strip() or "no message").splitlines()[0]
        error = TwinError(
            f"unexpected {type(error).__name__}: {text}",
            where=f"stage {stage}; the whole story is in logs/{stage}.log",
            do="this is a defect of dvtwin; `--debug` shows where it happened",
        )
    expected = isinstance(error, CaseError | TryAgain)
    print(str(error) if expected else trace, file=sys.stderr, flush=True)  # noqa: T201
    with contextlib.suppress(OSError):  # a full disk is recognised by whoever waits for us
        _first(folder.error, {
            "what": error.what, "where": error.where, "do": error.do,
            "exit_code": error.exit_code, "traceback": trace, "memory": memory,
        })
    return error.exit_code


def _first(path: Path, value: dict[str, Any]) -> None:
    """Write ``value`` unless another rank has."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(value))
    with contextlib.suppress(FileExistsError):
        os.link(partial, path)
    partial.unlink()
