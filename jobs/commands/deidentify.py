"""`dvtwin deidentify`: images of a patient become images of nobody."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.commands import DEBUG, HAND_OVER


def add(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(rich_help_panel=HAND_OVER)(deidentify)


def deidentify(
    source: Annotated[Path, typer.Argument(metavar="DIR", help="a folder of DICOM images")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="a new folder")],
    pseudonym: Annotated[str, typer.Option("--as", metavar="WORD", help="a made-up label")],
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="secret of the UIDs; made if it is not there"),
    ] = None,
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """Copy DICOM images without names, dates, texts and private attributes.

    What is not on the list of harmless attributes is left out. With the same key file the same
    study gets the same new number.

    Example: dvtwin deidentify cd/ --out images/ --as SYN-0001 --key hospital.key
    """
    from jobs.hospital.importing import images

    count, dropped = images(source, out, pseudonym, key)
    typer.echo(f"{count} images as {pseudonym} in {out}/")
    if dropped:
        typer.echo(f"Left out: {', '.join(dropped)}")
