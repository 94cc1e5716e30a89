"""A real Slurm on this one machine, for trials and tests."""

import subprocess
from pathlib import Path
from typing import Annotated

import typer

from core.errors import JobError
from core.record import ROOT
from jobs.commands import DEBUG, SELF

ACTION = Annotated[str, typer.Argument(metavar="start|stop|status")]
FOLDER = Annotated[
    Path | None, typer.Option(metavar="DIR", help="where it lives; default: DVTWIN_CLUSTER")
]


def add(app: typer.Typer) -> None:
    """Add the commands of this group."""
    app.command(rich_help_panel=SELF)(cluster)


def cluster(
    action: ACTION,
    nodes: Annotated[int, typer.Option(min=1, max=100, help="pretended nodes")] = 2,
    cpus: Annotated[int, typer.Option(min=1, max=256, help="cores of each")] = 2,
    folder: FOLDER = None,
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """A real Slurm on this machine, to try `submit` with: rootless, a few processes of yours.

    Example: dvtwin cluster start; dvtwin submit case.toml; dvtwin cluster stop
    """
    from jobs.executors.site import cluster_folder

    if action not in {"start", "stop", "status"}:
        raise typer.BadParameter("it is start, stop or status", param_hint="ACTION")
    script, place = ROOT / "slurm" / "cluster", folder or cluster_folder()
    if not script.exists():
        raise JobError("the cluster's script is not here", where=str(script), do="use a checkout")
    done = subprocess.run([script, action, place, str(nodes), str(cpus)], check=False)
    if done.returncode:
        raise JobError(
            f"the cluster could not {action}" if action != "status" else "no cluster is up",
            where=str(place), do="see the lines above; its logs are in log/",
        )
    if action == "start":
        extra = "" if folder is None else f"export DVTWIN_CLUSTER={place}; "
        typer.echo(f"Now: {extra}dvtwin submit CASE.toml --site here")
