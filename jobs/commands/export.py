"""Fields and series of a run in the formats of others."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from jobs.commands import DEBUG, LOOK, RUN

Format = StrEnum("Format", ["vtu", "xdmf", "csv", "npz", "netcdf"])


def add(app: typer.Typer) -> None:
    """Add `export`."""
    app.command(rich_help_panel=LOOK)(export)


def export(
    run: RUN,
    to: Annotated[Format, typer.Option("--to", help="the format")],
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="a new folder; default: RUN-FORMAT, by the run"),
    ] = None,
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """Write fields and time series as VTU, XDMF, CSV, NumPy or NetCDF (for xarray), in SI.

    Example: dvtwin export run --to vtu
    """
    from core.store import Results
    from jobs.folder import find
    from postprocess.exports.fields import write

    folder = find(run)
    place = folder.path.resolve()
    target = out or place.with_name(f"{place.name}-{to}")
    with Results(folder.results) as results:
        files = write(results, to.value, target)
    typer.echo(f"{len(files)} files in {target}/: {', '.join(file.name for file in files[:6])}…")
