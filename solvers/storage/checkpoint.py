"""Saving and restoring the state of a run, on any number of ranks; bitwise on the same number.

Fields are stored cell by cell in the order of `mesh.h5`, in double precision, so a state can be
read on other ranks. A checkpoint is written under a temporary name, forced to disk and renamed;
the one before it is kept. Every byte is under a checksum of HDF5's: a checkpoint that is cut
off or has changed is told apart from a good one, and the one before it is taken, with a warning.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mpi4py import MPI

import h5py
import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError
from solvers.storage.blocks import Blocks, put
from solvers.storage.disk import publish
from solvers.storage.layout import Layout

Array = NDArray[Any]
State = tuple[dict[str, Array], dict[str, Any]]
log = logging.getLogger(__name__)


def save(
    path: Path, layout: Layout, key: str, cells: Mapping[str, Array], facts: Mapping[str, Any]
) -> None:
    """Write cell arrays (c, …), arrays of wall facets ("wall/…") and of owned points ("points/…")
    and plain ``facts``. Collective.

    Where the disk is full or read-only, `OSError` or `RuntimeError`; what was saved is kept.
    """
    comm = layout.vessel.comm
    partial = path.with_suffix(".partial")
    if comm.rank == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
    comm.Barrier()
    with h5py.File(partial, "w", driver="mpio", comm=comm, libver=("v110", "v110")) as file:
        file.attrs["key"] = key
        _put_text(file, comm, json.dumps(dict(facts)))
        for name, values in cells.items():
            put(file, name, _blocks(layout, name), values)
    publish(comm, partial, path, keep=previous(path))


def restore(path: Path, layout: Layout, key: str | None) -> State | None:
    """The arrays and facts of the last good checkpoint made for ``key`` (None: for any), or None.
    Collective.
    """
    comm, damaged = layout.vessel.comm, ""
    for candidate in (path, previous(path)):
        kind = comm.bcast(_kind(candidate, key) if comm.rank == 0 else None)
        found = _read(candidate, layout) if kind == "good" else None
        if kind == "damaged" or (kind == "good" and found is None):
            damaged = f"the checkpoint {candidate.name} is damaged"
            _warn(comm, f"{damaged}; what was computed after the one before it is done again")
        elif found is not None:
            return found
    if damaged:
        _warn(comm, "no checkpoint can be read: this part of the run starts from its beginning")
    return None


def latest(layout: Layout, key: str, *paths: Path) -> State | None:
    """The checkpoint for ``key`` after most steps of the flow, or None. Collective."""
    found = [state for path in paths if (state := restore(path, layout, key)) is not None]
    return max(found, key=lambda state: int(state[1]["steps"]), default=None)


def forget(path: Path) -> None:
    """Delete the checkpoint and the one before it, where they are."""
    for one in (path, previous(path)):
        one.unlink(missing_ok=True)


def previous(path: Path) -> Path:
    """Where the checkpoint before the last one is kept."""
    return path.with_suffix(f".previous{path.suffix}")


def _put_text(file: "h5py.File", comm: MPI.Comm, text: str) -> None:
    """Each rank writes its share: with checksums, data can only be written together."""
    letters = np.frombuffer(text.encode(), dtype=np.uint8)
    start, stop = (len(letters) * rank // comm.size for rank in (comm.rank, comm.rank + 1))
    data = file.create_dataset("facts", letters.shape, dtype=letters.dtype, fletcher32=True)
    with data.collective:
        data[start:stop] = letters[start:stop]


def _blocks(layout: Layout, name: str) -> Blocks:
    return {"wall": layout.walls, "points": layout.points}.get(name.split("/")[0], layout.cells)


def _kind(path: Path, key: str | None) -> str:
    """Whether a checkpoint is good as far as its head tells, absent, of another key, damaged."""
    if not path.exists():
        return "absent"
    try:
        with h5py.File(path, "r", locking=False) as file:
            return "good" if key is None or str(file.attrs["key"]) == key else "other"
    except (OSError, KeyError, RuntimeError):
        return "damaged"


def _read(path: Path, layout: Layout) -> State | None:
    """The whole checkpoint, or None where any rank finds damage. Collective."""
    blocks: dict[str, Array] = {}
    facts, comm, whole = {}, layout.vessel.comm, True
    _ = layout.walls  # collective at first use, which must not happen on some ranks only
    try:
        with h5py.File(path, "r", driver="mpio", comm=comm) as file:
            facts = json.loads(bytes(file["facts"][()]).decode())
            for name in _datasets(file):
                rows = _blocks(layout, name)
                if len(file[name]) != rows.total:
                    raise CaseError(
                        "the checkpoint is of another mesh", where=str(path), do="delete it"
                    )
                blocks[name] = file[name][rows.start : rows.stop]
    except (OSError, KeyError, RuntimeError, ValueError):
        whole = False
    if not comm.allreduce(whole, MPI.LAND):
        return None
    cells = {name: _blocks(layout, name).from_file(block) for name, block in blocks.items()}
    return cells, facts


def _datasets(file: "h5py.File") -> list[str]:
    """The names of all arrays, in the same order on all ranks."""
    names: list[str] = []
    file.visititems(
        lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
    )
    return sorted(set(names) - {"facts"})


def _warn(comm: MPI.Comm, text: str) -> None:
    if comm.rank == 0:
        log.warning(text)
