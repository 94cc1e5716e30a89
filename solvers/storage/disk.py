"""Files that are whole or absent: written under another name, forced to disk, then renamed."""

import os
from pathlib import Path

from mpi4py import MPI


def publish(comm: MPI.Comm, partial: Path, path: Path, keep: Path | None = None) -> None:
    """Give the file ``partial`` the name ``path``, and its predecessor the name ``keep``.

    Collective; ranks must have written all they have to.
    """
    comm.Barrier()
    if comm.rank == 0:
        _force(partial)
        if keep is not None and path.exists():
            path.replace(keep)
        partial.replace(path)
        _force(path.parent)  # the names themselves
    comm.Barrier()


def _force(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
