"""`dvtwin sign`: someone answers for a report."""

from typing import Annotated

import typer

from jobs.commands import DEBUG, HAND_OVER, RUN


def add(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(rich_help_panel=HAND_OVER)(sign)


def sign(
    run: RUN,
    role: Annotated[str, typer.Option("--as", metavar="ROLE", help="modeler or clinician")],
    state: Annotated[str, typer.Option(metavar="STATE", help="the state it reaches")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="why: kept for ever")],
    who: Annotated[str, typer.Option(metavar="ID", help="who does it, as to be shown")] = "",
    organisation: Annotated[str, typer.Option(metavar="NAME", help="on whose behalf")] = "",
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """Take a report one step on: draft → technical check → clinical review → signed.

    From each of them it may also be rejected or superseded.

    The step is kept in the run's audit log and shown in the report. It is void once the run is
    computed anew. Nothing is invented: without --who only the role is shown.

    Example: dvtwin sign run --as modeler --state "technical check" --reason "balances seen"
    """
    from jobs.folder import find
    from jobs.hospital import signing

    folder = find(run)
    step = signing.Step(
        state.strip().upper().replace("-", " "), role.strip().lower(), reason, who, organisation
    )
    with folder.locked():
        before = signing.sign(folder, step)
    typer.echo(f"{before} → {step.state}\nReport: {folder.pdf}")
