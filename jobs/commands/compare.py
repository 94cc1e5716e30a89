"""Scenarios of a case side by side."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs import terminal
from jobs.commands import CASE, DEBUG, FORECAST, OUT, RANKS, SET
from jobs.commands.ensemble import AT_ONCE, SITE, crew_of, plan, tell_sent

if TYPE_CHECKING:
    from jobs.pipeline import Plan
    from postprocess.reporting.comparison import Order

SCENARIO = Annotated[
    list[str] | None,
    typer.Option("--scenario", metavar="NAME", help="only this scenario; may be repeated"),
]
BY = Annotated[str, typer.Option("--by", metavar="METRIC", help="what decides the order")]


def add(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command(rich_help_panel=FORECAST)(compare)


def compare(
    case: CASE,
    scenario: SCENARIO = None,
    by: BY = "pressure_gradient",
    settings: SET = None,
    ranks: RANKS = None,
    at_once: AT_ONCE = 0,
    site: SITE = "",
    out: OUT = None,
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """Compute the scenarios of a case and set them side by side: one table, one figure, an order.

    Intervals come from the members of `dvtwin ensemble CASE.toml --all`, which share their inputs
    from option to option. The page also becomes part of the report of the case.

    Example: dvtwin compare case.toml --by velocity_ratio
    """
    from core.errors import CaseError
    from jobs.commands.runs import compute
    from jobs.scenarios import BASE
    from jobs.scenarios import compare as scenarios
    from jobs.scenarios.derive import chosen
    from postprocess.reporting import ranking

    ranking.sign(by)
    base = plan(case, settings, ranks, out)
    names = chosen(base.case, scenario or ())
    if not names:
        raise CaseError(
            "this case has no scenarios", where=str(case),
            do="add one: [scenario.NAME] with intervention = [{ kind = … }]",
        )
    crew = crew_of(at_once, site, base.ranks)
    runs = scenarios.runs(base, names, crew)
    tell_sent(crew)
    if not runs:
        return
    titles = scenarios.titles(base, names)
    ensembles, order = _ensembles(base, [BASE, *names], runs, by)
    page = _write(base, runs, titles, ensembles, order)
    compute(
        base.folder.case, ranks=base.ranks, out=base.folder.path, source=base.source,
        force=("report",),
    )
    typer.echo(f"Comparison: {page}")


def _ensembles(
    base: "Plan", options: Sequence[str], runs: Mapping[str, "Plan"], by: str
) -> tuple[dict[str, Any], "Order"]:
    """What the members of each option say, and the order of the options, if there are members."""
    from core.errors import CaseError
    from jobs.ensemble import work
    from jobs.ensemble.design import design
    from jobs.scenarios import compare as scenarios
    from postprocess.findings import load
    from postprocess.reporting import ranking
    from postprocess.reporting.comparison import Order

    conditions = [name for name in options[1:] if not base.case.scenario[name].is_choice]
    try:
        members = work.load(base.folder.path.parent / "ensemble", base, options)
    except CaseError as error:
        terminal.say(f"  {error.what}: no intervals")
        return {}, Order(by, conditions=conditions)
    drawn = design(base.case, base.base)
    ensembles = scenarios.paired_ensembles(members, drawn)
    known = {
        name: ranking.Option(name, load(run.folder.metrics), ensembles.get(name))
        for name, run in runs.items() if name not in conditions
    }
    duels = scenarios.duels(members, drawn, by, ranking.order(known, by))
    return ensembles, Order(by, duels, conditions)


def _write(
    base: "Plan", runs: Mapping[str, "Plan"], titles: Mapping[str, str],
    ensembles: Mapping[str, Any], order: "Order",
) -> Any:
    """Table, figure and page in the run's folder, under the titles that readers know."""
    from dataclasses import replace

    from core.record import now
    from jobs.scenarios import compare as scenarios
    from postprocess.findings import plain
    from postprocess.reporting import comparison

    named = [
        {**duel, "ahead": titles[duel["ahead"]], "behind": titles[duel["behind"]]}
        for duel in order.duels
    ]
    return comparison.write(
        {titles[name]: run.folder.metrics for name, run in runs.items()}, scenarios.home(base),
        title=base.case.title, patient=base.case.patient.model_dump(mode="json"), created=now(),
        settings=base.case.report,
        ensembles={titles[name]: plain(one) for name, one in ensembles.items()},
        order=replace(
            order, duels=named, conditions=[titles[name] for name in order.conditions]
        ),
    )
