"""A twin over time."""

import json
from typing import Annotated

import typer

from jobs import terminal
from jobs.commands import DEBUG, FORECAST
from jobs.commands.update import TWIN


def add(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(rich_help_panel=FORECAST)(timeline)


def timeline(
    twin: TWIN,
    days: Annotated[float, typer.Option(metavar="N", min=1.0, help="how far ahead")] = 180.0,
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """All visits of a twin: measurements, what had been forecast, how well, and what comes."""
    from rich.table import Table

    from jobs.folder import write_text
    from jobs.twin import timeline as history
    from jobs.twin.figures import draw_timeline
    from jobs.twin.words import amount

    told = history.timeline(twin, days)
    table = Table(box=None, pad_edge=False)
    names = [row["meaning"] for row in told["versions"][-1]["quantities"]][:4]
    for title in ("version", "visit", "forecast test", *names):
        table.add_column(title)
    for row in told["versions"]:
        test = row["innovation"]
        word = (
            "against the prior"
            if row["number"] == 1
            else ("reviewed" if row["reviewed"] else "inside")
        )
        table.add_row(
            str(row["number"]),
            row["date"],
            f"NIS {test['nis']:.1f} of {test['limit']:.1f}: {word}",
            *(amount(quantity, quantity) for quantity in row["quantities"][:4]),
        )
    for row in told["refused"]:
        test = row["innovation"]
        table.add_row(
            "–", row["date"], f"NIS {test['nis']:.1f} of {test['limit']:.1f}: [red]refused[/]"
        )
    terminal.show(table)
    scores = told["scores"]
    if scores["forecasts"]:
        typer.echo(
            f"Of {scores['forecasts']} forecasts {scores['coverage']:.0%} came true within their "
            f"95 % intervals; CRPS {scores['crps']:.2f} measuring errors, "
            f"{scores['crps_of_prior']:.2f} without the visits before."
        )
    write_text(twin / "timeline.json", json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    draw_timeline(told["title"], told["panels"], twin / "timeline.png")
    typer.echo(f"{twin / 'timeline.json'}\n{twin / 'timeline.png'}")
