"""Where stages run: a local process or a batch job, behind one small protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

FRESH = 99
"""The exit code by which a batch job's script learns that a stage has nothing to do."""
RELAUNCH = 98
"""The same for ranks that did not start and are to be started again in the same job."""
GATHER = "gather"
"""What the last job of an array does in place of a stage."""


@dataclass(frozen=True)
class Resources:
    """What a command needs: MPI ranks (0 for a plain process), and where its output goes."""

    log: Path
    ranks: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)


class Job(Protocol):
    """A submitted command."""

    @property
    def id(self) -> str:
        """The process or job number."""

    def poll(self) -> int | None:
        """Its exit code (negative: the signal that ended it), None while it is not done."""

    def stop(self, *, now: bool) -> None:
        """Ask it to end after a checkpoint or, with ``now``, at once."""


class Executor(Protocol):
    """Starts commands."""

    def submit(
        self, command: Sequence[str], resources: Resources, after: Sequence[Job] = ()
    ) -> Job:
        """Start ``command`` when the jobs ``after`` which it comes have succeeded."""
