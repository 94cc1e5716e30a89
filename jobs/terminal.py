"""What the command line says to people besides its results."""

import sys
import traceback
from pathlib import Path
from typing import Any

import typer

from core.errors import TryAgain, TwinError
from jobs.folder import unwritable


def say(text: str) -> None:
    """Say ``text`` on standard error, where it does not mix with results."""
    typer.echo(text, err=True)


def tell(error: TwinError) -> None:
    """Say what went wrong, where, and what to do: a line each; with --debug, all that is known."""
    stopped = isinstance(error, TryAgain)
    word, colour = ("stopped", "yellow") if stopped else ("error", "red")
    typer.secho(f"{word}: {error.what}", fg=colour, err=True)
    if error.where:
        say(f"  where: {error.where}")
    if error.do:
        say(f"  do:    {error.do}")
    if "--debug" in sys.argv:
        notes = getattr(error, "__notes__", None)
        say("\n".join(notes) if notes else "".join(traceback.format_exception(error)))


def tell_of_system(error: OSError) -> int:
    """Say that the file system failed somewhere that knew no better words; gives the exit code."""
    if "--debug" in sys.argv:
        raise error
    told = unwritable(error, Path(error.filename or "."))
    tell(told)
    return told.exit_code


def show(table: Any) -> None:
    """Print a table, 160 wide where the output is no terminal."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)
    console.print(table)
