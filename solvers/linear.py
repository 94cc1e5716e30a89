"""Linear solvers by purpose, with named tolerances; a solve that fails is an error, never a
warning.
"""

from typing import Any, Literal

from petsc4py import PETSc

from core.errors import Diverged

# Where PETSc may take these products by BLAS it does so only if the vectors lie evenly in memory:
# the last digits would change from run to run.
for product in ("vec_mdot_use_gemv", "vec_maxpy_use_gemv"):
    PETSc.Options().setValue(product, False)

Tolerances = Literal["standard", "tight"]
RELATIVE = {
    "standard": {"velocity": 1e-6, "pressure": 1e-7, "scalar": 1e-10},
    "tight": {"velocity": 1e-12, "pressure": 1e-13, "scalar": 1e-13},
}
WORKSPACE = 200
DIRECT_BELOW = 120_000
"""Unknowns up to which a factor that is kept beats multigrid for a long thin vessel."""


class Solver:
    """One PETSc solver for one matrix; the preconditioner follows the matrix when told."""

    _patient: Any = None
    """A second solver, for where the first fails."""

    def __init__(self, name: str, mat: PETSc.Mat, kind: str, tolerance: float) -> None:
        self.name = name
        self.ksp = PETSc.KSP().create(mat.comm)
        self.ksp.setOperators(mat)
        self.tolerance = tolerance
        getattr(self, f"_{kind}")()
        self.ksp.setTolerances(rtol=tolerance, atol=1e-50, max_it=1000)
        self.iterations = 0

    def _advection(self) -> None:
        """Mass-dominated and non-symmetric: the velocity of one small time step."""
        self.ksp.setType("bcgs")
        self.ksp.getPC().setType("jacobi")
        self.ksp.setInitialGuessNonzero(True)
        self._patient = PETSc.KSP().create(self.ksp.comm)
        self._patient.setOperators(self.ksp.getOperators()[0])
        self._long_recurrence(self._patient)
        self._patient.setTolerances(rtol=self.tolerance, atol=1e-50, max_it=2000)

    def _steady(self) -> None:
        """Advection without a time step: streamlines make an incomplete factor a good one.

        Not a direct factor: that of several ranks differs in its last digits from run to run.
        """
        self._long_recurrence(self.ksp)

    @staticmethod
    def _long_recurrence(ksp: PETSc.KSP) -> None:
        ksp.setType("gmres")
        ksp.setGMRESRestart(100)
        ksp.getPC().setType("bjacobi")

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
        """The matrix changed: build the preconditioner anew at the next solve."""
        self.ksp.setOperators(self.ksp.getOperators()[0])
        if self._patient is not None:
            self._patient.setOperators(self.ksp.getOperators()[0])

    def _attempt(self, ksp: PETSc.KSP, b: PETSc.Vec, x: PETSc.Vec) -> int:
        ksp.solve(b, x)
        self.iterations = ksp.getIterationNumber()
        return int(ksp.getConvergedReason())

    def solve(self, b: PETSc.Vec, x: PETSc.Vec, where: str = "") -> None:
        """x ← A⁻¹ b. Raises `Diverged`. Collective."""
        # values written through their arrays leave PETSc with the norms of the old ones
        b.stateIncrease()
        x.stateIncrease()
        reason = self._attempt(self.ksp, b, x)
        if reason < 0 and self._patient is not None:
            # short recurrences may break down at large steps; a long one starts afresh
            x.set(0.0)
            reason = self._attempt(self._patient, b, x)
        if reason < 0 or x.norm() != x.norm():
            raise Diverged(
                f"the {self.name} solve failed after {self.iterations} iterations: "
                f"{_reason(reason)}",
                where=where,
                do="try a smaller time step (flow.scheme.dt) or a finer mesh; "
                "the last checkpoint is kept",
            )


def symmetric_kind(unknowns: int) -> str:
    """The kind of solver for a symmetric matrix that is used again and again."""
    return "cholesky" if unknowns <= DIRECT_BELOW else "multigrid"


def _reason(code: int) -> str:
    names = {
        -3: "too many iterations",
        -4: "residual grew",
        -5: "breakdown",
        -9: "NaN or Inf",
        -11: "preconditioner failed",
    }
    return names.get(code, f"PETSc reason {code}")
