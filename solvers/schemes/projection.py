"""Incremental pressure correction for u and p, with drag in both equations.

One step, BDF2 with extrapolated (semi-implicit) convection, ū = 2uⁿ − uⁿ⁻¹:

    (3ρ/2Δt + d) u − … : ρ(3u − 4û + û)/2Δt + ρ ū·∇u − ∇·(2με) + d u = −(1−θ)∇pⁿ
    −∇·(m ∇p̃) = −∇·(m g) − ∇·u,     m = (3ρ/2Δt + d)⁻¹,  d = μ/K
    pⁿ⁺¹ = p̃ − μ ∇·u                 (rotational; outside the clot)

ûⁿ = uⁿ − fⁿ with f = m(∇p̃ − (1−θ)∇pⁿ), cell by cell, is the projected velocity; it is never
formed at nodes. For equal-order elements g blends ∇pⁿ with its nodal average, and the
convection carries ρτ (ū·∇u − π)·(ū·∇)v with π the nodal average of ū·∇ū (orthogonal sub-scales):
no spurious pressures in the steady state, no blow-up in under-resolved jets, second order kept.

Where a cell of height H cannot resolve the Brinkman layer √K (S = H²/K ≫ 1; b = S⁴/(S⁴ + 6⁴)),
θ = b/(m d), b ≤ m d, hands the pressure force to the projection: f is Darcy's −K∇p/μ by cell,
and the nodal velocity only has to know the friction μ/√K that the layer exerts on open blood.
A row of nodes H apart exerts just that with the drag 2d/(1 + √(1+S)), which replaces d there.

The velocity that conserves mass in the discrete sense is w = u − m(∇p̃ − g): ∫ w·∇q vanishes
for every interior q. Species are carried by its mean.

Sources: Guermond, Minev & Shen 2006 (overview); Codina 2000 (sub-scales); Timmermans 1996
(rotational).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mpi4py import MPI
from petsc4py import PETSc

import numpy as np
from numpy.typing import NDArray

from core.errors import Diverged
from solvers.cells import Geometry, Matrix, Space
from solvers.facets import Facets
from solvers.kernels import (
    Linear,
    LinearMomentum,
    accumulate,
    mass,
    momentum,
    shear_rate,
    stiffness,
)
from solvers.linear import RELATIVE, Solver, Tolerances, symmetric_kind
from solvers.rheology import Rheology

if TYPE_CHECKING:
    from solvers.coupling import Responses

Array = NDArray[Any]

UNRESOLVED = 6.0
"""S = H²/K at which half of the pressure force is handed to the projection."""
HANDOVER = 50.0
"""How sharply the nodal drag turns to the layer's friction as b nears 1."""
PERMEATION = 100.0
"""Shear rate [1/s] that sets the viscosity of what permeates a clot."""
HEIGHT = np.sqrt(2.0 / 3.0)
"""Height of the regular tetrahedron of edge 1."""


@dataclass(frozen=True)
class StepLog:
    """What one step says of itself."""

    time: float
    cfl: float
    iterations: int
    pressure_iterations: int
    backflow: float


class Projection:
    """Fractional-step Navier–Stokes–Brinkman on one mesh; `step` advances it by one time step.

    ``u`` (dofs, d) and ``p`` (points) are nodal values incl. ghosts. ``velocity_dofs`` carry
    imposed velocities, ``pressure_dofs`` imposed pressures; their values are arguments of `step`.
    """

    def __init__(
        self,
        geometry: Geometry,
        *,
        degree: int,
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
    ) -> None:
        self.geometry, self.density, self.rheology, self.dt = geometry, density, rheology, dt
        self.V = velocity_space or Space(geometry, degree)
        self.Q = pressure_space or Space(geometry, 1)
        self.fixed_u, self.fixed_p = velocity_dofs, pressure_dofs
        d = geometry.dim
        self.u, self.u_old = np.zeros((self.V.local, d)), np.zeros((self.V.local, d))
        self.p = np.zeros(self.Q.local)
        self.f, self.f_old = np.zeros((d, geometry.count)), np.zeros((d, geometry.count))
        self.w_correction = np.zeros((d, geometry.count))
        self.drag = np.zeros(geometry.count)
        self.viscosity = rheology.viscosity(np.zeros(geometry.count))
        self.clot_viscosity = float(rheology.viscosity(np.full(1, PERMEATION))[0])
        self.time, self.steps = 0.0, 0
        self._gradients: tuple[Array, Array] | None = None
        self.coupling: Responses | None = None
        self.enclosed = geometry.comm.allreduce(len(pressure_dofs), MPI.SUM) == 0
        self._tolerances = RELATIVE[tolerances]
        self._beta = backflow
        self._prepare_kernels(open_facets)
        self._order = 0

    # ------------------------------------------------------------------ preparation

    def _prepare_kernels(self, open_facets: Array) -> None:
        geometry, V, Q = self.geometry, self.V, self.Q
        self.linear = Linear(Q)
        self.kernel = momentum(V, self.linear)
        self._open = Facets(geometry, open_facets)
        self._open_basis, self._open_weights = self._open.basis(V, 3 * V.degree)
        self.lumped = np.array(Q.sum(self.linear.spread(geometry.volume)))
        self.A = Matrix(V, self.fixed_u)
        self._L = Matrix(Q, self.fixed_p, symmetric=True)
        self._mass = self.A.entries(mass(V))
        self._mass_act = self.A.operator(self._mass)
        self._b, self._x = V.vector(), V.vector()
        self._r, self._dp = Q.vector(), Q.vector()
        self._velocity = Solver("velocity", self.A.mat, "advection", self._tolerances["velocity"])
        kind = "multigrid" if self.enclosed else symmetric_kind(Q.map.size_global)
        self._pressure = Solver("pressure", self._L.mat, kind, self._tolerances["pressure"])
        if self.enclosed:
            self._nullspace = PETSc.NullSpace().create(constant=True, comm=geometry.comm)
            self._L.mat.setNullSpace(self._nullspace)

    def forget(self) -> None:
        """Drop what was kept from the last steps: their velocities were set from outside."""
        self._gradients = None

    def set_drag(self, drag: Array) -> None:
        """Set d = μ/K [Pa s/m²] of each cell; the operators follow at the next step."""
        self.drag = drag
        self._order = 0

    def _prepare_order(self, order: int) -> None:
        """Operators that change only with the order of the time scheme and with the drag."""
        geometry, V, Q = self.geometry, self.V, self.Q
        self._order = order
        self._lead = {1: 1.0, 2: 1.5}[order] * self.density / self.dt
        self._mobility = 1.0 / (self._lead + self.drag)
        friction = self._nodal_drag()
        if V.degree == 1:
            lump = np.zeros((V.per_cell, V.per_cell, geometry.count))
            lump[range(V.per_cell), range(V.per_cell)] = friction * geometry.volume / V.per_cell
        else:
            lump = mass(V, friction)
        if self.rheology.constant is not None:
            lump += self.rheology.constant * stiffness(V)
        self._base = self._lead * self._mass + self.A.entries(lump)
        slopes = geometry.gradients
        self._L.fill(np.einsum("cai,cbi,c->abc", slopes, slopes, geometry.volume * self._mobility))
        self._pressure.refactor()
        if self.coupling is not None:
            self.coupling.renew()
        openness = 1.0 - self._unresolved(self._stiffness_number())
        volume = Q.sum(self.linear.spread(openness * geometry.volume))
        self._open_volume = np.maximum(volume, 1e-12 * self.lumped)

    def _stiffness_number(self) -> Array:
        """S = H²/K of each cell, H the distance of its nodes across the cell."""
        height = HEIGHT * self.geometry.size / self.V.degree
        return np.asarray(self.drag * height**2 / self.clot_viscosity)

    def _unresolved(self, stiff: Array) -> Array:
        """b: 0 where the Brinkman layer is resolved or absent, 1 where it is far below a cell."""
        return np.asarray(stiff**4 / (stiff**4 + UNRESOLVED**4))

    def _nodal_drag(self) -> Array:
        """The drag [Pa s/m²] that gives a row of nodes the friction of the unresolved layer.

        It is d itself until the projection carries all of the pressure force (b near m d): only
        then does the nodal velocity not have to be Darcy's.
        """
        stiff = self._stiffness_number()
        excess = 0.5 * (np.sqrt(1.0 + stiff) - 1.0)
        excess = excess / (1.0 + HANDOVER * (1.0 - self._carried()) * excess)
        return np.asarray(self.drag / (1.0 + self._unresolved(stiff) * excess))

    def _carried(self) -> Array:
        """b, at most m d: more would push against the pressure force that the nodes still feel."""
        share = self._unresolved(self._stiffness_number())
        return np.asarray(np.minimum(share, self._mobility * self.drag))

    def _prepare_weights(self) -> None:
        """θ: share of the pressure force in the projection; α: weight of the sub-scales in g."""
        dragged = np.where(self.drag > 0.0, self._mobility * self.drag, 1.0)
        self._theta = self._carried() / dragged
        self._openness = 1.0 - self._unresolved(self._stiffness_number())
        h = self.geometry.size
        rate = 4.0 * self.viscosity / h**2 + 2.0 * self.density * self._speed / h
        self._alpha = 1.0 / (1.0 + rate * self._mobility)

    # ------------------------------------------------------------------ one step

    def step(self, velocity: Array, pressure: Array) -> StepLog:
        """Advance by Δt with imposed ``velocity`` (fixed dofs, d) and ``pressure`` (fixed points).

        Raises `Diverged`. Collective.
        """
        order = 1 if self.steps == 0 else 2
        if self._order != order:
            self._prepare_order(order)
        time = self.time + self.dt
        ahead = self.u if order == 1 else 2.0 * self.u - self.u_old
        gradient = self._gradient_ahead(order)
        if self.rheology.constant is None:
            self.viscosity = self.rheology.viscosity(shear_rate(gradient))
        self._speed = np.linalg.norm(self.kernel.mean(ahead), axis=1)
        self._prepare_weights()
        streamline = self._streamline_time()
        self._fill_momentum(ahead, streamline)
        grad_p = self.linear.gradient(self.p)
        self.rhs = self._momentum_rhs(order, gradient, grad_p)
        if isinstance(self.kernel, LinearMomentum):
            self.rhs += self.kernel.streamline_force(
                ahead, gradient, self.density, streamline, self.lumped
            )
        u = ahead.copy()
        u[self.fixed_u] = velocity
        iterations = self._solve_momentum(u, velocity, time)
        pressure_iterations = self._project(u, grad_p, pressure, time)
        self.u_old, self.u = self.u, u
        self.time, self.steps = time, self.steps + 1
        return StepLog(time, self._cfl(u), iterations, pressure_iterations, self._backflow_share)

    def _gradient_ahead(self, order: int) -> Array:
        """∇ū, from the gradients of the last two steps where they are known."""
        if self._gradients is None:
            self._gradients = (self.kernel.gradient(self.u), self.kernel.gradient(self.u_old))
        now, old = self._gradients
        return now if order == 1 else 2.0 * now - old

    def _streamline_time(self) -> Array:
        """τ [s] of the orthogonal sub-scales of convection; 0 for quadratic velocities.

        A quarter of the usual h/2|u|: enough to hold jets at large steps, least loss elsewhere.
        """
        if self.V.degree > 1:
            return np.zeros(self.geometry.count)
        h = self.geometry.size
        rate = 8.0 * self._speed / h + (4.0 * self.viscosity / h**2 + self.drag) / self.density
        return np.asarray(self._openness / rate)

    def _fill_momentum(self, ahead: Array, streamline: Array) -> None:
        viscosity = self.viscosity if self.rheology.constant is None else None
        cells = self.kernel.matrix(ahead, self.density, viscosity, streamline)
        self._add_backflow(cells, ahead)
        self.A.fill(cells, self._base)
        self._velocity.refactor()

    def _add_backflow(self, cells: Array, ahead: Array) -> None:
        """−βρ ∫ (ū·n)₋ u·v on the openings with a pressure: takes no energy from the far side."""
        near = ahead[self.V.dofs[self._open.cells]]
        normal_speed = np.einsum("fqn,fni,fi->fq", self._open_basis, near, self._open.normal)
        back = np.minimum(normal_speed, 0.0)
        through = self._open.sum(self._open_weights * np.abs(normal_speed))
        self._backflow_share = (
            -self._open.sum(self._open_weights * back) / through if through else 0.0
        )
        if self._backflow_share > 0.0:
            weight = -self._beta * self.density * self._open_weights * back
            added = np.einsum("fq,fqa,fqb->abf", weight, self._open_basis, self._open_basis)
            accumulate(cells, self._open.cells, added)

    def _momentum_rhs(self, order: int, gradient: Array, grad_p: Array) -> Array:
        """This rank's share of the right-hand sides (dofs, d)."""
        now, old = (1.0, 0.0) if order == 1 else (2.0, -0.5)
        rate = self.density / self.dt
        history = rate * (now * self.u + old * self.u_old)
        force = rate * (now * self.f + old * self.f_old) + (1.0 - self._theta) * grad_p
        if self.rheology.constant is None:
            force = force - self._viscosity_force(gradient)
        return np.asarray(self._mass_act(history) - self.kernel.force(force))

    def _viscosity_force(self, gradient: Array) -> Array:
        """(∇ū)ᵀ∇μ of each cell (d, c): what ∇·(2με) has beyond ∇·(μ∇u); no part of it is stiff."""
        volume = self.geometry.volume
        points = self.Q.sum(self.linear.spread(volume * self.viscosity)) / self.lumped
        slope = self.linear.gradient(points)
        return np.asarray(np.einsum("jic,jc->ic", gradient, slope))

    def _solve_momentum(self, u: Array, fixed: Array, time: float) -> int:
        iterations = 0
        for i in range(self.geometry.dim):
            self.V.sum(self.rhs[:, i], self._b)
            self._b.x.array[self.fixed_u] = fixed[:, i]
            self._x.x.array[:] = u[:, i]
            where = f"t = {time:.6g} s, velocity component {i}"
            self._velocity.solve(self._b.x.petsc_vec, self._x.x.petsc_vec, where)
            self._x.x.scatter_forward()
            u[:, i] = self._x.x.array
            iterations += self._velocity.iterations
        return iterations

    def _project(self, u: Array, grad_p: Array, fixed: Array, time: float) -> int:
        linear, volume = self.linear, self.geometry.volume
        start = self.p.copy()
        start[self.fixed_p] = fixed
        kept = (1.0 - self._theta) * grad_p
        g = kept + self._smoothing(grad_p)
        lack = (self._mobility * volume) * (g - linear.gradient(start))
        assert self._gradients is not None
        self._gradients = (self.kernel.gradient(u), self._gradients[0])
        divergence = self.kernel.divergence(u, self._gradients[0])
        self.Q.sum(linear.along_gradients(lack) - divergence, self._r)
        self._r.x.array[self.fixed_p] = 0.0
        self._dp.x.array[:] = 0.0
        if self.enclosed:
            self._nullspace.remove(self._r.x.petsc_vec)
        self._pressure.solve(self._r.x.petsc_vec, self._dp.x.petsc_vec, f"t = {time:.6g} s")
        self._dp.x.scatter_forward()
        total = start + self._dp.x.array
        slope = linear.gradient(total)
        if self.coupling is not None:
            total += self.coupling.couple(u, self._mobility * (slope - g))
            fixed, slope = total[self.fixed_p], linear.gradient(total)
        self.f_old, self.f = self.f, self._mobility * (slope - kept)
        self.w_correction = self._mobility * (slope - g)
        self.p = self._rotate(total, divergence, fixed)
        return self._pressure.iterations

    def response(self, fixed: Array) -> tuple[Array, Array]:
        """φ (points), ∇·(m∇φ) = 0 with ``fixed`` at the fixed points, and m∇φ (d, c).
        Collective.
        """
        phi = np.zeros(self.Q.local)
        phi[self.fixed_p] = fixed
        flux = self._mobility * self.linear.gradient(phi)
        self.Q.sum(-self.linear.along_gradients(flux * self.geometry.volume), self._r)
        self._r.x.array[self.fixed_p] = 0.0
        self._dp.x.array[:] = 0.0
        self._pressure.solve(self._r.x.petsc_vec, self._dp.x.petsc_vec, "response to an opening")
        self._dp.x.scatter_forward()
        phi += self._dp.x.array
        return phi, self._mobility * self.linear.gradient(phi)

    def _rotate(self, total: Array, divergence: Array, fixed: Array) -> Array:
        """p̃ − μ ∇·u at the points, without the clot, where the drag dominates."""
        weight = self.viscosity * (1.0 - self._theta) * self.geometry.volume
        mean = self.Q.sum(self.linear.spread(weight)) / self.lumped
        rotated = total - mean * self.Q.sum(divergence) / self.lumped
        rotated[self.fixed_p] = fixed
        return np.asarray(rotated)

    def _smoothing(self, grad_p: Array) -> Array:
        """α(π − ∇p): π is the cell mean of ∇p averaged to points, over the open cells alone
        (d, c).
        """
        if self.V.degree > 1:
            return np.zeros_like(grad_p)
        share = self._openness * self.geometry.volume
        smooth = np.stack(
            [
                self.linear.mean(self.Q.sum(self.linear.spread(share * row)) / self._open_volume)
                for row in grad_p
            ]
        )
        return np.asarray((self._openness * self._alpha) * (smooth - grad_p))

    def _cfl(self, u: Array) -> float:
        """max |u| Δt / h. Raises `Diverged` where the flow is not finite. Collective."""
        speed = np.linalg.norm(self.kernel.mean(u), axis=1)
        local = float((speed / self.geometry.size).max(initial=0.0)) * self.dt
        worst = self.geometry.comm.allreduce(local if np.isfinite(local) else np.inf, MPI.MAX)
        if not worst < 1e4:
            raise Diverged(
                f"the flow blew up at t = {self.time:.6g} s (step {self.steps}, CFL {worst:.3g})",
                where=self._fastest(speed),
                do="try a smaller time step (flow.scheme.dt)",
            )
        return float(worst)

    def _fastest(self, speed: Array) -> str:
        if not len(speed):
            return ""
        cell = int(np.argmax(np.where(np.isfinite(speed), speed, np.inf)))
        place = self.geometry.vertices[cell].mean(axis=0) * 1e3
        return "near " + ", ".join(f"{x:.1f}" for x in place) + " mm"

    # ------------------------------------------------------------------ what others read

    def cell_shear_rate(self) -> Array:
        """γ̇ at the middle of each cell [1/s]."""
        return shear_rate(self._gradient_ahead(1))
