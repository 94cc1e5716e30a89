"""One sparse matrix for all components of the velocity, and BiCGStab on them as columns.

The matrix is refilled at every step from cells; its rows stay where they are. All components
share the entries, so that one pass over the matrix serves three products.
"""

import ctypes
from functools import cached_property
from typing import Any

from mpi4py import MPI
from petsc4py import PETSc

import numpy as np
from dolfinx import la
from numpy.typing import NDArray
from scipy import sparse

from solvers import native
from solvers.elements.cells import Pattern, dirichlet_rows
from solvers.native import pointer

Array = NDArray[Any]
MOST = 300
"""Iterations after which BiCGStab is given up for a method with a long recurrence."""


class Columns:
    """The matrix A of a space for d right-hand sides at once; values at ``fixed`` dofs are given.

    Fill ``data`` (entries of this rank's cells), then `finish`, then `solve`. Rows of fixed dofs
    are filled too, and left out: what they say is the `reaction`.
    """

    def __init__(self, pattern: Pattern, fixed: Array, dim: int) -> None:
        self.pattern, self.space, self.dim = pattern, pattern.space, dim
        self.data = pattern.csr.data
        self.iterations = 0
        owned, starts, columns = self.space.owned, pattern.starts, pattern.columns
        self._starts = np.ascontiguousarray(starts[: owned + 1])
        entries = int(starts[owned])
        rows = np.repeat(np.arange(owned), np.diff(self._starts))
        self._columns = np.ascontiguousarray(columns[:entries])
        held = dirichlet_rows(self.space, fixed)[:owned]
        self._held = np.flatnonzero(held)
        self._free = np.flatnonzero(~held).astype(np.int32)
        self._zero = np.flatnonzero(held[rows])
        self._diagonal = np.flatnonzero(rows == self._columns).astype(np.int32)
        self._scale = np.zeros(owned)
        self._comm = self.space.map.comm
        width = pattern.csr.index_map(1)
        self._ghosted = [la.vector(width, dim) for _ in range(3)]
        self._work = [np.zeros(owned * dim) for _ in range(4)]
        self._loops = _Compiled(self) if dim == 3 and native.sweeps() else _Plain(self)

    def finish(self) -> None:
        """Sum entries over ranks. Collective."""
        if self._comm.size > 1:
            self.pattern.csr.scatter_reverse()
        self._loops.finish()

    def reaction(self, x: Array) -> Array:
        """A x in the rows of fixed dofs, 0 elsewhere (owned, d). Collective."""
        rows = self._held_matrix
        np.take(self.data, self._zero, out=rows.data)
        out = np.zeros((self.space.owned, self.dim))
        out[self._held] = rows @ self._spread(x)
        return out

    @cached_property
    def _held_matrix(self) -> Any:
        """The rows of fixed dofs, whose entries are taken from ``data`` when needed."""
        starts = np.concatenate([[0], np.cumsum(np.diff(self._starts)[self._held])])
        columns = self._columns[self._zero]
        width = len(self._ghosted[0].array) // self.dim
        entries = np.zeros(len(columns))
        return sparse.csr_matrix((entries, columns, starts), shape=(len(self._held), width))

    def _spread(self, x: Array) -> Array:
        """Owned values of ``x``, with the ghosts of the matrix's columns. Collective."""
        vector = self._ghosted[0]
        owned = self.space.owned * self.dim
        vector.array[:owned] = x[: self.space.owned].ravel()
        if self._comm.size > 1:
            vector.scatter_forward()
        return np.asarray(vector.array.reshape(-1, self.dim))

    def solve(self, b: Array, x: Array, tolerance: float) -> bool:
        """x (owned, d), a guess that is right at fixed dofs, becomes the solution of A x = b at
        all others, to a relative preconditioned residual. False if it could not. Collective.
        """
        return self._bicgstab(b, x, tolerance) or self._patient(b, x, tolerance)

    def _bicgstab(self, b: Array, x: Array, tolerance: float) -> bool:
        """As `solve`, or x as it was and False."""
        loops, total = self._loops, self._total
        size = self.space.owned * self.dim
        r, r0, v, t = self._work
        direction, half = self._ghosted[1], self._ghosted[2]
        p, s = direction.array, half.array
        now = self._spread(x).reshape(-1)
        square, known = total(loops.residual(b, now, r))
        goal = tolerance**2 * known
        r0[:] = r
        p[:size] = r
        rho, self.iterations = square, 0
        while not square <= goal:
            if self.iterations == MOST or not np.isfinite(square):
                return False
            self.iterations += 1
            self._forward(direction)
            _, along = total(loops.product(p, r0, v))
            if along == 0.0:
                return False
            alpha = rho / along
            square = total(loops.half_step(alpha, r, v, s))
            if square <= goal:
                now[:size] += alpha * p[:size]
                break
            self._forward(half)
            stretch, along = total(loops.product(s, s, t))
            omega = along / stretch if stretch > 0.0 else 0.0
            square, along = total(loops.full_step(alpha, omega, p, s, t, r0, now, r))
            if omega == 0.0:
                break
            beta, rho = along / rho * alpha / omega, along
            loops.turn(beta, omega, r, v, p)
        if square <= goal:
            x[: self.space.owned] = now[:size].reshape(-1, self.dim)
            return True
        return False

    def _forward(self, vector: la.Vector) -> None:
        if self._comm.size > 1:
            vector.scatter_forward()

    def _total(self, partial: Any) -> Any:
        return self._comm.allreduce(partial, MPI.SUM) if self._comm.size > 1 else partial

    def _patient(self, b: Array, x: Array, tolerance: float) -> bool:
        """By GMRES, column by column: short recurrences may break down at large steps."""
        space = self.space
        width = self.pattern.csr.index_map(1)
        sizes = (space.owned, space.map.size_global)
        entries, b = self.data[: len(self._columns)].copy(), b.reshape(-1, self.dim).copy()
        entries[self._zero] = 0.0
        entries[self._diagonal[self._held]] = 1.0
        b[self._held] = x[self._held]
        mat = PETSc.Mat().createAIJ(
            (sizes, sizes),
            csr=(
                self._starts.astype(np.int32),
                width.local_to_global(self._columns).astype(np.int32),
                entries,
            ),
            comm=self._comm,
        )
        ksp = PETSc.KSP().create(self._comm)
        ksp.setOperators(mat)
        ksp.setType("gmres")
        ksp.setGMRESRestart(100)
        ksp.getPC().setType("bjacobi")
        ksp.setTolerances(rtol=tolerance, atol=1e-50, max_it=2000)
        right, found = mat.createVecs()
        good = True
        for i in range(self.dim):
            right.array[:] = b[:, i]
            found.set(0.0)
            ksp.solve(right, found)
            x[: space.owned, i] = found.array
            self.iterations += ksp.getIterationNumber()
            good = good and ksp.getConvergedReason() > 0
        return good


class _Plain:
    """The loops of BiCGStab as array expressions."""

    def __init__(self, of: Columns) -> None:
        width = len(of._ghosted[0].array) // of.dim
        rows = (of.space.owned, width)
        entries = of.data[: len(of._columns)]
        self._matrix = sparse.csr_matrix((entries, of._columns, of._starts), shape=rows)
        self._matrix.data = entries
        self._scale, self._dim, self._size = of._scale[:, None], of.dim, of.space.owned * of.dim
        self._of = of

    def finish(self) -> None:
        of = self._of
        of._scale[of._free] = 1.0 / of.data[of._diagonal[of._free]]

    def _times(self, x: Array) -> Array:
        return np.asarray(self._matrix @ x.reshape(-1, self._dim))

    def residual(self, b: Array, x: Array, y: Array) -> Array:
        known = (self._scale * b.reshape(-1, self._dim)).ravel()
        y[:] = known - (self._scale * self._times(x)).ravel()
        return np.array([y @ y, known @ known])

    def product(self, x: Array, s: Array, y: Array) -> Array:
        y[:] = (self._scale * self._times(x)).ravel()
        return np.array([y @ y, y @ s[: self._size]])

    def half_step(self, alpha: float, r: Array, v: Array, s: Array) -> float:
        left = r - alpha * v
        s[: self._size] = left
        return float(left @ left)

    def full_step(
        self,
        alpha: float,
        omega: float,
        p: Array,
        s: Array,
        t: Array,
        r0: Array,
        x: Array,
        r: Array,
    ) -> Array:
        n = self._size
        x[:n] += alpha * p[:n] + omega * s[:n]
        r[:] = s[:n] - omega * t
        return np.array([r @ r, r @ r0])

    def turn(self, beta: float, omega: float, r: Array, v: Array, p: Array) -> None:
        n = self._size
        p[:n] = r + beta * (p[:n] - omega * v)


class _Compiled:
    """The same loops, compiled."""

    def __init__(self, of: Columns) -> None:
        library = native.sweeps()
        assert library is not None
        self._library, self._out = library, np.zeros(2)
        free = ctypes.c_int64(len(of._free)), pointer(of._free)
        self._size = ctypes.c_int64(of.space.owned * of.dim)
        parts = (of._starts, of._columns, of.data, of._scale)
        self._matrix = (*free, *(pointer(part) for part in parts))
        self._finish = (*free, *(pointer(part) for part in (of._diagonal, of.data, of._scale)))
        self._alive = (*parts, of._free, of._diagonal)

    def finish(self) -> None:
        self._library.find_scale(*self._finish)

    def residual(self, b: Array, x: Array, y: Array) -> Array:
        self._library.residual(
            *self._matrix, pointer(b), pointer(x), pointer(y), pointer(self._out)
        )
        return self._out.copy()

    def product(self, x: Array, s: Array, y: Array) -> Array:
        self._library.product(
            *self._matrix, pointer(x), pointer(s), pointer(y), pointer(self._out)
        )
        return self._out.copy()

    def half_step(self, alpha: float, r: Array, v: Array, s: Array) -> float:
        of = pointer(r), pointer(v), pointer(s)
        return float(self._library.half_step(self._size, ctypes.c_double(alpha), *of))

    def full_step(
        self,
        alpha: float,
        omega: float,
        p: Array,
        s: Array,
        t: Array,
        r0: Array,
        x: Array,
        r: Array,
    ) -> Array:
        self._library.full_step(
            self._size,
            ctypes.c_double(alpha),
            ctypes.c_double(omega),
            *(pointer(a) for a in (p, s, t, r0, x, r, self._out)),
        )
        return self._out.copy()

    def turn(self, beta: float, omega: float, r: Array, v: Array, p: Array) -> None:
        self._library.turn(
            self._size,
            ctypes.c_double(beta),
            ctypes.c_double(omega),
            *(pointer(a) for a in (r, v, p)),
        )
