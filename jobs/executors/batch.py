"""What a batch job does around the work of a stage: checks before it, and the books after it.

The script in `slurm/stage.sh` calls `begin`, starts the stage, and calls `end`, whose exit code
says how it goes on: 0 to the next stage, 85 once more from the checkpoint, `RELAUNCH` once more
at once, else to the end.
"""

import csv
import io
import os
import platform
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from core.errors import JobError, TryAgain, TwinError
from jobs import audit, pipeline
from jobs.case import load
from jobs.executors import FRESH, GATHER, RELAUNCH, ledger
from jobs.executors.here import head, last_attempt
from jobs.folder import Folder, write_text
from jobs.stages import Stage, chain, digest_inputs, keys
from postprocess import findings

MEMBERS, TABLE = "members.txt", "members.csv"
"""All run folders of an array, one a line, and the table that is made of them."""
KILLED = "exceeded memory limit", "oom_kill", "oom-kill", "out of memory", "out_of_memory"
"""What Slurm and the kernel write where a process was killed for its memory."""
IDLE = 2
"""Requeues in a row that may bring no new checkpoint: after that the time limit is too short."""
LAUNCHES = 3
"""How often in a row ranks may fail to start: a busy controller or a node's race passes."""
MORE_MEMORY = 2
"""Factor by which a job that ran out of memory asks for more, once."""


def begin(path: Path, name: str, job: str, ranks: int, stages: Sequence[Stage] = ()) -> int:
    """Open the books of stage ``name``; gives 0 to go on, `FRESH` where there is nothing to do."""
    folder = Folder(path)
    if name == GATHER:
        print(gather(path))  # noqa: T201
        return FRESH
    try:
        case = load(folder.case)
        if name not in {stage.name for stage in chain(case, None, stages)}:
            return FRESH  # of another member of the array
        base = (folder.path / folder.status().get("base", "..")).resolve()
        planned = chain(case, name, stages)
        wanted = keys(case, digest_inputs(case, base), planned)
        if planned[-1].stored(folder) == wanted[name]:
            print(f"{name}: up to date")  # noqa: T201
            folder.set_stage(name, state="done")
            _close(folder, planned[-1], stages)
            return FRESH
        for stage in planned[:-1]:
            if stage.stored(folder) != wanted[stage.name]:
                raise JobError(
                    f"the {stage.name} stage is out of date: the case or the program was changed "
                    "after it was computed, or its files were damaged", where=str(path),
                    do=f"send it again: dvtwin resume {path}",
                )
        head(folder.log(name), f"job {job}")
    except TwinError as error:
        return _failed(folder, name, error)
    folder.error.unlink(missing_ok=True)
    before = folder.status().get("stages", {}).get(name, {})
    folder.set_status(
        state="running", stage=name, reason="", job=job, host=platform.node(), ranks=ranks,
    )
    once_more = before if os.environ.get("SLURM_RESTART_COUNT") else {}
    unlaunched = before.get("job") == job and not before.get("launched", True)
    folder.set_stage(
        name, state="running", started=time.time(), job=job, mark=_mark(folder),
        attempts=before.get("attempts", 0) + 1, resumed=pipeline.resumes(folder, name),
        idle=once_more.get("idle", 0), memory=once_more.get("memory", 0),
        launched=False, launches=before.get("launches", 0) if unlaunched else 0,
    )
    audit.note(folder.audit, "stage", stage=name, job=job)
    return 0


def end(path: Path, name: str, code: int, asked: str, stages: Sequence[Stage] = ()) -> int:
    """Close the books of stage ``name`` that ended with ``code``; gives the job's exit code.

    ``asked`` is the signal that the job was sent, if any. Prints what the job should ask for
    when it starts again, if that is more than before.
    """
    folder = Folder(path)
    case = load(folder.case)
    stage = next(one for one in chain(case, None, stages) if one.name == name)
    started = folder.status()["stages"][name].get("started", time.time())
    code = 128 - code if code > 128 else code
    ours = asked in {"USR1", "TERM"} or code in {TryAgain.exit_code, -signal.SIGUSR1}
    told = pipeline.told(folder)
    if code and ours and (told is None or isinstance(told, TryAgain)):
        return _stopped(folder, name, asked)
    if code:
        error = pipeline.why(name, code, False, folder)
        if _was_killed(folder, name, error):
            return _more_memory(folder, name, error)
        if isinstance(error, pipeline.NotLaunched):
            return _launch_again(folder, name, error)
    try:
        pipeline.conclude(folder, stage, code, max(0.0, time.time() - started))
    except TwinError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    _close(folder, stage, stages)
    return 0


def _close(folder: Folder, stage: Stage, stages: Sequence[Stage]) -> None:
    """After the last stage that was asked for, sign the run."""
    sent = ledger.load(folder)
    if chain(load(folder.case), sent.until if sent else None, stages)[-1].name == stage.name:
        pipeline.close(folder, [stage.name])


def _stopped(folder: Folder, name: str, asked: str) -> int:
    """After a signal: once more, unless that was too often or brought nothing."""
    entry = folder.status()["stages"][name]
    mark = _mark(folder)
    idle = 0 if mark != entry.get("mark") else entry.get("idle", 0) + 1
    folder.set_stage(name, state="stopped", idle=idle)
    most = int(os.environ.get("DVTWIN_REQUEUES", "50"))
    if asked == "TERM":
        reason = f"{name}: ended by Slurm or on request; `dvtwin resume` goes on"
    elif idle >= IDLE:
        return _failed(folder, name, JobError(
            f"the {name} stage got no further in {idle} jobs of this length",
            where=str(folder.log(name)),
            do="submit it again with more time (--time) or more ranks",
        ))
    elif int(os.environ.get("SLURM_RESTART_COUNT", "0")) >= most:
        return _failed(folder, name, JobError(
            f"the {name} stage was requeued {most} times, which is the limit of this site",
            where=str(folder.path), do=f"go on with: dvtwin resume {folder.path}",
        ))
    else:
        reason = f"{name}: the time limit came near; goes on from its checkpoint"
    folder.set_status(state="stopped", reason=reason)
    audit.note(folder.audit, "stopped", stage=name, reason=reason)
    return TryAgain.exit_code


def _was_killed(folder: Folder, name: str, error: TwinError) -> bool:
    """Whether memory ran out, by what the process, the kernel or Slurm said."""
    if isinstance(error, pipeline.OutOfMemory) or not isinstance(error, JobError):
        return isinstance(error, pipeline.OutOfMemory)
    lines = "\n".join(last_attempt(folder.log(name))).lower()
    return any(words in lines for words in KILLED)


def _more_memory(folder: Folder, name: str, error: TwinError) -> int:
    """Once more with more memory, but once only."""
    had = os.environ.get("SLURM_MEM_PER_CPU", "")
    tried = folder.status()["stages"][name].get("memory", 0)
    if tried or not had.isdigit():
        return _failed(folder, name, JobError(
            f"memory ran out in the {name} stage" + (", with twice as much too" if tried else ""),
            where=str(folder.log(name)),
            do="use more ranks, a coarser mesh, or a partition with more memory; then: "
            f"dvtwin resume {folder.path}",
        ))
    more = MORE_MEMORY * int(had)
    reason = f"{name}: memory ran out; goes on with {more:,} MB a rank"
    folder.set_stage(name, state="stopped", memory=more)
    folder.set_status(state="stopped", reason=reason)
    audit.note(folder.audit, "stopped", stage=name, reason=f"{reason} ({error.what})")
    print(f"MinMemoryCPU={more}")  # noqa: T201
    return TryAgain.exit_code


def _launch_again(folder: Folder, name: str, error: TwinError) -> int:
    """Once more in this job, but not for ever.

    Not by a requeue: PMIx leaves a socket with the numbers of job and step on the node, and a
    requeued job's steps have the same numbers again.
    """
    tries = folder.status()["stages"][name].get("launches", 0) + 1
    if tries >= LAUNCHES:
        return _failed(folder, name, JobError(
            f"{error.what} ({tries} times in a row)", where=error.where,
            do="mend `launch` in the site profile or leave the bad node out (options = "
            f'["--exclude=NODE"]); then: dvtwin resume {folder.path}',
        ))
    reason = f"{error.what}; it is tried again ({tries} of {LAUNCHES})"
    folder.set_stage(name, launches=tries)
    folder.set_status(reason=reason)
    audit.note(folder.audit, "relaunch", stage=name, reason=reason)
    return RELAUNCH


def _failed(folder: Folder, name: str, error: TwinError) -> int:
    print(error, file=sys.stderr)  # noqa: T201
    pipeline.fail(folder, name, error)
    return error.exit_code


def _mark(folder: Folder) -> int:
    """When the newest checkpoint was written [ns]."""
    return max((one.stat().st_mtime_ns for one in folder.checkpoint.glob("*.h5")), default=0)



def gather(home: Path) -> Path:
    """One table of all runs that were sent together: how each stands and its metrics."""
    folders = [Folder(Path(line)) for line in (home / MEMBERS).read_text().splitlines()]
    rows = []
    for folder in folders:
        status = folder.status()
        row = {"run": str(folder.path), "title": status.get("title", "")}
        row |= {"state": status.get("state", "new"), "reason": status.get("reason", "")}
        if folder.metrics.exists():
            found = findings.load(folder.metrics).rows
            row |= {f"{one.name} [{one.unit}]": one.value for one in found}
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    table = csv.DictWriter(text, names, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_text(home / TABLE, text.getvalue())
    return home / TABLE
