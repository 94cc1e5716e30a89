"""Runs the stages of a case that are stale, in order, and keeps the run folder's books."""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from core.errors import (
    CaseError,
    Diverged,
    GateFailed,
    JobError,
    MeshError,
    TryAgain,
    TwinError,
)
from core.record import commit
from jobs import audit
from jobs.executors import Executor, Job, Resources
from jobs.executors.here import Here, last_lines
from jobs.folder import Folder, full, write_text
from jobs.screen import Screen, Tail, span
from jobs.stages import Stage, chain, digest_inputs, keys

if TYPE_CHECKING:
    from jobs.case import Case

KINDS = (CaseError, MeshError, Diverged, GateFailed, JobError, TryAgain)
ERRORS = {kind.exit_code: kind for kind in KINDS}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
AGAIN = "run the same command again: it goes on where it stopped"
Command = Callable[[str, Path], list[str]]


@dataclass(frozen=True)
class Plan:
    """What to run: a case, the file it came from, and where the results go."""

    case: "Case"
    source: Path
    folder: Folder
    ranks: int = 1
    until: str | None = None
    force: tuple[str, ...] = ()
    """Stages to run although they are up to date."""

    @property
    def base(self) -> Path:
        """The folder that relative paths in the case start at."""
        return self.source.resolve().parent


def stage_command(name: str, run: Path) -> list[str]:
    """The command line that does one stage."""
    return [sys.executable, "-P", "-m", "jobs", "stage", name, str(run)]


def run(
    plan: Plan, screen: Screen, *, stages: Sequence[Stage] = (), command: Command = stage_command,
    executor: Callable[[tuple[int, ...]], Executor] = Here,
) -> dict[str, float]:
    """Run what is stale of ``plan``; gives the seconds of each stage that ran. Raises `TwinError`.

    ``executor`` is made with the descriptors that its processes hold open.
    """
    inputs = digest_inputs(plan.case, plan.base)
    planned = chain(plan.case, plan.until, stages)
    _own(plan)
    took: dict[str, float] = {}
    with plan.folder.locked() as lock, _asked() as asks:
        _open(plan)
        for stage in planned:
            # anew for each: the sources may have changed while the one before was at work
            key = keys(plan.case, inputs, chain(plan.case, None, stages))[stage.name]
            if asks:  # it came too late for the stage before
                plan.folder.set_status(state="stopped", reason="on request")
                raise TryAgain(f"stopped on request before the {stage.name} stage", do=AGAIN)
            if stage.stored(plan.folder) == key and stage.name not in plan.force:
                screen.fresh(stage.name)
                plan.folder.set_stage(stage.name, state="done")
                continue
            tail = Tail(plan.folder.progress, stage.name)
            screen.begin(stage.name, f"ranks: {plan.ranks}" if stage.parallel else "")
            job = _submit(plan, stage, executor((lock,)), command)
            took[stage.name] = _watch(plan, stage, job, asks, screen, tail)
        _close(plan, took)
    return took


def _own(plan: Plan) -> None:
    """Make the folder, unless it holds the run of another case file."""
    other = plan.folder.status().get("case")
    if other not in (None, plan.source.name):
        raise JobError(
            f"this folder holds the run of {other!r}", where=str(plan.folder.path),
            do="give each case file a folder of its own with --out DIR",
        )
    plan.folder.make()


def _open(plan: Plan) -> None:
    from jobs.case import dump

    folder = plan.folder
    write_text(folder.case, dump(plan.case))
    folder.error.unlink(missing_ok=True)
    folder.set_status(
        state="running", title=plan.case.title, case=plan.source.name,
        base=os.path.relpath(plan.base, folder.path.resolve()), ranks=plan.ranks,
        commit=commit(), process=os.getpid(), reason="",
    )
    audit.note(folder.audit, "run", case=plan.source.name, until=plan.until or "", commit=commit())


def _close(plan: Plan, took: Mapping[str, float]) -> None:
    """Sign the artefacts where they changed or were never signed."""
    if took or not plan.folder.sums.exists():
        plan.folder.sign()
    plan.folder.set_status(state="done")
    audit.note(plan.folder.audit, "done", stages=list(took))


def _submit(plan: Plan, stage: Stage, executor: Executor, command: Command) -> Job:
    folder, ranks = plan.folder, plan.ranks if stage.parallel else 0
    folder.error.unlink(missing_ok=True)
    folder.set_stage(stage.name, state="running", started=time.time())
    folder.set_status(stage=stage.name)
    return executor.submit(
        command(stage.name, folder.path.resolve()), Resources(folder.log(stage.name), ranks)
    )


def _watch(
    plan: Plan, stage: Stage, job: Job, asks: Sequence[int], screen: Screen, tail: Tail
) -> float:
    """Until ``job`` ends; gives the seconds that it took. Raises `TwinError` where it failed."""
    folder, told = plan.folder, 0
    while (code := job.poll()) is None:
        if len(asks) > told:
            told = len(asks)
            job.stop(now=told > 1)
            how = "at once" if told > 1 else "after a checkpoint (again: at once)"
            screen.say(f"  stopping {how}…")
        screen.show(tail.read())
        time.sleep(0.1)
    if code == 0:
        seconds = screen.end(tail.read())
        folder.set_stage(stage.name, state="done", seconds=round(seconds, 2))
        if stage.stored(folder) is None:
            raise JobError(
                f"the {stage.name} stage ended without its result", where=str(folder.path),
                do=f"look into {folder.log(stage.name)}",
            )
        return seconds
    error = why(stage.name, code, bool(asks), folder)
    state = "stopped" if isinstance(error, TryAgain) else "failed"
    screen.end(tail.read(), state)
    with contextlib.suppress(JobError):  # a full disk must not hide the reason
        folder.set_stage(stage.name, state=state, exit_code=error.exit_code)
        folder.set_status(state=state, reason=error.what)
        audit.note(folder.audit, state, stage=stage.name, reason=error.what)
    raise error


@contextlib.contextmanager
def _asked() -> Iterator[list[int]]:
    """A list that grows by one with each request to stop."""
    asks: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        asks.append(number)

    before = {number: signal.signal(number, ask) for number in SIGNALS}
    try:
        yield asks
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def why(stage: str, code: int, stopped: bool, folder: Folder) -> TwinError:
    """The reason that a stage's process ended with ``code``, in plain words."""
    if stopped:
        return TryAgain(f"stopped on request during the {stage} stage", do=AGAIN)
    with contextlib.suppress(OSError, ValueError, KeyError):
        told = json.loads(folder.error.read_text())
        kind = ERRORS.get(told["exit_code"], TwinError)
        error = kind(told["what"], told["where"], told["do"])
        error.add_note(told["traceback"])
        return error
    if os.statvfs(folder.path).f_bavail == 0:
        return full(folder.path)
    if code == -signal.SIGKILL:
        return JobError(
            f"the system killed the {stage} stage, most often because memory ran out",
            where=str(folder.log(stage)), do="use fewer ranks or a coarser mesh; then " + AGAIN,
        )
    if code < 0:
        name = signal.strsignal(-code) or f"signal {-code}"
        error = JobError(
            f"the {stage} stage was ended by the system: {name.lower()}",
            where=str(folder.log(stage)), do=AGAIN + "; if it happens again, see `dvtwin doctor`",
        )
    else:
        error = JobError(
            f"the {stage} stage ended with exit code {code} and said no more",
            where=str(folder.log(stage)), do="see `dvtwin doctor`; then " + AGAIN,
        )
    error.add_note("\n".join(last_lines(folder.log(stage))))
    return error


def summary(took: Mapping[str, float]) -> str:
    """What took how long: mesh 12 s, flow 1 min 05 s; 1 min 17 s in all."""
    each = ", ".join(f"{name} {span(seconds)}" for name, seconds in took.items())
    return f"{each}; {span(sum(took.values()))} in all" if len(took) > 1 else each
