"""Saving and restoring the state of a run, on any number of ranks; bitwise on the same number.

Fields are stored cell by cell in the order of `mesh.h5`, in double precision, so a state can be
read on other ranks. A checkpoint is written under a temporary name, flushed to disk and renamed;
a kill at any time leaves the previous one whole.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError
from solvers.layout import Layout

Array = NDArray[Any]


def save(
    path: Path, layout: Layout, key: str, cells: Mapping[str, Array], facts: Mapping[str, Any]
) -> None:
    """Write cell arrays (c, …), wall-facet arrays (names "wall/…") and plain ``facts``.
    Collective.
    """
    comm = layout.vessel.comm
    partial = path.with_suffix(".partial")
    if comm.rank == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
    comm.Barrier()
    with h5py.File(partial, "w", driver="mpio", comm=comm, libver=("v110", "v110")) as file:
        file.attrs["key"] = key
        text = np.frombuffer(json.dumps(dict(facts)).encode(), dtype=np.uint8)
        file.create_dataset("facts", data=text)
        for name, values in cells.items():
            blocks = layout.walls if name.startswith("wall/") else layout.cells
            block = blocks.to_file(np.ascontiguousarray(values))
            data = file.create_dataset(name, (blocks.total, *block.shape[1:]), dtype=block.dtype)
            with data.collective:
                data[blocks.start : blocks.stop] = block
    comm.Barrier()
    if comm.rank == 0:
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(path)
    comm.Barrier()


def restore(
    path: Path, layout: Layout, key: str | None
) -> tuple[dict[str, Array], dict[str, Any]] | None:
    """The arrays and facts of the checkpoint made for ``key`` (None: for any), or None.
    Collective.
    """
    comm = layout.vessel.comm
    if not comm.bcast(_fits(path, key) if comm.rank == 0 else None):
        return None
    cells: dict[str, Array] = {}
    with h5py.File(path, "r", driver="mpio", comm=comm) as file:
        facts = json.loads(bytes(file["facts"][()]).decode())
        names: list[str] = []
        file.visititems(
            lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None
        )
        for name in sorted(names):
            if name == "facts":
                continue
            blocks = layout.walls if name.startswith("wall/") else layout.cells
            if len(file[name]) != blocks.total:
                raise CaseError(
                    "the checkpoint is of another mesh", where=str(path), do="delete it"
                )
            cells[name] = blocks.from_file(file[name][blocks.start : blocks.stop])
    return cells, facts


def _fits(path: Path, key: str | None) -> bool:
    if not path.exists():
        return False
    try:
        with h5py.File(path, "r", locking=False) as file:
            return key is None or str(file.attrs["key"]) == key
    except (OSError, KeyError):
        return False
