"""A new visit for a twin: the forecast is tested first."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.commands import DEBUG, FORECAST
from jobs.commands.calibrate import VISIT, show

TWIN = Annotated[Path, typer.Argument(metavar="TWIN", help="the folder of a calibrated twin")]


def add(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(rich_help_panel=FORECAST)(update)


def update(
    twin: TWIN,
    visit: VISIT,
    reviewed: Annotated[
        str, typer.Option("--reviewed", metavar="WHY", help="take in a visit that does not match")
    ] = "",
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """Test a twin's forecast by a new visit; where it holds, take the visit in as a new version.

    Where it does not, nothing changes; exit code 5. Example: dvtwin update twin visit-2.toml
    """
    from jobs.twin import visits

    done = visits.update(twin, visit, reviewed.strip())
    test = done.told["innovation"]
    typer.echo(
        f"Forecast of {test['measurements']} measurements: NIS {test['nis']:.1f}, 95 % band up to "
        f"{test['limit']:.1f} (p = {test['probability']:.2g}): "
        f"{'inside' if test['consistent'] else 'outside'}."
    )
    if done.folder is None:
        raise visits.refused(done)
    show(done.told)
    if not test["consistent"]:
        typer.echo(f"Taken in although outside the band: {reviewed}")
    typer.echo(
        f"{done.folder}: posterior.json, samples.csv, fit.png; the versions before are kept"
    )
