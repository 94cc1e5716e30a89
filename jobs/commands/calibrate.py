"""A twin's first version: its veins' unknowns from a visit's measurements."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from jobs import terminal
from jobs.commands import DEBUG, FORECAST

VISIT = Annotated[Path, typer.Argument(metavar="VISIT.toml", help="what was measured")]


def add(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(rich_help_panel=FORECAST)(calibrate)


def calibrate(
    twin: Annotated[Path, typer.Argument(metavar="TWIN.toml", help="veins, sites, priors")],
    visit: VISIT,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="default: twin, beside TWIN.toml")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="compare with Markov chains: slow, needs emcee")
    ] = False,
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """Fit a twin's unknowns to a visit: priors → posterior, told with what the data leave open.

    Example: dvtwin calibrate twin.toml visit-1.toml
    """
    from jobs.twin import visits

    folder = out or twin.parent / "twin"
    done = visits.calibrate(twin, visit, folder)
    show(done.told)
    if not done.told["innovation"]["consistent"]:
        terminal.say(
            "The measurements lie outside what the image and the priors allow (95 %): review both."
        )
    if check and done.folder:
        from jobs.twin.reference import compared

        terminal.show(_chains(compared(folder)))
    typer.echo(f"{done.folder}: posterior.json, samples.csv, fit.png")
    typer.echo("A model's estimate, for research use; no advice on treatment.")


def show(told: Mapping[str, Any]) -> None:
    """The tables of a version: unknowns, measurements, forecast."""
    from rich.table import Table

    from jobs.twin.words import amount, verdict

    table = Table(box=None, pad_edge=False)
    for title in ("unknown", "prior, 95 %", "posterior, 95 %", "", "meaning"):
        table.add_column(title)
    for row in told["unknowns"]:
        word = "" if row["informed"] else "[yellow]not informed by the data[/]"
        table.add_row(
            row["name"],
            amount(row, row["prior"]),
            amount(row, row["posterior"]),
            word,
            row["meaning"],
        )
    terminal.show(table)
    typer.echo("")
    table = Table(box=None, pad_edge=False)
    for title in ("measured", "", "forecast, 95 %", "fitted, 95 %", ""):
        table.add_column(title)
    for row in told["measurements"]:
        odd = row["probability"] < 0.05
        table.add_row(
            row["name"],
            amount(row, {"median": row["value"]}),
            amount(row, row["forecast"]),
            amount(row, row["fit"]),
            "[red]not explained[/]" if odd else "",
        )
    terminal.show(table)
    typer.echo("")
    table = Table(box=None, pad_edge=False)
    times = told["forecast"]
    table.add_column("forecast")
    for time in times:
        ahead = time["day"] - told["visit"]["day"]
        table.add_column("on the day" if ahead == 0 else f"in {ahead:g} days")
    table.add_column("beyond its limit")
    for i, row in enumerate(times[0]["quantities"]):
        cells = [amount(row, time["quantities"][i]) for time in times]
        table.add_row(row["meaning"], *cells, verdict(row))
    terminal.show(table)


def _chains(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    from jobs.twin.words import amount

    table = Table(
        box=None, pad_edge=False, title="smoother and Markov chains", title_justify="left"
    )
    for title in ("unknown", "smoother, 95 %", "chains, 95 %", "off by (sd)"):
        table.add_column(title)
    for row in rows:
        table.add_row(
            row["name"],
            amount(row, row["smoother"]),
            amount(row, row["chains"]),
            f"{row['off']:+.2f}",
        )
    return table
