"""Stokes–Brinkman flow of Newtonian or shear-thinning blood, velocity and pressure together.

    ρ ∂u/∂t − ∇·(2με) + d u + ∇p = 0,   ∇·u = 0,   d = μ/K

Taylor–Hood elements P2/P1. Open ends: μ ∂u/∂n − p n = −p₀ n, which developed flow leaves as it
came: for variable μ the form 2με : ∇v gives back μ (∇u)ᵀn at the end. The viscosity is the law
itself at quadrature points; the equations are linearised by Picard, and by Newton once that has
come near. BDF2 in time (BDF1 at the first step), or steady. Directly solved systems (2D and
small ones) are not bitwise the same from run to run on two ranks or more.
"""

from dataclasses import dataclass, replace
from typing import Any

from mpi4py import MPI

import numpy as np
import ufl
from dolfinx import cpp, fem, mesh
from numpy.typing import NDArray

from core.errors import CaseError, Diverged
from solvers.algebra.linear import Tolerances
from solvers.elements.cells import Geometry, Pattern, Space
from solvers.elements.facets import Facets
from solvers.rheology import Rheology
from solvers.schemes import StepLog
from solvers.schemes.compiled import sweeps
from solvers.schemes.projection import PERMEATION
from solvers.schemes.saddle import DIRECT_BELOW, Parts, Saddle

Array = NDArray[Any]

CHANGE = {"standard": 1e-6, "tight": 1e-11}
"""Relative change of velocity at which a linearised solution counts as the solution."""
FIRST, ROUGH, LINEAR = 1e-3, 2e-2, {"standard": 1e-2, "tight": 1e-4}
"""Relative residual of the first linear system, which takes in the imposed values, of Picard's
and of Newton's."""
NEAR = 0.05
"""Relative change of velocity below which Newton takes over from Picard."""
MOST = 25
"""Most linearisations of one state."""
AT_REST = 1e-6
"""Shear rate [1/s] added in square, so that √ has a slope at rest."""
PATIENCE = 4
"""Linearisations in a row that may gain nothing."""


@dataclass(frozen=True)
class Effort:
    """What a solution took: linear iterations and linearisations."""

    iterations: int = 0
    linearisations: int = 0

    def __add__(self, other: "Effort") -> "Effort":
        return Effort(
            self.iterations + other.iterations, self.linearisations + other.linearisations
        )


class Stokes:
    """Flow without convection on one mesh; `step` advances it, `steady` finds its steady state.

    ``u`` (dofs, d) and ``p`` (points) are nodal values incl. ghosts. ``velocity_dofs`` carry
    imposed velocities; ``pressure_dofs`` are the points of ``open_facets``, on which pressures
    are imposed; their values are arguments of `step`. Without open facets the pressure is 0 at
    one point.
    """

    velocities = ("u", "u_old")
    potentials = ("p",)

    def __init__(
        self,
        geometry: Geometry,
        *,
        degree: int = 2,
        density: float,
        rheology: Rheology,
        dt: float,
        velocity_dofs: Array,
        pressure_dofs: Array,
        open_facets: Array,
        backflow: float = 1.0,
        tolerances: Tolerances = "standard",
        velocity_space: Space | None = None,
        pressure_space: Space | None = None,
        direct: bool | None = None,
    ) -> None:
        if degree != 2:
            raise CaseError(
                "velocity and pressure of one degree are not stable when solved together",
                where="flow.scheme.element",
                do='use element = "P2/P1", or kind = "projection"',
            )
        self.geometry, self.density, self.rheology, self.dt = geometry, density, rheology, dt
        self.V, self.Q = velocity_space or Space(geometry, 2), pressure_space or Space(geometry, 1)
        self.fixed_u, self.fixed_p = velocity_dofs, pressure_dofs
        d = geometry.dim
        self.u, self.u_old = np.zeros((self.V.local, d)), np.zeros((self.V.local, d))
        self.p = np.zeros(self.Q.local)
        # what other schemes correct after the solve; here nothing is left to correct
        self.w_correction = np.zeros((d, geometry.count))
        self.coupling = None
        self.drag = np.zeros(geometry.count)
        self.viscosity = rheology.viscosity(np.zeros(geometry.count))
        self.time, self.steps, self.cfl = 0.0, 0, 0.0
        self.clot_viscosity = float(rheology.viscosity(np.full(1, PERMEATION))[0])
        self.sweeps = sweeps(self.V, self.Q, Pattern(self.V))
        self.lumped = np.array(self.Q.sum(self.sweeps.spread(np.ones(geometry.count))))
        self.enclosed = geometry.comm.allreduce(len(open_facets), MPI.SUM) == 0
        self._open = Facets(geometry, np.unique(open_facets))
        self._open_basis, self._open_weights = self._open.basis(self.V, 6)
        self._beta, self._goal = backflow, CHANGE[tolerances]
        self._linear = LINEAR[tolerances]
        self._prepare(direct)

    # ------------------------------------------------------------------ equations

    def _prepare(self, direct: bool | None) -> None:
        domain, d = self.geometry.mesh, self.geometry.dim
        space = fem.functionspace(domain, ("Lagrange", 2, (d,)))
        assert np.array_equal(space.dofmap.list, self.V.space.dofmap.list)
        scalar = self.Q.space
        # the velocity in coefficients, which Picard freezes, and in the linear terms
        self._w, self._u, self._p = fem.Function(space), fem.Function(space), self.Q.vector()
        self._history, self._p_open = fem.Function(space), self.Q.vector()
        self._du, self._dp = fem.Function(space), self.Q.vector()
        self._ru, self._rp = fem.Function(space), self.Q.vector()
        self._drag = fem.Function(fem.functionspace(domain, ("DG", 0)))
        self._lead, self._rho = fem.Constant(domain, 0.0), fem.Constant(domain, 0.0)
        # numbers as constants, so that the forms are compiled once for all their values
        numbers = {n: fem.Constant(domain, x) for n, x in self.rheology if isinstance(x, float)}
        self._law: Any = self.rheology.model_copy(update=numbers)
        v, q = ufl.TestFunction(space), ufl.TestFunction(scalar)
        du, dp = ufl.TrialFunction(space), ufl.TrialFunction(scalar)
        ones = np.ones(len(self._open.numbers), dtype=np.int32)
        tags = mesh.meshtags(domain, d - 1, self._open.numbers, ones)
        self._ds = ufl.Measure("ds", domain=domain, subdomain_data=tags)(1, degree=6)
        normal = ufl.FacetNormal(domain)
        internal = self._momentum(self._w, self._u, v)
        F = internal - ufl.inner(self._history, v) * ufl.dx - self._p * ufl.div(v) * ufl.dx
        F += self._p_open * ufl.inner(normal, v) * self._ds
        self._residual = fem.form(F), fem.form(-q * ufl.div(self._u) * ufl.dx)
        picard = self._momentum(self._w, du, v)
        newton = picard + ufl.derivative(internal, self._w, du)
        zero = fem.Function(space)
        bcs = [fem.dirichletbc(zero, np.asarray(self.fixed_u, dtype=np.int32))]
        pin = np.zeros(0, dtype=np.int32)
        if self.enclosed:
            here = self.geometry.comm.rank == 0
            pin = np.arange(1 if here else 0, dtype=np.int32)
            bcs.append(fem.dirichletbc(self.Q.vector(), pin))
        self._pin = pin
        corner = fem.Constant(domain, 0.0) * dp * q * ufl.dx if self.enclosed else None
        forms = [
            [picard, -dp * ufl.div(v) * ufl.dx],
            [-q * ufl.div(du) * ufl.dx, corner],
        ]
        unknowns = d * self.V.map.size_global + self.Q.map.size_global
        if direct is None:
            direct = unknowns <= DIRECT_BELOW[d]
        parts = None if direct else self._parts(dp, q)
        self._saddle = Saddle(forms, newton, bcs, parts=parts)

    def _parts(self, p: Any, q: Any) -> Parts:
        """What the block preconditioner is made of."""
        u, v = ufl.TrialFunction(self.V.space), ufl.TestFunction(self.V.space)
        domain, mu = self.geometry.mesh, self._mu(self._w)
        volume = self.geometry.total(np.ones(self.geometry.count))
        size = fem.Constant(domain, volume ** (1.0 / self.geometry.dim))
        rate = self._lead + self._drag + mu / size**2
        held = fem.dirichletbc(self.V.vector(), np.asarray(self.fixed_u, dtype=np.int32))
        return Parts(
            momentum=self._carried(self._w, u, v) + self._diffused(self._w, u, v),
            reaction=rate * u * v * ufl.dx(degree=4),
            unit=u * v * ufl.dx,
            viscous=1.0 / mu * p * q * ufl.dx(degree=4),
            mass=p * q * ufl.dx,
            carried=self._carried_pressure(p, q),
            fixed=[held],
            pinned=list(self._pin),
        )

    def _carried_pressure(self, p: Any, q: Any) -> Any:  # noqa: ARG002
        """Convection as the pressure's preconditioner sees it: none."""
        return None

    def _momentum(self, w: Any, u: Any, v: Any) -> Any:
        """The terms of momentum in u, with the velocity w in their coefficients."""
        if self.rheology.constant is not None:
            return self._carried(w, u, v) + self._diffused(w, u, v)
        mu = self._mu(w)
        stress = 2.0 * mu * ufl.inner(ufl.sym(ufl.grad(u)), ufl.grad(v)) * ufl.dx(degree=4)
        turned = ufl.dot(ufl.grad(u).T, ufl.FacetNormal(self.geometry.mesh))
        return self._carried(w, u, v) + stress - mu * ufl.inner(turned, v) * self._ds

    def _carried(self, w: Any, u: Any, v: Any) -> Any:  # noqa: ARG002
        """Inertia and drag."""
        return (self._lead + self._drag) * ufl.inner(u, v) * ufl.dx

    def _diffused(self, w: Any, u: Any, v: Any) -> Any:
        """∫ μ ∇u·∇v."""
        return self._mu(w) * ufl.inner(ufl.grad(u), ufl.grad(v)) * ufl.dx(degree=4)

    def _mu(self, w: Any) -> Any:
        if self.rheology.constant is not None:
            return self._law.constant
        strain = ufl.sym(ufl.grad(w))
        return self._law.viscosity(ufl.sqrt(2.0 * ufl.inner(strain, strain) + AT_REST**2))

    # ------------------------------------------------------------------ what is solved

    def set_drag(self, drag: Array) -> None:
        """Set d = μ/K [Pa s/m²] of each cell, from the next solve on."""
        self.drag = drag

    def step(self, velocity: Array, pressure: Array) -> StepLog:
        """Advance by Δt with imposed ``velocity`` (fixed dofs, d) and ``pressure`` (fixed points).

        Raises `Diverged`. Collective.
        """
        rate = self.density / self.dt
        lead, now, old = (1.0, 1.0, 0.0) if self.steps == 0 else (1.5, 2.0, -0.5)
        self._lead.value = lead * rate
        self._history.x.array[:] = (rate * (now * self.u + old * self.u_old)).ravel()
        time = self.time + self.dt
        before, self.u = self.u, self.u.copy()
        self._impose(velocity, pressure)
        log = self._finish(self._linearise(self._goal), f"t = {time:.6g} s")
        self.u_old, self.time, self.steps = before, time, self.steps + 1
        return replace(log, time=time)

    def steady(
        self, velocity: Array, pressure: Array, *, goal: float | None = None, patient: bool = True
    ) -> StepLog:
        """Go to the steady state of these imposed values; the time stays. ``goal`` is the relative
        change of velocity at which it is reached; only the ``patient`` try a second way to it.
        Raises `Diverged`. Collective.
        """
        self._lead.value = 0.0
        self._history.x.array[:] = 0.0
        self._impose(velocity, pressure)
        log = self._finish(self._settle(goal or self._goal, patient), "steady state")
        self.u_old = self.u.copy()
        return log

    def _settle(self, goal: float, patient: bool) -> Effort | None:  # noqa: ARG002
        return self._linearise(goal)

    def _finish(self, effort: Effort | None, where: str) -> StepLog:
        """Take over what was solved. Raises `Diverged` where nothing was."""
        if effort is None:
            raise Diverged(
                f"no flow was found within {MOST} linearisations",
                where=where,
                do="try a smaller time step (flow.scheme.dt) or a finer mesh",
            )
        self.u = self._u.x.array.reshape(self.V.local, -1).copy()
        self.p = self._p.x.array.copy()
        if self.rheology.constant is None:
            self.viscosity = self.rheology.viscosity(self.cell_shear_rate())
        return StepLog(
            self.time, self._cfl(), effort.iterations, effort.linearisations, self._back()
        )

    def _impose(self, velocity: Array, pressure: Array) -> None:
        """The present state with imposed values, as the forms see it."""
        self.u[self.fixed_u] = velocity
        self._u.x.array[:] = self.u.ravel()
        self._p.x.array[:] = self.p
        if len(self._pin):
            self._p.x.array[self._pin] = 0.0
        self._p.x.scatter_forward()
        self._p_open.x.array[self.fixed_p] = pressure
        self._drag.x.array[self._drag.function_space.dofmap.list[: self.geometry.count, 0]] = (
            self.drag
        )
        self._rho.value = self.density

    def _linearise(self, goal: float) -> Effort | None:
        """Picard, then Newton, from the present state until u changes by less than ``goal`` of
        itself; None where that does not come. Collective.
        """
        change, iterations, worse = np.inf, 0, 0
        for count in range(1, MOST + 1):
            try:
                tolerance = FIRST if count == 1 else self._linear if change < NEAR else ROUGH
                iterations += self._improve(tolerance, newton=change < NEAR)
            except Diverged:
                return None
            before, change = change, self._size(self._du) / max(self._size(self._u), 1e-300)
            if change <= goal:
                return Effort(iterations, count)
            worse = worse + 1 if not change < 0.9 * before else 0
            if worse == PATIENCE or not np.isfinite(change):
                return None
        return None

    def _improve(self, tolerance: float, *, newton: bool) -> int:
        """One linearised solve; gives its iterations. Raises `Diverged`. Collective."""
        self._w.x.array[:] = self._u.x.array
        for field, form in zip((self._ru, self._rp), self._residual, strict=True):
            field.x.array[:] = 0.0
            fem.assemble_vector(field.x.array, form)
            field.x.scatter_reverse(cpp.la.InsertMode.add)
        self._ru.x.array.reshape(self.V.local, -1)[self.fixed_u] = 0.0
        self._rp.x.array[self._pin] = 0.0
        self._saddle.assemble(newton=newton)
        iterations = self._saddle.solve((self._ru, self._rp), (self._du, self._dp), tolerance)
        self._u.x.array[:] -= self._du.x.array
        self._p.x.array[:] -= self._dp.x.array
        return iterations

    def _size(self, field: fem.Function) -> float:
        owned = field.x.array[: self.V.owned * self.geometry.dim]
        return float(np.sqrt(self.geometry.comm.allreduce(float(owned @ owned), MPI.SUM)))

    # ------------------------------------------------------------------ what others read

    def correction_in(self, cells: Array) -> Array:
        """`w_correction` in the given cells only (d, cells) [m/s]."""
        return self.w_correction[:, cells]

    def cell_shear_rate(self) -> Array:
        """γ̇ at the middle of each cell (c) [1/s]."""
        return self.sweeps.shear_rate(self.u)

    def carrier(self) -> Array:
        """The velocity that conserves mass, cell by cell (c, d) [m/s]: ∫ w·∇q = 0 inside."""
        return self.sweeps.carrier(self.u, self.w_correction)

    def _cfl(self) -> float:
        speed = np.linalg.norm(self.carrier(), axis=1)
        local = float((speed / self.geometry.size).max(initial=0.0)) * self.dt
        return float(self.geometry.comm.allreduce(local, MPI.MAX))

    def _back(self) -> float:
        near = self.u[self.V.dofs[self._open.cells]]
        speed = np.einsum("fqn,fni,fi->fq", self._open_basis, near, self._open.normal)
        through = self._open.sum(self._open_weights * np.abs(speed))
        back = self._open.sum(self._open_weights * np.minimum(speed, 0.0))
        return -back / through if through else 0.0
