"""Linear solvers by purpose, with named tolerances; a solve that fails is an error, never a
warning.
"""

from typing import Any, Literal

from mpi4py import MPI
from petsc4py import PETSc

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from core.errors import Diverged
from solvers.algebra import cholesky
from solvers.algebra.cholesky import Cholesky
from solvers.elements.cells import Matrix, Pattern
from solvers.elements.kernels import stiffness

Array = NDArray[Any]

# Where PETSc may take these products by BLAS it does so only if the vectors lie evenly in memory:
# the last digits would change from run to run.
for product in ("vec_mdot_use_gemv", "vec_maxpy_use_gemv"):
    PETSc.Options().setValue(product, False)
PETSc.Options().setValue("options_left", False)  # and no word at the end if it did not come to it

Tolerances = Literal["standard", "tight"]
RELATIVE = {
    "standard": {"velocity": 1e-5, "pressure": 1e-7, "scalar": 1e-10},
    "tight": {"velocity": 1e-12, "pressure": 1e-13, "scalar": 1e-13},
}
WORKSPACE = 200
DIRECT_BELOW = 2_000_000
"""Unknowns up to which a factor that is kept beats multigrid in a vessel."""
SINGLE_FROM, SINGLE_CONTRAST = 1e-8, 1e3
"""Tolerance from which, and ratio of mobilities up to which, single precision is enough."""
MOST_LOST = 1e-4
"""Share of the right-hand side's size up to which its lost sum is simply given back."""
REFINEMENTS = 3
"""Solves of what is left, each of which gains three digits or more."""


class Solver:
    """One PETSc solver for one matrix; the preconditioner follows the matrix when told."""

    def __init__(self, name: str, mat: PETSc.Mat, kind: str, tolerance: float) -> None:
        self.name, self._mat, self._kind, self.tolerance = name, mat, kind, tolerance
        self.iterations = 0
        self._create()

    def _create(self) -> None:
        self.ksp = PETSc.KSP().create(self._mat.comm)
        self.ksp.setOperators(self._mat)
        getattr(self, f"_{self._kind}")()
        self.ksp.setTolerances(rtol=self.tolerance, atol=1e-50, max_it=1000)

    def _steady(self) -> None:
        """Advection without a time step: streamlines make an incomplete factor a good one.

        Not a direct factor: that of several ranks differs in its last digits from run to run.
        """
        self.ksp.setType("gmres")
        self.ksp.setGMRESRestart(100)
        self.ksp.getPC().setType("bjacobi")

    def _cholesky(self) -> None:
        """Symmetric, and solved many times with one matrix: a direct factor that is kept."""
        self.ksp.setType("preonly")
        self._factor("cholesky")

    def _multigrid(self) -> None:
        """Symmetric and large: conjugate gradients with smoothed aggregation."""
        self.ksp.setType("cg")
        self.ksp.getPC().setType("gamg")
        self.ksp.setInitialGuessNonzero(True)

    def _factor(self, kind: str) -> None:
        pc = self.ksp.getPC()
        pc.setType(kind)
        pc.setFactorSolverType("mumps")
        pc.setFactorSetUpSolverType()
        # room beyond its own estimate [%]: pivots on several ranks may need it
        pc.getFactorMatrix().setMumpsIcntl(14, WORKSPACE)

    def refactor(self) -> None:
        """The matrix changed: build the preconditioner anew at the next solve.

        Multigrid is made from nothing, else a run that goes on would differ from one that began
        here in its last digits.
        """
        if self._kind == "multigrid":
            self._create()
        self.ksp.setOperators(self._mat)

    def solve(self, b: PETSc.Vec, x: PETSc.Vec, where: str = "") -> None:
        """x ← A⁻¹ b. Raises `Diverged`. Collective."""
        # values written through their arrays leave PETSc with the norms of the old ones
        b.stateIncrease()
        x.stateIncrease()
        self.ksp.solve(b, x)
        self.iterations = self.ksp.getIterationNumber()
        reason = int(self.ksp.getConvergedReason())
        if reason < 0 or x.norm() != x.norm():
            raise Diverged(
                f"the {self.name} solve failed after {self.iterations} iterations: "
                f"{_reason(reason)}",
                where=where,
                do="try a smaller time step (flow.scheme.dt) or a finer mesh; "
                "the last checkpoint is kept",
            )


def symmetric_kind(unknowns: int, ranks: int) -> str:
    """The kind of solver for a symmetric matrix that is used again and again.

    A direct factor on several ranks would differ in its last digits from run to run.
    """
    return "cholesky" if ranks == 1 and unknowns <= DIRECT_BELOW else "multigrid"


class Poisson:
    """∇·(m∇p) = r for one mobility m a cell, solved again and again.

    The operator is made for m over its largest value: where m is uniform, a change of it costs
    nothing. With no imposed pressure p is known up to a constant, and has mean 0.

    A factor in single precision leaves a residual of 1e-7 |A| |p|, the sum of which would be a
    loss of mass: Σ r = Σ b − (A 1)·p is known in double precision from the few rows at imposed
    pressures, and a smooth field takes it out.
    """

    def __init__(self, pattern: Pattern, fixed: Array, tolerance: float) -> None:
        self.pattern, self.iterations, self._fixed = pattern, 0, fixed
        space = pattern.space
        self._comm = space.map.comm
        self._scale = 1.0
        self._weights: Array = np.zeros(0)
        self._closure: tuple[Array, Array, Array] | None = None
        self._r, self._x = space.vector(), space.vector()
        enclosed = self._comm.allreduce(len(fixed), MPI.SUM) == 0
        self._nullspace: Any = None
        self._factor: Cholesky | None = None
        self._rough = tolerance >= SINGLE_FROM
        # no rank may go its own way: a compiler may be missing on one node only
        good = cholesky.available() and space.map.size_global <= DIRECT_BELOW and not enclosed
        if self._comm.allreduce(good, MPI.LAND):
            self._factor = cholesky.made(pattern, fixed, single=self._rough)
            if self._factor is not None:
                return
        self._matrix = Matrix(space, fixed, symmetric=True, pattern=pattern)
        self._solver = Solver("pressure", self._matrix.mat, "multigrid", tolerance)
        if enclosed:
            self._nullspace = PETSc.NullSpace().create(constant=True, comm=self._comm)
            self._matrix.mat.setNullSpace(self._nullspace)

    def set_mobility(self, mobility: Array) -> None:
        """Make the operator for m (c). Collective."""
        self._scale = float(self._comm.allreduce(float(mobility.max(initial=0.0)), MPI.MAX))
        weights = mobility / self._scale
        same = len(weights) == len(self._weights) and np.allclose(
            weights, self._weights, rtol=1e-14, atol=0.0
        )
        if self._comm.allreduce(bool(same), MPI.LAND):
            return
        self._weights = weights
        if self._factor is None:
            self._matrix.fill(self._cells)
            self._solver.refactor()
            return
        least = self._comm.allreduce(float(weights.min(initial=1.0)), MPI.MIN)
        single = self._rough and least * SINGLE_CONTRAST >= 1.0
        if single != self._factor.single:
            self._factor = Cholesky(self.pattern, self._fixed, single=single)
        entries = self.pattern.assembled(self._cells)
        self._factor.factor(entries)
        self._closure = self._close(entries) if single else None

    def _close(self, entries: Array) -> tuple[Array, Array, Array]:
        """A, A 1, and a field whose residual has the sum 1. Collective."""
        self._closure = None
        owned, free = self.pattern.space.owned, np.ones(self.pattern.space.local)
        free[self._fixed] = 0.0
        sums = free * self._times(entries, free)
        field = self.solve(free * self._scale, free, "balance of the pressure")
        whole = self._comm.allreduce(float(sums[:owned] @ field[:owned]), MPI.SUM)
        return entries, sums, field / whole

    def _balance(self, b: Array, x: Array) -> None:
        """Take out the sum of what x leaves of b; first solve for what it leaves where much of b
        is lost, as after a sudden start. Collective.
        """
        assert self._closure is not None
        assert self._factor is not None
        entries, sums, field = self._closure
        owned = self.pattern.space.owned
        for more in range(REFINEMENTS, -1, -1):
            here = np.array([b[:owned].sum() - sums[:owned] @ x[:owned], np.abs(b[:owned]).sum()])
            lost, size = self._comm.allreduce(here)
            if abs(lost) <= MOST_LOST * size or not more:
                break
            left = b - self._times(entries, x)
            left[self._fixed] = 0.0
            added = np.zeros_like(x)
            self._factor.solve(left, added)
            x += added
        x += lost * field

    def _times(self, entries: Array, x: Array) -> Array:
        """A x (points) for this rank's ``entries``, fixed points not apart. Collective."""
        pattern, space = self.pattern, self.pattern.space
        shape = (space.local, max(space.local, int(pattern.columns.max(initial=0)) + 1))
        matrix = sparse.csr_matrix((entries, pattern.columns, pattern.starts), shape=shape)
        return np.array(space.sum(matrix[:, : space.local] @ x))

    def _cells(self, cells: slice) -> Array:
        """Stiffness of some cells (n, n, ·)."""
        return stiffness(self.pattern.space, self._weights[cells], cells)

    def solve_well(self, r: Array, where: str) -> Array:
        """As `solve`, with what a factor in single precision leaves solved for again: for few
        solves that much depends on.
        """
        x = self.solve(r, np.zeros_like(r), where)
        if self._factor is None or not self._factor.single:
            return x
        assert self._closure is not None
        for _ in range(REFINEMENTS):
            left = r - self._scale * self._times(self._closure[0], x)
            x += self.solve(left, np.zeros_like(r), where)
        return x

    def solve(self, r: Array, guess: Array, where: str) -> Array:
        """p (points), 0 at the imposed ones, for r (points) summed over ranks. Raises `Diverged`.
        Collective.
        """
        b, x = self._r.x, self._x.x
        b.array[:] = r
        b.array[self._fixed] = 0.0
        b.array[:] /= self._scale
        if self._factor is not None:
            self._factor.solve(b.array, x.array)
            if self._closure is not None:
                self._balance(b.array, x.array)
        else:
            x.array[:] = guess
            if self._nullspace is not None:
                self._nullspace.remove(b.petsc_vec)
            self._solver.solve(b.petsc_vec, x.petsc_vec, where)
            self.iterations = self._solver.iterations
        x.scatter_forward()
        return np.array(x.array)


def _reason(code: int) -> str:
    names = {
        -3: "too many iterations",
        -4: "residual grew",
        -5: "breakdown",
        -9: "NaN or Inf",
        -11: "preconditioner failed",
    }
    return names.get(code, f"PETSc reason {code}")
