"""What the program measures."""

from typing import Annotated

import typer

from jobs.commands import SELF


def add(app: typer.Typer) -> None:
    """Add `metrics`."""
    app.command(rich_help_panel=SELF)(metrics)


def metrics(
    markdown: Annotated[bool, typer.Option("--markdown", help="as docs/metrics.md")] = False,
) -> None:
    """List every metric with its unit, definition, limit and source."""
    from postprocess.metric_list import by_group
    from postprocess.metric_list import markdown as page

    if markdown:
        typer.echo(page(), nl=False)
        return
    for group, members in by_group():
        typer.secho(f"\n{group.capitalize()}", bold=True)
        for m in members:
            typer.echo(f"  {m.name:24} {m.shown_unit:8} {m.label}: {m.definition}")
