"""The command line. Heavy imports wait for the command that needs them: `--help` is quick."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from core.errors import TwinError
from jobs import terminal
from jobs.commands import (
    CASE,
    DEBUG,
    LOOK,
    OUT,
    RANKS,
    RUN,
    SELF,
    SET,
    START,
    UNTIL,
    WORK,
    add_all,
)
from jobs.commands.runs import compute

app = typer.Typer(
    name="dvtwin", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    rich_markup_mode="rich", context_settings={"help_option_names": ["-h", "--help"]},
    help="Digital twins of deep vein thrombosis: image → flow → clot → report.\n\n"
    "Start with [bold]dvtwin demo[/]. For research use only: not for diagnosis or treatment.",
)


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", metavar="", help="say which")] = False,
) -> None:
    if version:
        from core.record import commit, version_of

        known = version_of("dvtwin")
        number = known if known != "absent" else "0.1.0"
        print(f"dvtwin {number} ({commit()}), for research use only: not a medical device")
        raise typer.Exit
    if context.invoked_subcommand != "stage":
        from jobs.executors.here import without_mpi

        without_mpi()


@app.command(rich_help_panel=START)
def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="where to work")] = Path("dvtwin-demo"),
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """Image to report in one go, on the bundled iliac vein.

    Run it again and it goes on where it was stopped; when all is done it says so.
    """
    from jobs import examples

    if not (out / "case.toml").exists():
        examples.copy("iliac-compression", out)
    terminal.say(f"The bundled case, an iliac vein under compression (synthetic image), in {out}/")
    if examples.prepare(out):
        terminal.say("  image    made")
    compute(out / "case.toml", ranks=min(2, os.process_cpu_count() or 1))


@app.command(rich_help_panel=WORK)
def check(case: CASE, settings: SET = None, out: OUT = None, debug: DEBUG = False) -> None:  # noqa: ARG001
    """Look for mistakes before computing: keys, units, files, boundaries, time step, memory.

    Example: dvtwin check case.toml
    """
    from jobs.case import load
    from jobs.folder import Folder
    from jobs.preflight import inspect

    marks = {"good": ("✓", "green"), "note": ("!", "yellow")}
    read = load(case, settings or ())
    findings = inspect(read, case.resolve().parent, Folder(out or case.parent / "run"))
    print(read.title)
    for finding in findings:
        mark, colour = marks[finding.kind]
        typer.secho(f"  {mark} ", fg=colour, nl=False)
        print(f"{finding.about:<10} {finding.text}")
    print(f"Ready: dvtwin run {case}")


@app.command(rich_help_panel=WORK)
def run(
    case: CASE,
    settings: SET = None,
    ranks: RANKS = None,
    until: UNTIL = None,
    out: OUT = None,
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """Compute a case on this machine; only what is out of date is computed again.

    Ctrl-C stops after a checkpoint; the same command then goes on from there.

    Example: dvtwin run case.toml --set flow.boundary.left.mean="250 mL/min"
    """
    compute(case, settings, ranks, until, out)


@app.command(rich_help_panel=LOOK)
def report(run: RUN, debug: DEBUG = False) -> None:  # noqa: ARG001
    """Make the report of a finished run again."""
    from jobs.folder import find

    folder = find(run)
    told = folder.status()
    case = folder.path / told["base"] / told["case"]
    compute(folder.case, out=folder.path, source=case, force=("report",))


@app.command(rich_help_panel=LOOK)
def verify(run: RUN) -> None:
    """Whether a run's files are as they were made, by their SHA-256; exit code 5 if not."""
    from jobs import audit
    from jobs.folder import find

    folder = find(run)
    wrong = folder.verify()
    if (line := audit.broken(folder.audit)) is not None:
        wrong.append(f"audit.jsonl: changed before line {line}")
    for text in wrong:
        typer.secho(text, fg="red")
    if wrong:
        raise typer.Exit(5)
    print(f"{len(folder.artefacts())} files are as they were made")


@app.command(rich_help_panel=SELF)
def doctor() -> None:
    """Whether this machine has what is needed, and what to mend."""
    from jobs.doctor import doctor

    raise typer.Exit(int(doctor() or 0))


@app.command(rich_help_panel=SELF)
def bench(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...")] = None,
    file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="the rows")] = None,
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """Compute the benchmarks and show them beside their reference figures."""
    from jobs import bench

    rows: list[bench.Row] = []
    for name, path in bench.chosen(names or ()).items():
        terminal.say(f"{name}…")
        rows += bench.rows(name, path)
        if file:
            file.write_text(json.dumps(rows, indent=1) + "\n")
    if not rows:
        print("No benchmarks here.")
        return
    terminal.show(bench.table(rows))
    raise typer.Exit(int(any(row["ok"] is False for row in rows)))


@app.command(
    rich_help_panel=SELF,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def test(context: typer.Context) -> None:
    """Run the project's tests: in one process, then on two ranks.

    What follows goes to pytest. Example: dvtwin test tests/jobs -k lock
    """
    from jobs.selftest import test

    code, closing = test(context.args)
    print("\n" + "\n".join(closing))
    raise typer.Exit(code)


@app.command(hidden=True)
def stage(name: str, run: Path) -> None:
    """Do one stage of a run; what a local or batch job calls."""
    from jobs.child import perform

    raise typer.Exit(perform(name, run))


add_all(app)


def main() -> None:
    """The entry point `dvtwin`: errors become three lines and an exit code."""
    try:
        app(prog_name="dvtwin")
    except TwinError as error:
        terminal.tell(error)
        sys.exit(error.exit_code)
    except OSError as error:
        sys.exit(terminal.tell_of_system(error))
