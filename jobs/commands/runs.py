"""Looking after runs, on this machine or in Slurm: status, logs, cancel, resume."""

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Annotated

import typer

from core.errors import CaseError, JobError
from jobs import terminal
from jobs.commands import DEBUG, LOOK, RUN, WORK

RUNS = Annotated[list[Path] | None, typer.Argument(metavar="[RUN]...", help="runs, or folders")]
PAUSE = 0.5
"""Seconds between two looks at a log that grows."""
LIVE_PAUSE = 5.0
"""Seconds between two live looks: a login node's squeue is everybody's."""


def add(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command(rich_help_panel=LOOK)(status)
    app.command(rich_help_panel=LOOK)(logs)
    app.command(rich_help_panel=WORK)(cancel)
    app.command(rich_help_panel=WORK)(resume)


def status(
    runs: RUNS = None,
    live: Annotated[bool, typer.Option("--live", metavar="", help="go on looking")] = False,
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """How runs stand, here and in Slurm; without a name, those in and below this folder."""
    from jobs import look
    from jobs.executors.standing import standings

    found = look.runs(runs or ())
    if not found:
        terminal.say("No runs here. Start one with: dvtwin run CASE.toml")
        return
    if not live:
        terminal.show(look.status_table(standings(found)))
        return
    from rich.live import Live

    with Live(refresh_per_second=1) as screen, contextlib.suppress(KeyboardInterrupt):
        while True:
            now = standings(found)
            screen.update(look.status_table(now))
            if not any(one.live for one in now):
                return
            time.sleep(LIVE_PAUSE)


def logs(
    run: RUN,
    stage: Annotated[str, typer.Argument(help="mesh, flow, …; default: the last")] = "",
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="how many lines")] = 40,
    follow: Annotated[bool, typer.Option("-f", "--follow", metavar="", help="go on")] = False,
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """The end of a stage's log; with -f what is added, from stage to stage, until the run ends."""
    from jobs.executors.here import last_lines
    from jobs.executors.standing import standing
    from jobs.folder import find

    folder = find(run)
    log = folder.log(stage or str(folder.status().get("stage", "")))
    if not log.exists() and not follow:
        there = ", ".join(sorted(path.stem for path in log.parent.glob("*.log")))
        raise CaseError("there is no such log", where=str(log), do=f"there is {there or 'none'}")
    typer.echo(f"--- {log}")
    at = _size(log)
    typer.echo("\n".join(last_lines(log, lines)))
    with contextlib.suppress(KeyboardInterrupt):
        while follow:
            follow = standing(folder).live  # asked before the last look, which so misses nothing
            at = _show(log, at)
            then = folder.log(stage or str(folder.status().get("stage", "")))
            if then != log:
                log, at, follow = then, 0, True
                typer.echo(f"--- {log}")
            time.sleep(PAUSE)


def cancel(run: RUN, debug: DEBUG = False) -> None:  # noqa: ARG001
    """End a run, here or in Slurm; what it has computed stays, and `resume` goes on from there."""
    from jobs.executors.standing import standing
    from jobs.executors.submission import cancel as cancel_jobs
    from jobs.folder import find

    folder = find(run)
    now = standing(folder)
    if now.status.get("executor") == "slurm":
        jobs = cancel_jobs(folder)
        typer.echo(f"Ended: jobs {', '.join(jobs)}" if jobs else "Nothing of this run is queued.")
        return
    if now.state != "running":
        typer.echo(f"Nothing to end: this run is {now.state}.")
        return
    boot, _, rest = str(now.status["process"]).partition(" ")
    if boot != Path("/proc/sys/kernel/random/boot_id").read_text().strip():
        raise JobError("this run is at work on another machine", where=str(folder.path),
                       do="end it there")
    os.kill(int(rest.split()[0]), signal.SIGTERM)
    typer.echo("Asked to stop after a checkpoint.")


def resume(run: RUN, debug: DEBUG = False) -> None:  # noqa: ARG001
    """Go on with a run that was stopped, cut off or failed, here or in Slurm as before."""
    from jobs.commands.submit import send
    from jobs.executors import ledger
    from jobs.folder import find

    folder = find(run)
    told = folder.status()
    source = folder.path.resolve() / told["base"] / told["case"]
    book = ledger.load(folder)
    if told.get("executor") == "slurm" and book is not None:
        send([folder.case], site=book.site, ranks=book.ranks, until=book.until, out=folder.path,
             source=source)
        return
    compute(folder.case, ranks=told.get("ranks"), until=told.get("until"), out=folder.path,
            source=source)


def compute(
    case: Path, settings: list[str] | None = None, ranks: int | None = None,
    until: str | None = None, out: Path | None = None, *, source: Path | None = None,
    force: tuple[str, ...] = (),
) -> None:
    """Run a case on this machine and say how it went; ``source`` is the file it came from."""
    from jobs import pipeline
    from jobs.case import load
    from jobs.folder import Folder
    from jobs.screen import Screen

    read = load(case, settings or ())
    folder = Folder(out or case.parent / "run")
    plan = pipeline.Plan(read, source or case, folder, ranks or read.run.ranks, until, force)
    terminal.say(f"{read.title}  →  {folder.path}/")
    with Screen() as screen:
        took = pipeline.run(plan, screen)
    done = f"Done: {pipeline.summary(took)}" if took else "Nothing to do: all is up to date."
    typer.echo(done)
    if until is None:
        typer.echo(f"Report: {folder.pdf}\nFields: {folder.results} (opens in ParaView)")


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _show(log: Path, at: int) -> int:
    """Show what ``log`` has beyond ``at``; gives where it ended."""
    size = _size(log)
    if size > at:
        with log.open("rb") as file:
            file.seek(at)
            typer.echo(file.read(size - at).decode(errors="replace"), nl=False)
    return size
