"""Exports: a finished run in the formats of others; one file each, found by what it is called.

Libraries of a format are imported inside the functions that need them.
"""

from pathlib import Path
from typing import Protocol


class Export[R](Protocol):
    """Writes what a run found (``report``) to ``path``, a file or a folder of files."""

    def write(self, report: R, path: Path) -> None:
        """Write ``report`` to ``path``, whole or not at all."""
