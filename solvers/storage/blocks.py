"""Moving values between the solver's distribution and the order of the file.

In files, cell, point and facet i is row i of `mesh.h5`, whatever the ranks were; each rank writes
and reads one contiguous block of rows.
"""

from typing import Any

from mpi4py import MPI

import h5py
import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError

Array = NDArray[Any]
CHUNK = 1 << 20
"""Bytes that share a checksum."""


class Blocks:
    """The exchange between owned entities (given by their rows) and equal blocks of ``total``
    rows.
    """

    def __init__(self, comm: MPI.Comm, rows: Array, total: int) -> None:
        self.comm, self.total = comm, total
        self._edges = np.array([total * r // comm.size for r in range(comm.size + 1)])
        target = np.searchsorted(self._edges, rows, side="right") - 1
        self._order = np.argsort(target, kind="stable")
        self._send = np.bincount(target, minlength=comm.size)
        self._receive = np.empty_like(self._send)
        comm.Alltoall(self._send, self._receive)
        arrived = self._exchange(
            np.asarray(rows, dtype=np.int64)[self._order], self._send, self._receive
        )
        self._place = arrived - self.start

    @property
    def start(self) -> int:
        """First row of this rank's block."""
        return int(self._edges[self.comm.rank])

    @property
    def stop(self) -> int:
        """One past the last row of this rank's block."""
        return int(self._edges[self.comm.rank + 1])

    def to_file(self, values: Array) -> Array:
        """This rank's block (rows, …) of the values (owned, …) of all ranks. Collective."""
        arrived = self._exchange(
            np.ascontiguousarray(values[self._order]), self._send, self._receive
        )
        block = np.zeros((self.stop - self.start, *values.shape[1:]), dtype=values.dtype)
        block[self._place] = arrived
        return block

    def from_file(self, block: Array) -> Array:
        """The values (owned, …) from this rank's block (rows, …). Collective."""
        arrived = self._exchange(
            np.ascontiguousarray(block[self._place]), self._receive, self._send
        )
        values = np.empty_like(arrived)
        values[self._order] = arrived
        return values

    def _exchange(self, values: Array, send: Array, receive: Array) -> Array:
        width = int(np.prod(values.shape[1:], dtype=int))
        out = np.empty((int(receive.sum()), *values.shape[1:]), dtype=values.dtype)
        kind = MPI._typedict[values.dtype.char]
        self.comm.Alltoallv([values, send * width, kind], [out, receive * width, kind])
        return out


def put(
    group: "h5py.Group", name: str, blocks: Blocks, values: Array, *, flat: bool = False
) -> None:
    """A new dataset of the values (owned, …) in the order of the file. Collective.

    HDF5 keeps a checksum of every chunk, so damage is an error where it is read.
    """
    if 0 < blocks.total < blocks.comm.size:
        raise CaseError(
            f"the mesh is too small for {blocks.comm.size} ranks", do="use fewer (--ranks)"
        )
    block = blocks.to_file(np.ascontiguousarray(values))
    width = block.shape[1] if flat else 1
    shape = (blocks.total * width,) if flat else (blocks.total, *block.shape[1:])
    rows = max(1, CHUNK // max(1, block.dtype.itemsize * int(np.prod(shape[1:], dtype=int))))
    chunks = (min(rows, shape[0]), *shape[1:])
    checked = {"chunks": chunks, "fletcher32": True} if shape[0] else {}
    data = group.create_dataset(name, shape, dtype=block.dtype, **checked)
    with data.collective:
        data[blocks.start * width : blocks.stop * width] = block.reshape(-1) if flat else block
