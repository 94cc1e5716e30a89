"""Runs the stages of a case that are stale, in order, and keeps the run folder's books."""

import contextlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

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
from jobs.executors.here import Here, identity, last_attempt, last_lines
from jobs.folder import Folder, full, write_text
from jobs.screen import Screen, Tail, span
from jobs.stages import Stage, chain, digest_inputs, keys

if TYPE_CHECKING:
    from jobs.case import Case

KINDS = (CaseError, MeshError, Diverged, GateFailed, JobError, TryAgain)
ERRORS = {kind.exit_code: kind for kind in KINDS}
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
AGAIN = "run the same command again: it goes on where it stopped"
KILLED_RANK = re.compile(r"^srun: error: \S+: tasks? [\d,-]+: Killed|exited on signal 9")
Command = Callable[[str, Path], list[str]]
_commit = cache(commit)  # two calls of git, for each of many runs


class OutOfMemory(JobError):
    """A stage was killed for its memory, or could get no more."""


class NotLaunched(JobError):
    """A stage's ranks never came to life: the launcher (srun, mpirun) or the node failed them."""


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
    own(plan)
    took: dict[str, float] = {}
    with plan.folder.locked() as lock, _asked() as asks:
        _leave_alone(plan.folder)
        open_books(plan, state="running", executor="here", process=identity(os.getpid()))
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
        if took or not plan.folder.sums.exists():
            close(plan.folder, list(took))
        else:
            plan.folder.set_status(state="done")
    return took


def own(plan: Plan) -> None:
    """Make the folder, unless it holds the run of another case file."""
    other = plan.folder.status().get("case")
    if other not in (None, plan.source.name):
        raise JobError(
            f"this folder holds the run of {other!r}", where=str(plan.folder.path),
            do="give each case file a folder of its own with --out DIR",
        )
    plan.folder.make()


def _leave_alone(folder: Folder) -> None:
    """Raises `JobError` where Slurm has jobs of this run."""
    if folder.status().get("executor") != "slurm":
        return
    from jobs.executors.standing import standing

    there = standing(folder)
    if there.live or there.state == "unknown":
        raise JobError(
            f"Slurm has this run ({there.state})", where=str(folder.path),
            do=f"wait for it (`dvtwin status`), or end it: dvtwin cancel {folder.path}",
        )


def open_books(plan: Plan, **status: Any) -> None:
    """Write the effective case and how the run stands."""
    from jobs.case import dump

    folder = plan.folder
    write_text(folder.case, dump(plan.case))
    folder.error.unlink(missing_ok=True)
    folder.set_status(
        title=plan.case.title, case=plan.source.name,
        base=os.path.relpath(plan.base, folder.path.resolve()), ranks=plan.ranks,
        until=plan.until, commit=_commit(), reason="", **status,
    )
    until = plan.until or ""
    audit.note(folder.audit, "run", case=plan.source.name, until=until, commit=_commit())


def close(folder: Folder, stages: Iterable[str]) -> None:
    """Seal the artefacts of a run whose ``stages`` were computed."""
    from jobs.hospital.signing import seal

    seal(folder)
    folder.set_status(state="done", reason="")
    audit.note(folder.audit, "done", stages=list(stages))


def _submit(plan: Plan, stage: Stage, executor: Executor, command: Command) -> Job:
    folder, ranks = plan.folder, plan.ranks if stage.parallel else 0
    folder.error.unlink(missing_ok=True)
    folder.set_stage(
        stage.name, state="running", started=time.time(), launched=False,
        resumed=resumes(folder, stage.name),
    )
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
    try:
        seconds = screen.seconds
        conclude(folder, stage, code, seconds, stopped=bool(asks))
    except TwinError as error:
        screen.end(tail.read(), "stopped" if isinstance(error, TryAgain) else "failed")
        raise
    screen.end(tail.read())
    return seconds


def conclude(
    folder: Folder, stage: Stage, code: int, seconds: float, *, stopped: bool = False
) -> None:
    """The books of a stage whose process ended with ``code``. Raises `TwinError` unless it is
    done; ``stopped`` says that it was asked to.
    """
    if code == 0 and stage.stored(folder) is not None:
        folder.set_stage(stage.name, state="done", seconds=round(seconds, 2))
        return
    error = why(stage.name, code, stopped, folder) if code else JobError(
        f"the {stage.name} stage ended without its result", where=str(folder.path),
        do=f"look into {folder.log(stage.name)}",
    )
    fail(folder, stage.name, error)
    raise error


def fail(folder: Folder, stage: str, error: TwinError) -> None:
    """Write down why ``stage`` ended before it was done."""
    state = "stopped" if isinstance(error, TryAgain) else "failed"
    with contextlib.suppress(JobError):  # a full disk must not hide the reason
        folder.set_stage(stage, state=state, exit_code=error.exit_code)
        folder.set_status(state=state, reason=error.what)
        audit.note(folder.audit, state, stage=stage, reason=error.what)


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


def resumes(folder: Folder, stage: str) -> bool:
    """Whether ``stage`` may go on from a checkpoint, so that its cost is not that of a whole."""
    return any(folder.checkpoint.glob(f"{stage}*"))


def why(stage: str, code: int, stopped: bool, folder: Folder) -> TwinError:
    """The reason that a stage's process ended with ``code``, in plain words."""
    if stopped:
        return TryAgain(f"stopped on request during the {stage} stage", do=AGAIN)
    if error := told(folder):
        return error
    if os.statvfs(folder.path).f_bavail == 0:
        return full(folder.path)
    if not folder.status().get("stages", {}).get(stage, {}).get("launched", True):
        return _not_launched(stage, code, folder)
    if code == -signal.SIGKILL or _lost_a_rank(folder.log(stage)):
        return OutOfMemory(
            f"the system killed the {stage} stage, most often because memory ran out",
            where=str(folder.log(stage)), do="use fewer ranks or a coarser mesh; then " + AGAIN,
        )
    if code < 0:
        name = signal.strsignal(-code) or f"signal {-code}"
        silent = JobError(
            f"the {stage} stage was ended by the system: {name.lower()}",
            where=str(folder.log(stage)), do=AGAIN + "; if it happens again, see `dvtwin doctor`",
        )
    else:
        silent = JobError(
            f"the {stage} stage ended with exit code {code} and said no more",
            where=str(folder.log(stage)), do="see `dvtwin doctor`; then " + AGAIN,
        )
    silent.add_note("\n".join(last_lines(folder.log(stage))))
    return silent


def _not_launched(stage: str, code: int, folder: Folder) -> TwinError:
    """What kept a stage from beginning, in the launcher's own words where it has any."""
    lines = last_attempt(folder.log(stage))
    said = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")
    how = f"could not be started (exit code {code})"
    if code < 0:
        name = (signal.strsignal(-code) or f"signal {-code}").lower()
        how = f"ended before it began: the system killed it ({name})"
    error = NotLaunched(
        f"the {stage} stage {how}" + (f": {said.strip()}" if said else ""),
        where=str(folder.log(stage)), do="see `dvtwin doctor`; then " + AGAIN,
    )
    error.add_note("\n".join(lines))
    return error


def _lost_a_rank(log: Path) -> bool:
    """Whether srun or mpirun says that a rank was killed; its exit code is another rank's."""
    return any(KILLED_RANK.search(line) for line in last_attempt(log))


def told(folder: Folder) -> TwinError | None:
    """What the last stage's process said of its failure, if it could."""
    try:
        left = json.loads(folder.error.read_text())
        kind = OutOfMemory if left.get("memory") else ERRORS.get(left["exit_code"], TwinError)
        error = kind(left["what"], left["where"], left["do"])
        error.add_note(left["traceback"])
    except (OSError, ValueError, KeyError):
        return None
    return error


def summary(took: Mapping[str, float]) -> str:
    """What took how long: mesh 12 s, flow 1 min 05 s; 1 min 17 s in all."""
    each = ", ".join(f"{name} {span(seconds)}" for name, seconds in took.items())
    return f"{each}; {span(sum(took.values()))} in all" if len(took) > 1 else each
