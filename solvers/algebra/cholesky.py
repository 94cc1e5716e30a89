"""A direct solver that is kept, on few ranks: sparse factors of the parts, a dense one of what
they share.

Each rank factors its part of the matrix (the sum over its own cells) with the unknowns that it
shares last; forward substitution gives each part's load on the shared unknowns Γ,

    S x_Γ = b_Γ − Σ_r A_ΓI A_II⁻¹ b_I,     S = Σ_r (A_ΓΓ − A_ΓI A_II⁻¹ A_IΓ)

and with x_Γ known backward substitution gives the rest. One forward and one backward pass a solve
on any number of ranks, and the same digits every time. S is dense and on every rank: vessels are
long and thin, so that parts share little.
"""

import ctypes
import weakref
from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, sparse

from core.errors import Diverged
from solvers import native
from solvers.elements.cells import Pattern
from solvers.native import pointer

Array = NDArray[Any]
MOST_SHARED = 3000
"""Shared unknowns up to which the dense factor on every rank is cheap (70 MB, 15 ms a solve)."""


class Cholesky:
    """Factor of a symmetric positive definite matrix over ``pattern``; rows and columns of the
    ``fixed`` dofs are the identity's; kept in ``single`` precision it takes half the memory and
    time, and solves to a residual of 1e-7 |A| |x|. Collective, as are its methods.
    """

    def __init__(self, pattern: Pattern, fixed: Array, *, single: bool = False) -> None:
        library = native.cholesky(single=single)
        assert library is not None
        self.single = single
        self._library, self._pattern = library, pattern
        self._comm = pattern.space.map.comm
        self._number(fixed)
        if self.shared > MOST_SHARED:
            raise MemoryError(f"the parts share {self.shared} unknowns")
        self._restrict(fixed)
        sizes = (ctypes.c_int32(len(self._dofs)), ctypes.c_int32(len(self._border)))
        handle = library.cholesky_new(*sizes, pointer(self._starts), pointer(self._columns))
        self._handle = ctypes.c_void_p(handle)
        if handle:
            weakref.finalize(self, library.cholesky_free, self._handle)
        if not self._comm.allreduce(bool(handle), MPI.LAND):
            raise MemoryError("no memory for a direct factor")
        self._b, self._x = np.zeros(len(self._dofs)), np.zeros(len(self._dofs))
        self._left = np.zeros(len(self._border))

    def _number(self, fixed: Array) -> None:
        """Order this rank's dofs, shared ones last, and number the shared ones over all ranks."""
        space = self._pattern.space
        used = np.zeros(space.local)
        used[space.dofs] = 1.0
        parts = np.array(space.sum(used))
        parts[fixed] = 1.0
        mine = np.unique(space.dofs)
        shared = mine[parts[mine] > 1.5]
        self._dofs = np.concatenate([np.setdiff1d(mine, shared), shared])
        names = space.map.local_to_global(shared.astype(np.int32))
        everyone = np.unique(np.concatenate(self._comm.allgather(names)))
        self.shared = len(everyone)
        self._border = np.searchsorted(everyone, names)
        self._border_dofs = shared
        owners = np.zeros(self.shared)
        owners[self._border] = 1.0
        self._owners = self._comm.allreduce(owners)

    def _restrict(self, fixed: Array) -> None:
        """The pattern of this rank's part in the new order."""
        local = self._pattern.space.local
        entries = np.arange(1.0, len(self._pattern.columns) + 1.0)
        width = max(local, int(self._pattern.columns.max(initial=0)) + 1)
        whole = sparse.csr_matrix(
            (entries, self._pattern.columns, self._pattern.starts), shape=(local, width)
        )
        part = whole[self._dofs][:, self._dofs].tocsr()
        part.sort_indices()
        self._starts = part.indptr.astype(np.int32)
        self._columns = part.indices.astype(np.int32)
        self._entries = np.rint(part.data).astype(np.int64) - 1
        held = np.isin(self._dofs, fixed)
        rows = np.repeat(np.arange(len(self._dofs)), np.diff(self._starts))
        self._zero = held[rows] | held[self._columns]
        self._one = held[rows] & (rows == self._columns)

    def factor(self, entries: Array) -> None:
        """Factor anew; ``entries`` are sums over this rank's cells. Raises `Diverged`."""
        values = entries[self._entries]
        values[self._zero] = 0.0
        values[self._one] = 1.0
        n = len(self._border)
        schur = np.zeros((n, n))
        failed = self._library.cholesky_factor(self._handle, pointer(values), pointer(schur))
        if self._comm.allreduce(bool(failed), MPI.LOR):
            raise Diverged(
                "a symmetric operator has no Cholesky factor",
                do="too little memory, or cells without volume: look at the mesh with inspect",
            )
        if not self.shared:
            return
        whole = np.zeros((self.shared, self.shared))
        whole[np.ix_(self._border, self._border)] = schur
        self._comm.Allreduce(MPI.IN_PLACE, whole)
        try:
            # symmetric: its transpose is the layout that LAPACK takes without a copy
            self._dense = linalg.cho_factor(
                whole.T, lower=True, overwrite_a=True, check_finite=False
            )
        except linalg.LinAlgError as error:
            raise Diverged("what the ranks share has no Cholesky factor") from error

    def solve(self, b: Array, x: Array) -> None:
        """x (dofs) ← A⁻¹ b for b (dofs) summed over ranks and 0 at fixed dofs."""
        self._b[:] = b[self._dofs]
        left = self._left
        failed = self._library.cholesky_forward(self._handle, pointer(self._b), pointer(left))
        known = np.zeros(0)
        if self.shared:
            total = np.zeros(self.shared)
            total[self._border] = left + b[self._border_dofs] / self._owners[self._border]
            self._comm.Allreduce(MPI.IN_PLACE, total)
            found = linalg.cho_solve(self._dense, total, check_finite=False)
            known = np.ascontiguousarray(found[self._border])
        failed |= self._library.cholesky_backward(self._handle, pointer(known), pointer(self._x))
        if self._comm.allreduce(bool(failed), MPI.LOR):
            raise MemoryError("no memory for a solve with a direct factor")
        x[self._dofs] = self._x


def available() -> bool:
    """Whether direct factors can be made on this rank."""
    return native.cholesky() is not None and native.cholesky(single=True) is not None


def made(pattern: Pattern, fixed: Array, *, single: bool = False) -> Cholesky | None:
    """The solver, or None where it would take too much memory. Collective."""
    try:
        return Cholesky(pattern, fixed, single=single)
    except MemoryError:  # on all ranks alike
        return None
