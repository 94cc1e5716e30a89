"""Linear systems of velocity and pressure together: a direct factor, or FGMRES with blocks.

    [F  G] [δu]   [r]
    [D  0] [δp] = [s]

F: momentum, with drag and convection; G = ∇, D = −∇·. The block preconditioner is the upper
triangle of the factors, with a few GMRES iterations (incomplete factor) on Picard's F of one
component, and for the Schur complement Σ = −D F⁻¹ G what it is where viscosity, drag and inertia,
or convection rules:

    Σ⁻¹ ≈ −(M_{1/μ}⁻¹ + C⁻¹ + L⁻¹ N M⁻¹)

M: mass of the pressure; C = D W⁻¹ G with W the diagonal of ∫ (d + 3ρ/2Δt + μ/H²) φφ, H the size
of the domain: Darcy's pressure operator with its jumps; L the same for W of ∫ φφ;
N = ρ ∫ w·∇p q − ρ ∮ (w·n)₋ p q.

Sources: Cahouet & Chabat 1988 (sum); Elman, Silvester & Wathen 2014 (convection–diffusion).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from petsc4py import PETSc

from dolfinx import fem
from dolfinx.fem import petsc as fem_petsc

from core.errors import Diverged
from solvers.algebra.linear import WORKSPACE, Solver, symmetric_kind

DIRECT_BELOW = {2: 1_000_000, 3: 6_000}
"""Unknowns up to which a direct factor beats the blocks, by dimension."""
MOST, RESTART = 200, 100
"""Most iterations, and those before a restart."""
INNER, SWEEPS = 0.1, 50
"""Relative residual and most iterations on F within one application of the preconditioner."""


@dataclass(frozen=True)
class Parts:
    """The forms of the block preconditioner, scalar ones: for a component of the velocity its
    ``momentum``, ``reaction`` and mass ``unit``, with the boundary conditions ``fixed``; for the
    pressure the masses ``viscous`` (over μ) and ``mass``, and ``carried`` (N), None without it.
    """

    momentum: Any
    reaction: Any
    unit: Any
    viscous: Any
    mass: Any
    carried: Any
    fixed: list[Any]
    pinned: list[int]


class Saddle:
    """The solver for one pair of spaces; `assemble` follows the state, `solve` gives δu, δp."""

    def __init__(
        self,
        forms: list[list[Any]],
        newton: Any,
        bcs: list[Any],
        *,
        parts: Parts | None,
    ) -> None:
        self.direct, self._bcs, self._newton = parts is None, bcs, newton
        self._forms = [[None if f is None else fem.form(f) for f in row] for row in forms]
        create = fem_petsc.create_matrix_block if self.direct else fem_petsc.create_matrix_nest
        self._matrix = create(self._forms)
        self.ksp = PETSc.KSP().create(self._matrix.comm)
        pc = self.ksp.getPC()
        if parts is None:
            self.ksp.setType("preonly")
            self._whole = self._matrix.createVecs()
            self.ksp.setOperators(self._matrix)
            pc.setType("lu")
            pc.setFactorSolverType("mumps")
            pc.setFactorSetUpSolverType()
            pc.getFactorMatrix().setMumpsIcntl(14, WORKSPACE)
        else:
            self.ksp.setType("fgmres")
            self.ksp.setGMRESRestart(RESTART)
            self._blocks = _Blocks(parts)
            pc.setType("python")
            pc.setPythonContext(self._blocks)

    @cached_property
    def _tangent(self) -> list[list[Any]]:
        """The forms with Newton's first block: compiled where it is needed first."""
        (_, G), last = self._forms
        return [[fem.form(self._newton), G], last]

    def assemble(self, *, newton: bool) -> None:
        """Fill the matrix for the present state of the forms' coefficients. Collective."""
        forms = self._tangent if newton else self._forms
        self._matrix.zeroEntries()
        if self.direct:
            fem_petsc.assemble_matrix_block(self._matrix, forms, bcs=self._bcs)
        else:
            fem_petsc.assemble_matrix_nest(self._matrix, forms, bcs=self._bcs)
        self._matrix.assemble()
        self.ksp.setOperators(self._matrix)
        if not self.direct:
            self._blocks.follow(self._matrix)

    def solve(self, residual: tuple[Any, Any], change: tuple[Any, Any], tolerance: float) -> int:
        """Solve for ``change`` (fields of u, p) to a relative residual; gives the iterations.
        Raises `Diverged`. Collective.
        """
        self.ksp.setTolerances(rtol=tolerance, atol=1e-50, max_it=MOST)
        vectors = [[f.x.petsc_vec for f in pair] for pair in (residual, change)]
        for vector in [*vectors[0], *vectors[1]]:
            vector.stateIncrease()
        b, x = (PETSc.Vec().createNest(pair) for pair in vectors)
        if self.direct:
            whole_x, whole_b = self._whole
            _copy_whole(b, whole_b)
            self.ksp.solve(whole_b, whole_x)
            _copy_nest(whole_x, x)
        else:
            x.set(0.0)
            self.ksp.solve(b, x)
        for field in change:
            field.x.scatter_forward()
        reason = self.ksp.getConvergedReason()
        if reason < 0 or x.norm() != x.norm():
            raise Diverged(
                f"the coupled solve failed after {self.ksp.getIterationNumber()} iterations "
                f"(PETSc reason {reason})",
                do="try a smaller time step (flow.scheme.dt) or a finer mesh",
            )
        return int(self.ksp.getIterationNumber())


def _copy_whole(nest: PETSc.Vec, whole: PETSc.Vec) -> None:
    u, p = nest.getNestSubVecs()
    split = u.getLocalSize()
    whole.array[:split], whole.array[split:] = u.array_r, p.array_r


def _copy_nest(whole: PETSc.Vec, nest: PETSc.Vec) -> None:
    u, p = nest.getNestSubVecs()
    split = u.getLocalSize()
    u.array[:], p.array[:] = whole.array_r[:split], whole.array_r[split:]


class _Blocks:
    """The block preconditioner: a PETSc python context."""

    def __init__(self, parts: Parts) -> None:
        self._fixed, self._pinned = parts.fixed, parts.pinned
        self._momentum, self._reaction = fem.form(parts.momentum), fem.form(parts.reaction)
        self._unit, self._viscous = fem.form(parts.unit), fem.form(parts.viscous)
        self._mass = fem.form(parts.mass)
        self._carried = None if parts.carried is None else fem.form(parts.carried)
        self._A = fem_petsc.create_matrix(self._momentum)
        self._b, self._x = self._A.createVecs()
        self._velocity = PETSc.KSP().create(self._A.comm)
        self._velocity.setOperators(self._A)
        self._velocity.setType("gmres")
        self._velocity.setTolerances(rtol=INNER, atol=1e-50, max_it=SWEEPS)
        self._velocity.getPC().setType("bjacobi")
        self._constant: tuple[Solver, Solver] | None = None
        self.sweeps = 0

    def follow(self, nest: PETSc.Mat) -> None:
        """Take the blocks of an assembled matrix, and prepare their inverses. Collective."""
        self._G, self._D = nest.getNestSubMatrix(0, 1), nest.getNestSubMatrix(1, 0)
        self._w = self._G.createVecLeft()
        self._p, self._q = self._D.createVecLeft(), self._D.createVecLeft()
        self._dragged = self._laplacian(self._reaction)
        self._sheared = _symmetric(self._assembled(self._viscous))
        if self._carried is not None:
            if self._constant is None:
                mass = _symmetric(self._assembled(self._mass))
                self._constant = self._laplacian(self._unit), mass
            self._N = self._assembled(self._carried)
        self._fill(self._momentum)
        self._velocity.setOperators(self._A)

    def _fill(self, form: Any) -> None:
        self._A.zeroEntries()
        fem_petsc.assemble_matrix(self._A, form, bcs=self._fixed)
        self._A.assemble()

    def _assembled(self, form: Any) -> PETSc.Mat:
        matrix = fem_petsc.assemble_matrix(form)
        matrix.assemble()
        return matrix

    def _laplacian(self, form: Any) -> Solver:
        """D W⁻¹ G for the diagonal W of ``form``. Collective."""
        self._fill(form)
        diagonal, weight = self._A.getDiagonal(), self._w.duplicate()
        for i in range(weight.getBlockSize()):
            weight.array[i :: weight.getBlockSize()] = 1.0 / diagonal.array_r
        scaled = self._G.copy()
        scaled.diagonalScale(weight)
        matrix = self._D.matMult(scaled)
        matrix.zeroRowsColumns(self._pinned, 1.0)
        return _symmetric(matrix)

    def _solve_velocity(self, r: PETSc.Vec, u: PETSc.Vec) -> None:
        width = r.getBlockSize()
        for i in range(width):
            self._b.array[:] = r.array_r[i::width]
            self._velocity.solve(self._b, self._x)
            u.array[i::width] = self._x.array_r
            self.sweeps += self._velocity.getIterationNumber()

    def apply(self, pc: PETSc.PC, x: PETSc.Vec, y: PETSc.Vec) -> None:  # noqa: ARG002
        """y ≈ A⁻¹ x. Collective."""
        (r, s), (u, p) = x.getNestSubVecs(), y.getNestSubVecs()
        self._dragged.ksp.solve(s, p)
        self._sheared.ksp.solve(s, self._p)
        p.axpy(1.0, self._p)
        if self._constant is not None:
            laplacian, mass = self._constant
            mass.ksp.solve(s, self._p)
            self._N.mult(self._p, self._q)
            laplacian.ksp.solve(self._q, self._p)
            p.axpy(1.0, self._p)
        p.scale(-1.0)
        self._G.mult(p, self._w)
        self._w.aypx(-1.0, r)
        self._solve_velocity(self._w, u)


def _symmetric(matrix: PETSc.Mat) -> Solver:
    """A solver for a symmetric matrix of the pressure, as rough as a preconditioner may be."""
    matrix.setOption(PETSc.Mat.Option.SPD, True)
    kind = symmetric_kind(matrix.getSize()[0], matrix.comm.size)
    solver = Solver("pressure block", matrix, kind, 1e-3)
    solver.ksp.setInitialGuessNonzero(False)
    return solver
