"""Incremental pressure correction for u and p, with drag in both equations.

One step, BDF2 with extrapolated (semi-implicit) convection, ū = 2uⁿ − uⁿ⁻¹:

    (3ρ/2Δt + d) u − … : ρ(3u − 4û + û)/2Δt + ρ ū·∇u − ∇·(2με) + d u = −(1−θ)∇pⁿ
    −∇·(m ∇p̃) = −∇·(m g) − ∇·u,     m = (3ρ/2Δt + d)⁻¹,  d = μ/K
    pⁿ⁺¹ = p̃ − μ ∇·u                 (rotational; outside the clot)

ûⁿ = uⁿ − fⁿ with f = m(∇p̃ − (1−θ)∇pⁿ), cell by cell, is the projected velocity; it is never
formed at nodes. For equal-order elements g blends ∇pⁿ with its nodal average (orthogonal sub-scales), which keeps
the pressure free of spurious modes also in the steady state.

Where a cell of height H cannot resolve the Brinkman layer √K (S = H²/K ≫ 1; b = S⁴/(S⁴ + 6⁴)),
θ = b/(m d) hands the pressure force to the projection: f is then Darcy's −K∇p/μ cell by cell,
and the nodal velocity only has to know the friction μ/√K that the layer exerts on open blood.
A row of nodes H apart exerts just that with the drag 2d/(1 + √(1+S)), which replaces d there.

The velocity that conserves mass in the discrete sense is w = u − m(∇p̃ − g): ∫ w·∇q vanishes
for every interior q. Species are carried by its mean.

Sources: Guermond, Minev & Shen 2006 (overview); Codina 2000 (sub-scales); Timmermans 1996 (rotational).
"""

from dataclasses import dataclass
from typing import Any

from mpi4py import MPI
from petsc4py import PETSc

import numpy as np
from numpy.typing import NDArray

from core.errors import Diverged
from solvers.cells import Geometry, Matrix, Space, quadrature
from solvers.facets import Facets
from solvers.kernels import (
    Convection,
    Divergence,
    Gradient,
    integrals,
    reference_mass,
    shear_rate,
    stiffness,
)
from solvers.linear import RELATIVE, Solver, Tolerances, symmetric_kind
from solvers.rheology import Rheology

Array = NDArray[Any]

UNRESOLVED = 6.0
"""S = H²/K at which half of the pressure force is handed to the projection."""
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
        self.f, self.f_old = np.zeros((geometry.count, d)), np.zeros((geometry.count, d))
        self.w_correction = np.zeros((geometry.count, d))
        self.drag = np.zeros(geometry.count)
        self.viscosity = np.full(geometry.count, rheology.constant or 0.0)
        self.time, self.steps = 0.0, 0
        self.enclosed = geometry.comm.allreduce(len(pressure_dofs), MPI.SUM) == 0
        self._tolerances = RELATIVE[tolerances]
        self._beta = backflow
        self._prepare_kernels(open_facets)
        self._order = 0

    # ------------------------------------------------------------------ preparation

    def _prepare_kernels(self, open_facets: Array) -> None:
        geometry, V, Q = self.geometry, self.V, self.Q
        self._convection, self._divergence = Convection(V), Divergence(V, Q)
        centroid = np.full((1, geometry.dim), 1.0 / (geometry.dim + 1))
        self._gradient = Gradient(V, centroid)
        self._mass, self._ones = reference_mass(V), integrals(V)
        self._stiffness = stiffness(V)
        self._open = Facets(geometry, open_facets)
        self._open_basis, self._open_weights = self._open.basis(V, 3 * V.degree)
        self._lumped = Q.vector()
        Q.add(np.repeat(geometry.volume[:, None] / Q.per_cell, Q.per_cell, axis=1), self._lumped)
        self._A = Matrix(V, self.fixed_u)
        self._L = Matrix(Q, self.fixed_p, symmetric=True)
        self._b, self._x = V.vector(), V.vector()
        self._r, self._dp = Q.vector(), Q.vector()
        self._field = Q.vector()
        self._velocity = Solver("velocity", self._A.mat, "advection", self._tolerances["velocity"])
        kind = "multigrid" if self.enclosed else symmetric_kind(Q.map.size_global)
        self._pressure = Solver("pressure", self._L.mat, kind, self._tolerances["pressure"])
        if self.enclosed:
            self._nullspace = PETSc.NullSpace().create(constant=True, comm=geometry.comm)
            self._L.mat.setNullSpace(self._nullspace)
        self._transposed = Gradient(V, quadrature(geometry.dim, max(1, 2 * (V.degree - 1)))[0])

    def set_drag(self, drag: Array) -> None:
        """Set d = μ/K [Pa s/m²] of each cell; the operators follow at the next step."""
        self.drag = drag
        self._order = 0

    def _prepare_order(self, order: int) -> None:
        """Operators that change only with the order of the time scheme and with the drag."""
        geometry, V = self.geometry, self.V
        self._order = order
        if self.rheology.constant is None and self.steps == 0:
            self.viscosity = self.rheology.viscosity(np.zeros(geometry.count))
        self._lead = {1: 1.0, 2: 1.5}[order] * self.density / self.dt
        self._mobility = 1.0 / (self._lead + self.drag)
        base = (self._lead * geometry.jacobian)[:, None, None] * self._mass
        friction = self._nodal_drag()
        if V.degree == 1:
            lump = friction * geometry.volume / V.per_cell
            base = base + lump[:, None, None] * np.eye(V.per_cell)
        else:
            base = base + (friction * geometry.jacobian)[:, None, None] * self._mass
        self._base = base
        if self.rheology.constant is not None:
            self._base += self.rheology.constant * self._stiffness
        gradients = geometry.gradients
        cells = np.einsum("cai,cbi,c->cab", gradients, gradients, geometry.volume * self._mobility)
        self._L.fill(cells)
        self._pressure.refactor()
        openness = 1.0 - self._unresolved(self._stiffness_number())
        share = openness * geometry.volume / self.Q.per_cell
        self.Q.add(np.repeat(share[:, None], self.Q.per_cell, axis=1), self._field)
        self._open_volume = np.maximum(self._field.x.array, 1e-12 * self._lumped.x.array)

    def _stiffness_number(self) -> Array:
        """S = H²/K of each cell, H the distance of its nodes across the cell."""
        height = HEIGHT * self.geometry.size / self.V.degree
        return np.asarray(self.drag * height**2 / self.viscosity)

    def _unresolved(self, stiff: Array) -> Array:
        """b: 0 where the Brinkman layer is resolved or absent, 1 where it is far below a cell."""
        return np.asarray(stiff**4 / (stiff**4 + UNRESOLVED**4))

    def _nodal_drag(self) -> Array:
        """The drag [Pa s/m²] that gives a row of nodes the friction of the unresolved layer."""
        stiff = self._stiffness_number()
        excess = 0.5 * (np.sqrt(1.0 + stiff) - 1.0)
        return np.asarray(self.drag / (1.0 + self._unresolved(stiff) * excess))

    def _prepare_weights(self) -> None:
        """θ: share of the pressure force in the projection; α: weight of the sub-scales in g."""
        share = self._unresolved(self._stiffness_number())
        dragged = np.where(self.drag > 0.0, self._mobility * self.drag, 1.0)
        self._theta = share / dragged
        self._openness = 1.0 - share
        spread = 4.0 * self.viscosity * self._mobility / self.geometry.size**2
        self._alpha = 1.0 / (1.0 + spread)

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
        ahead_cells = ahead[self.V.dofs]
        matrix = self._momentum_matrix(ahead_cells)
        self._prepare_weights()
        grad_p = self._pressure_gradient(self.p)
        rhs = self._momentum_rhs(order, ahead_cells, grad_p)
        u = ahead.copy()
        u[self.fixed_u] = velocity
        self.last_matrix, self.last_rhs = matrix, rhs
        iterations = self._solve_momentum(matrix, rhs, u, velocity, time)
        pressure_iterations = self._project(u, grad_p, pressure, time)
        self.u_old, self.u = self.u, u
        self.time, self.steps = time, self.steps + 1
        cfl = self._cfl(u)
        return StepLog(time, cfl, iterations, pressure_iterations, self._backflow_share)

    def _momentum_matrix(self, ahead: Array) -> Array:
        cells = self._convection(ahead)
        cells *= self.density
        cells += self._base
        if self.rheology.constant is None:
            self.viscosity = self.rheology.viscosity(shear_rate(self._gradient(ahead)[:, 0]))
            cells += self.viscosity[:, None, None] * self._stiffness
        self._add_backflow(cells, ahead)
        return cells

    def _add_backflow(self, cells: Array, ahead: Array) -> None:
        """−βρ ∫ (ū·n)₋ u·v on the openings with a pressure: takes no energy from the far side."""
        near = ahead[self._open.cells]
        normal_speed = np.einsum("fqn,fni,fi->fq", self._open_basis, near, self._open.normal)
        back = np.minimum(normal_speed, 0.0)
        through = self._open.sum(self._open_weights * np.abs(normal_speed))
        self._backflow_share = -self._open.sum(self._open_weights * back) / through if through else 0.0
        if self._backflow_share > 0.0:
            weight = -self._beta * self.density * self._open_weights * back
            added = np.einsum("fq,fqa,fqb->fab", weight, self._open_basis, self._open_basis)
            np.add.at(cells, self._open.cells, added)

    def _momentum_rhs(self, order: int, ahead: Array, grad_p: Array) -> Array:
        """Cell vectors (c, n, d)."""
        now, old = (1.0, 0.0) if order == 1 else (2.0, -0.5)
        rate = self.density / self.dt
        history = rate * (now * self.u + old * self.u_old)
        force = rate * (now * self.f + old * self.f_old) + (1.0 - self._theta)[:, None] * grad_p
        cells = np.einsum("ab,cbi->cai", self._mass, history[self.V.dofs], optimize=True)
        cells -= self._ones[:, None] * force[:, None, :]
        cells *= self.geometry.jacobian[:, None, None]
        if self.rheology.constant is None:
            self._add_transposed_stress(cells, ahead)
        return cells

    def _add_transposed_stress(self, cells: Array, ahead: Array) -> None:
        """−∫ μ (∇ū)ᵀ:∇v, and its trace on the openings: what ∇μ adds beyond the Laplacian form."""
        geometry = self.geometry
        _, weights = quadrature(geometry.dim, max(1, 2 * (self.V.degree - 1)))
        gradient = self._transposed(ahead)
        stress = np.einsum("q,cqji,cqnj->cni", weights, gradient, self._transposed.of_basis(), optimize=True)
        cells -= (self.viscosity * geometry.jacobian)[:, None, None] * stress
        near = self._open.cells
        if len(near):
            middle = self._gradient(ahead[near], near)[:, 0]
            pull = np.einsum("fji,fj->fi", middle, self._open.normal) * self.viscosity[near, None]
            lever = np.einsum("fq,fqn->fn", self._open_weights, self._open_basis)
            np.add.at(cells, near, lever[:, :, None] * pull[:, None, :])

    def _solve_momentum(self, matrix: Array, rhs: Array, u: Array, fixed: Array, time: float) -> int:
        self._A.fill(matrix)
        self._velocity.refactor()
        iterations = 0
        for i in range(self.geometry.dim):
            self.V.add(np.ascontiguousarray(rhs[:, :, i]), self._b)
            self._b.x.array[self.fixed_u] = fixed[:, i]
            self._x.x.array[:] = u[:, i]
            where = f"t = {time:.6g} s, velocity component {i}"
            self._velocity.solve(self._b.x.petsc_vec, self._x.x.petsc_vec, where)
            self._x.x.scatter_forward()
            u[:, i] = self._x.x.array
            iterations += self._velocity.iterations
        return iterations

    def _project(self, u: Array, grad_p: Array, fixed: Array, time: float) -> int:
        geometry = self.geometry
        start = self.p.copy()
        start[self.fixed_p] = fixed
        g = (1.0 - self._theta)[:, None] * grad_p + self._smoothing(grad_p)
        lack = self._mobility[:, None] * (g - self._pressure_gradient(start))
        divergence = self._divergence(u[self.V.dofs])
        cells = np.einsum("cai,ci,c->ca", geometry.gradients, lack, geometry.volume) - divergence
        self.Q.add(cells, self._r)
        self._r.x.array[self.fixed_p] = 0.0
        self._dp.x.array[:] = 0.0
        if self.enclosed:
            self._nullspace.remove(self._r.x.petsc_vec)
        self._pressure.solve(self._r.x.petsc_vec, self._dp.x.petsc_vec, f"t = {time:.6g} s")
        self._dp.x.scatter_forward()
        total = start + self._dp.x.array
        gradient = self._pressure_gradient(total)
        self.f_old = self.f
        self.f = self._mobility[:, None] * (gradient - (1.0 - self._theta)[:, None] * grad_p)
        self.w_correction = self._mobility[:, None] * (gradient - g)
        self.p = self._rotate(total, divergence, fixed)
        return self._pressure.iterations

    def _rotate(self, total: Array, divergence: Array, fixed: Array) -> Array:
        """p̃ − μ ∇·u at the points, without the clot, where the drag dominates."""
        weight = self.viscosity * (1.0 - self._theta.clip(max=1.0))
        self.Q.add(weight[:, None] * divergence, self._field)
        rotated = total - self._field.x.array / self._lumped.x.array
        rotated[self.fixed_p] = fixed
        return np.asarray(rotated)

    def _pressure_gradient(self, p: Array) -> Array:
        """∇p in each cell (c, d)."""
        return np.asarray(np.einsum("ca,cai->ci", p[self.Q.dofs], self.geometry.gradients))

    def _smoothing(self, grad_p: Array) -> Array:
        """α(π − ∇p): π is the cell mean of ∇p averaged to points, over the open cells alone (c, d)."""
        if self.V.degree > 1:
            return np.zeros_like(grad_p)
        share = self._openness * self.geometry.volume / self.Q.per_cell
        smooth = np.empty_like(grad_p)
        for i in range(self.geometry.dim):
            self.Q.add(np.repeat((share * grad_p[:, i])[:, None], self.Q.per_cell, axis=1), self._field)
            points = self._field.x.array / self._open_volume
            smooth[:, i] = points[self.Q.dofs].mean(axis=1)
        return np.asarray((self._openness * self._alpha)[:, None] * (smooth - grad_p))

    def _cfl(self, u: Array) -> float:
        """max |u| Δt / h. Raises `Diverged` where the flow is not finite. Collective."""
        speed = np.linalg.norm(u[self.V.dofs].mean(axis=1), axis=1)
        local = float((speed / self.geometry.size).max(initial=0.0)) * self.dt
        worst = self.geometry.comm.allreduce(local if np.isfinite(local) else np.inf, MPI.MAX)
        if not worst < 1e4:
            raise Diverged(
                f"the flow blew up at t = {self.time:.6g} s (step {self.steps}, CFL {worst:.3g})",
                where=self._fastest(speed), do="try a smaller time step (flow.scheme.dt)",
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
        return shear_rate(self._gradient(self.u[self.V.dofs])[:, 0])
