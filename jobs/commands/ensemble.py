"""Ensembles: how sure a result is, and what it hangs on."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs import terminal
from jobs.commands import CASE, DEBUG, FORECAST, OUT, RANKS, SET

if TYPE_CHECKING:
    from jobs.ensemble.work import Crew
    from jobs.pipeline import Plan

SCENARIO = Annotated[
    list[str] | None, typer.Option("--scenario", metavar="NAME", help="also of this scenario")
]
AT_ONCE = Annotated[
    int, typer.Option("--at-once", metavar="N", min=0, help="members at a time; 0: by the cores")
]
SITE = Annotated[
    str, typer.Option(metavar="NAME", help="send members to Slurm as arrays, by this site profile")
]


def add(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command(rich_help_panel=FORECAST)(ensemble)


def ensemble(
    case: CASE,
    scenario: SCENARIO = None,
    every: Annotated[bool, typer.Option("--all", metavar="", help="of every scenario")] = False,
    settings: SET = None,
    ranks: RANKS = None,
    at_once: AT_ONCE = 0,
    site: SITE = "",
    gather: Annotated[
        bool, typer.Option("--gather", metavar="", help="compute nothing, gather what is there")
    ] = False,
    out: OUT = None,
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """Compute a case many times over what is uncertain in it: intervals and sensitivities.

    What varies stands in the case's table `ensemble`. Members run here, some at a time, or as
    Slurm arrays; one that fails is tried once more and then told. Run it again to go on.

    Example: dvtwin ensemble case.toml --all
    """
    from jobs.ensemble import work
    from jobs.scenarios import BASE
    from jobs.scenarios.derive import chosen

    base = plan(case, settings, ranks, out)
    names = chosen(base.case, scenario or ()) if scenario or every else []
    crew = crew_of(at_once, site, base.ranks, compute=not gather)
    home = base.folder.path.parent / "ensemble"
    found = work.carry_out(base, [BASE, *names], home, crew)
    tell_sent(crew)
    for name, summary in found.items():
        tell(name, summary)
    if BASE in found:
        into_report(base, found[BASE])


def plan(case: Path, settings: list[str] | None, ranks: int | None, out: Path | None) -> "Plan":
    """The run of the case itself."""
    from jobs.case import load
    from jobs.folder import Folder
    from jobs.pipeline import Plan

    read = load(case, settings or ())
    return Plan(read, case, Folder(out or case.parent / "run"), ranks or read.run.ranks)


def tell_sent(crew: "Crew") -> None:
    """Say what went to a queue."""
    if crew.sent:
        typer.echo(f"Sent: {', '.join(crew.sent)}. When they have ended, run this again: what is "
                   "missing is sent, and what comes next.")


def crew_of(at_once: int, site: str, ranks: int, *, compute: bool = True) -> "Crew":
    """How runs are carried out."""
    from jobs.ensemble.work import Crew

    cores = at_once or max(1, (os.process_cpu_count() or 1) // ranks)
    return Crew(cores, terminal.say, send=_sender(site) if site else None, compute=compute)


def _sender(site: str) -> Any:
    from jobs.commands.submit import _order
    from jobs.executors.submission import submit_many

    order = _order(site, "", "", None)

    def send(plans: Sequence["Plan"], home: Path) -> bool:
        array, _ = submit_many(plans, order, home, terminal.say)
        return bool(array)

    return send


def tell(name: str, summary: Mapping[str, Any]) -> None:
    """Print how many members an option has, who is missing, its intervals and what drives it."""
    from rich.table import Table

    from core.units import from_si
    from postprocess.ensemble import withheld
    from postprocess.metrics import metrics

    typer.echo(f"{name}: {summary['sound']} of {summary['members']} members have a result")
    for one in summary["missing"]:
        typer.secho(f"  member {one['member']:04d}: {one['reason']}", fg="yellow")
    if reason := withheld(summary):
        typer.secho(f"  {reason}.", fg="yellow")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("metric", "2.5 %", "median", "97.5 %", "unit", "members", "what drives it most"):
        table.add_column(title, justify="right" if title[0].isdigit() else "left")
    for metric, known in summary["intervals"].items():
        declared = metrics().get(metric)
        if declared is None or not declared.brief:
            continue
        ends = [f"{from_si(known[end], declared.unit, declared.shown_unit):.3g}"
                for end in ("low", "median", "high")]
        effect = (summary["sensitivity"].get(metric) or {"effects": []})["effects"][:1]
        most = "".join(f"{one['name']} ({100 * one['share']:.0f} %)" for one in effect)
        table.add_row(metric, *ends, declared.shown_unit, str(known["count"]), most)
    terminal.show(table)
    for metric, one in summary.get("control", {}).items():
        if metrics().get(metric) and metrics()[metric].brief:
            typer.echo(f"  {metric}: {one['dear']} members and {one['cheap']} cheap ones, "
                       f"correlation {one['correlation']:.2f}; error of the mean "
                       f"{one['error']:.2g} instead of {one['plain_error']:.2g} (SI)")


def into_report(base: "Plan", summary: Mapping[str, Any]) -> None:
    """Put the ensemble beside the run of the case, and make its report again."""
    from jobs.commands.runs import compute
    from jobs.folder import write_json
    from postprocess.ensemble import FILE
    from postprocess.findings import plain

    write_json(base.folder.path / FILE, plain(summary))
    compute(
        base.folder.case, ranks=base.ranks, out=base.folder.path, source=base.source,
        force=("report",),
    )
