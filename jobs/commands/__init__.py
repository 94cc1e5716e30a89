"""Commands beyond the basic chain; one file a group, each with `add(app)`.

A file dropped in here is found by the command line. Heavy imports wait inside each command.
"""

import importlib
import pkgutil
from pathlib import Path
from typing import Annotated

import typer

CASE = Annotated[Path, typer.Argument(metavar="CASE.toml", help="the case file")]
RUN = Annotated[Path, typer.Argument(metavar="RUN", help="a run folder")]
SET = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=VALUE", help='change a setting: measure.region="3 cm"'),
]
OUT = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="run folder; default: run, by the case")
]
DEBUG = Annotated[bool, typer.Option("--debug", metavar="", help="show where an error arose")]
RANKS = Annotated[int | None, typer.Option(metavar="N", min=1, help="MPI processes")]
UNTIL = Annotated[str | None, typer.Option(metavar="STAGE", help="mesh, flow, clot or measure")]

START, WORK, LOOK, SELF = "Start here", "Compute", "Look at a run", "The program itself"
HAND_OVER, FORECAST = "With a hospital", "The twin"


def add_all(app: typer.Typer) -> None:
    """Add every group of this folder to ``app``."""
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        importlib.import_module(f"{__name__}.{info.name}").add(app)
