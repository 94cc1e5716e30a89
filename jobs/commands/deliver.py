"""`dvtwin deliver`: a report for a hospital's systems."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.commands import DEBUG, HAND_OVER, RUN


def add(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(rich_help_panel=HAND_OVER)(deliver)


def deliver(
    run: RUN,
    fhir: Annotated[bool, typer.Option("--fhir", metavar="", help="bundles, R4B and R5")] = False,
    dicom: Annotated[
        bool, typer.Option("--dicom", metavar="", help="PDF, structured report, segmentation")
    ] = False,
    to: Annotated[
        str | None,
        typer.Option(metavar="NODE", help="send the DICOM objects: AE@HOST:PORT or a known name"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="default: the run's outbox")
    ] = None,
    snomed: Annotated[
        bool, typer.Option("--snomed/--no-snomed", help="SNOMED CT codes in FHIR (licence)")
    ] = True,
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """Write the report as FHIR and DICOM; without a choice, as both.

    Only what --to names is sent anywhere. A draft is marked as preliminary and unverified; a run
    without a result, or that was changed, is not delivered.

    Example: dvtwin deliver run --dicom --to PACS@pacs.example.org:11112
    """
    from jobs import audit
    from jobs.folder import find
    from jobs.hospital import nodes
    from jobs.hospital.delivery import deliver

    folder, node = find(run), nodes.node(to) if to else None
    both = not (fhir or dicom or node)
    with folder.locked():
        files = deliver(
            folder, out, fhir=fhir or both, dicom=dicom or both or node is not None, snomed=snomed
        )
        typer.echo("\n".join(str(path) for path in files))
        if node is None:
            return
        objects = [path for path in files if path.suffix == ".dcm"]
        try:
            nodes.send(objects, node)
        except BaseException:
            audit.note(folder.audit, "send", to=str(node), done=False)
            raise
        audit.note(folder.audit, "send", to=str(node), done=True)
    typer.echo(f"Sent {len(objects)} objects to {node}")
