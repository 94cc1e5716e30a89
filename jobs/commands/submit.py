"""Sending runs to Slurm, and what they will cost."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.errors import CaseError
from jobs import terminal
from jobs.commands import CASE, DEBUG, OUT, RANKS, SET, UNTIL, WORK

if TYPE_CHECKING:
    from jobs.executors.submission import Order
    from jobs.pipeline import Plan

CASES = Annotated[list[Path], typer.Argument(metavar="CASE.toml...", help="one case, or many")]
SITE = Annotated[str, typer.Option(metavar="NAME", help="a site profile, by name or .toml")]
DRY = Annotated[bool, typer.Option("--dry-run", metavar="", help="show the scripts, send nothing")]
TIME = Annotated[str, typer.Option(metavar="TIME", help='wall time of a job, e.g. "90 min"')]
MEMORY = Annotated[str, typer.Option(metavar="SIZE", help='memory of a rank, e.g. "4 GB"')]
CELLS = Annotated[
    int | None, typer.Option(metavar="N", min=1, help="cells, while there is no mesh to count")
]


def add(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command(rich_help_panel=WORK)(submit)
    app.command(rich_help_panel=WORK)(estimate)
    app.command(hidden=True)(job)


def submit(
    cases: CASES, site: SITE = "", settings: SET = None, ranks: RANKS = None, until: UNTIL = None,
    out: OUT = None, time: TIME = "", memory: MEMORY = "", cells: CELLS = None,
    dry_run: DRY = False, debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """Send a case to Slurm, a job for each stage; many cases as one array, a task for each.

    Sending it again is harmless: what is done or in the queue is not sent twice.

    Example: dvtwin submit case.toml --site ./mine.toml --dry-run
    """
    send(
        cases, site=site, settings=settings, ranks=ranks, until=until, out=out, time=time,
        memory=memory, cells=cells, dry_run=dry_run,
    )


def send(
    cases: Sequence[Path], *, site: str, settings: Sequence[str] | None = None,
    ranks: int | None = None, until: str | None = None, out: Path | None = None, time: str = "",
    memory: str = "", cells: int | None = None, dry_run: bool = False, source: Path | None = None,
) -> None:
    """Send ``cases``, or show what would be sent; ``source`` is the file a case came from."""
    from jobs.case import load
    from jobs.executors import submission
    from jobs.folder import Folder
    from jobs.pipeline import Plan

    order = _order(site, time, memory, cells)
    many = len(cases) > 1
    crowd = Counter(path.resolve().parent for path in cases)
    plans = []
    for path in cases:
        read = load(path, settings or ())
        folder = out if out is not None and not many else _folder(
            path, order, alone=crowd[path.resolve().parent] == 1, dry_run=dry_run
        )
        plans.append(Plan(read, source or path, Folder(folder), ranks or read.run.ranks, until))
    if many:
        _send_many(plans, order, out or _home(cases), dry_run)
        return
    plan, = plans
    if dry_run:
        for text in submission.preview(plan, order):
            typer.echo(text)
        return
    terminal.say(f"{plan.case.title}  →  {plan.folder.path}/  ({order.site_name})")
    sent = submission.submit(plan, order, terminal.say)
    typer.echo(f"Sent {len(sent)} job(s): dvtwin status {plan.folder.path}" if sent
               else "Nothing to send: all is done or in the queue.")


def estimate(
    case: CASE, settings: SET = None, ranks: RANKS = None, out: OUT = None, cells: CELLS = None,
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """What each stage will take: ranks, time, memory, from runs that were measured.

    Example: dvtwin estimate case.toml --cells 400000
    """
    from rich.table import Table

    from jobs import estimate
    from jobs.case import load
    from jobs.folder import Folder
    from jobs.screen import span
    from jobs.stages import chain

    read = load(case, settings or ())
    meshed = estimate.cells_of(Folder(out or case.parent / "run"))
    count = cells or meshed or estimate.ASSUMED_CELLS
    how = "as asked" if cells else "as meshed" if meshed else "assumed: there is no mesh yet"
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("stage", "ranks", "likely", "at most", "GB a rank", "measured runs"):
        table.add_column(title, justify="left" if title == "stage" else "right")
    for one in estimate.estimates(read, chain(read), count, ranks or read.run.ranks).values():
        table.add_row(one.stage, str(one.ranks), span(one.seconds), span(one.upper),
                      f"{one.memory / 1e9:.2f}", str(one.runs))
    typer.echo(f"{count:,} cells ({how}); {estimate.best_ranks(count)} rank(s) would suit them")
    terminal.show(table)
    typer.echo("\"At most\" holds for nine in ten of the measured runs. Your own runs count ten "
               f"times: {estimate.history()}")


def job(
    action: str, run: Path, stage: str,
    number: Annotated[str, typer.Option("--job")] = "",
    ranks: Annotated[int, typer.Option("--ranks")] = 1,
    code: Annotated[int, typer.Option("--code")] = 0,
    asked: Annotated[str, typer.Option("--asked")] = "",
) -> None:
    """Keep the books of a batch job; what its script calls before and after a stage."""
    from jobs.executors import batch

    if action == "begin":
        raise typer.Exit(batch.begin(run, stage, number, ranks))
    raise typer.Exit(batch.end(run, stage, code, asked))


def _order(site: str, time: str, memory: str, cells: int | None) -> "Order":
    from core.units import UnitError, to_si
    from jobs.executors.site import HERE, cluster_folder, load
    from jobs.executors.submission import Order

    name = site or os.environ.get("DVTWIN_SITE", "")
    if not name:
        name = HERE if (cluster_folder() / "pids").exists() else "generic"
    if name.endswith(".toml"):
        name = str(Path(name).resolve())
    try:
        seconds = to_si(time, "s") if time else None
        size = to_si(memory, "B") if memory else None
    except UnitError as error:
        raise CaseError(str(error), where="command line", do='write --time "90 min"') from error
    return Order(name, load(name), seconds, size, cells)


def _folder(case: Path, order: "Order", *, alone: bool, dry_run: bool) -> Path:
    """Where a case is computed: `run` beside it, or a folder of its name where it is not
    ``alone`` in its folder; with a site's scratch, a link to a folder there.
    """
    from core.record import digest
    from jobs.executors.site import expand

    place = case.parent / ("run" if alone else f"run-{case.stem}")
    if order.site.scratch and not place.exists() and not dry_run:
        name = f"{case.absolute().parent.name}-{digest(str(place.absolute()))[:8]}"
        there = Path(expand(order.site.scratch)) / name
        try:
            there.mkdir(parents=True, exist_ok=True)
            place.symlink_to(there)
        except OSError as error:
            raise CaseError(
                f"cannot use the site's scratch: {error.strerror}", where=str(there),
                do="mend `scratch` in the site profile",
            ) from error
    return place


def _home(cases: Sequence[Path]) -> Path:
    """Where an array keeps its list, script and table: `array` in the cases' common folder."""
    return Path(os.path.commonpath([case.resolve().parent for case in cases])) / "array"


def _send_many(plans: Sequence["Plan"], order: "Order", home: Path, dry_run: bool) -> None:
    from jobs.executors import submission

    if dry_run:
        typer.echo(submission.array_preview(plans, order, home))
        return
    terminal.say(f"{len(plans)} cases  →  {home}/  ({order.site_name})")
    array, gather = submission.submit_many(plans, order, home, terminal.say)
    if array:
        typer.echo(f"Sent array {array}, and {gather} that writes {home}/members.csv after it.")
    else:
        typer.echo("Nothing to send: all is done or in the queue.")
