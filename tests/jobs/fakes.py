"""A chain of stages that take no time: each writes its key, or misbehaves as `behave.json` says.

Run as a script, this is the process of one such stage: ``fakes.py NAME RUN``.
"""

import errno
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.errors import Diverged, TryAgain
from core.settings import effective
from jobs.case import load
from jobs.child import perform
from jobs.executors import Job, Resources
from jobs.executors.here import Here
from jobs.folder import Folder
from jobs.pipeline import Plan
from jobs.stages import Stage
from jobs.work import Task

CASE = """
title = "A straight tube"

[mesh]
kind = "tube"
radius = "5 mm"
length = "30 mm"
size = "2 mm"

[flow]
cycles = 2
period = "1 s"
snapshots = 2
scheme = { element = "P1/P1", dt = "50 ms" }

[flow.boundary]
inlet = { kind = "flow_rate", mean = "300 mL/min" }
outlet = { kind = "pressure", pressure = "6 mmHg" }
"""


def plan(folder: Path) -> Plan:
    """The case in ``folder``, to be run on two ranks."""
    case = folder / "case.toml"
    case.write_text(CASE)
    return Plan(load(case), case, Folder(folder / "run"), 2)


def _artefact(folder: Folder, name: str) -> Path:
    return folder.path / f"{name}.out"


def _behave(folder: Folder, name: str) -> str:
    try:
        return str(json.loads((folder.path.parent / "behave.json").read_text()).get(name, ""))
    except FileNotFoundError:
        return ""


def _work(name: str, task: Task) -> None:
    with (task.folder.path / "order.txt").open("a") as file:
        file.write(f"{name}\n")
    match _behave(task.folder, name):
        case "diverge":
            raise Diverged("the pressure solve failed", where="step 12", do="halve flow.scheme.dt")
        case "defect":
            raise ZeroDivisionError("a mistake of ours")
        case "segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        case "full hdf5":
            raise RuntimeError("Unable to write: error message = 'No space left on device'")
        case "silent":
            os._exit(17)
        case "one rank":
            if task.comm.rank == 1:
                raise ZeroDivisionError("on one rank only")
            task.comm.Barrier()
        case "ask the parent to stop":
            os.kill(os.getpid(), signal.SIGTERM)  # this process is the parent
        case "empty":
            return
        case "wait":
            stop = None
            if task.comm is not None:  # an import at the top would make pytest an MPI process
                from solvers.stop import StopRequest

                stop = StopRequest(task.comm)
            for step in range(600):
                task.progress.say(name, step / 600, step=step)
                if stop and stop.asked():
                    raise TryAgain("stopped on request")
                time.sleep(0.1)
    task.progress.say(name, 1.0, cells=7)
    if task.comm is None or task.comm.rank == 0:
        _artefact(task.folder, name).write_text(task.key)


def _stage(name: str, needs: tuple[str, ...], part: str, *, parallel: bool = False) -> Stage:
    def stored(folder: Folder) -> str | None:
        path = _artefact(folder, name)
        return path.read_text() if path.exists() else None

    return Stage(
        name, needs, (f"{name}.out",), (),
        lambda case: effective(getattr(case, part)), stored,
        lambda task: _work(name, task), parallel=parallel,
    )


STAGES = (
    _stage("mesh", (), "mesh"),
    _stage("flow", ("mesh",), "flow", parallel=True),
    _stage("measure", ("flow",), "measure"),
    _stage("report", ("measure",), "patient"),
)


INSIDE = tuple(replace(stage, parallel=False) for stage in STAGES)


class Done:
    """A job that has ended."""

    id = "0"

    def __init__(self, code: int) -> None:
        self.code = code

    def poll(self) -> int | None:
        return self.code

    def wait(self) -> int:
        return self.code

    def stop(self, *, now: bool) -> None:
        pass


class Inside:
    """Does a stage in this very process: quick."""

    def __init__(self, keep: tuple[int, ...]) -> None:
        self.keep = keep

    def submit(
        self, command: Sequence[str], resources: Resources, after: Sequence[Job] = ()
    ) -> Job:
        *_, name, run = command
        return Done(perform(name, Path(run), INSIDE))


class FlowApart(Inside):
    """Does the flow stage as a process, the others in this one."""

    def submit(
        self, command: Sequence[str], resources: Resources, after: Sequence[Job] = ()
    ) -> Job:
        if "flow" in command:
            return Here(self.keep).submit(command, resources, after)
        return super().submit(command, resources, after)


def command(name: str, run: Path) -> list[str]:
    """The command line of a fake stage."""
    return [sys.executable, "-P", __file__, name, str(run)]


if __name__ == "__main__":
    sys.exit(perform(sys.argv[1], Path(sys.argv[2]), STAGES))
