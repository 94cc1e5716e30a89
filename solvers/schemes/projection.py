"""Incremental pressure correction for u and p, with drag in both equations.

One step, BDF2 with extrapolated (semi-implicit) convection, ū = 2uⁿ − uⁿ⁻¹:

    (3ρ/2Δt + d) u − … : ρ(3u − 4û + û)/2Δt + ρ ū·∇u − ∇·(2με) + d u = −(1−θ)∇pⁿ
    −∇·(m ∇p̃) = −∇·(m g) − ∇·u,     m = (3ρ/2Δt + d)⁻¹,  d = μ/K
    pⁿ⁺¹ = p̃ − μ ∇·u                 (rotational; outside the clot)

ûⁿ = uⁿ − fⁿ with f = m(∇p̃ − (1−θ)∇pⁿ), cell by cell, is the projected velocity; it is never
formed at nodes. For equal-order elements g blends ∇pⁿ with its nodal average, and the
convection carries ρτ (ū·∇u − π)·(ū·∇)v with π the nodal average of ū·∇ū (orthogonal sub-scales):
no spurious pressures in the steady state, no blow-up in under-resolved jets, second order kept.

θ is the share of the pressure force that the projection carries, in clot whose Brinkman layer
the cells cannot resolve (`brinkman.py`).

The velocity that conserves mass in the discrete sense is w = u − m(∇p̃ − g): ∫ w·∇q vanishes
for every interior q. Species are carried by its mean.

Sources: Guermond, Minev & Shen 2006 (overview); Codina 2000 (sub-scales); Timmermans 1996
(rotational).
"""

from typing import TYPE_CHECKING, Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from core.errors import Diverged
from solvers.algebra.columns import Columns
from solvers.algebra.linear import RELATIVE, Poisson, Tolerances
from solvers.elements.cells import Geometry, Pattern, Space
from solvers.elements.facets import Facets
from solvers.elements.kernels import mass, stiffness
from solvers.rheology import Rheology
from solvers.schemes import StepLog
from solvers.schemes.brinkman import medium
from solvers.schemes.compiled import sweeps
from solvers.schemes.plain import Blood, Push

if TYPE_CHECKING:
    from solvers.coupling import Responses

Array = NDArray[Any]

PERMEATION = 100.0
"""Shear rate [1/s] that sets the viscosity of what permeates a clot."""
BLOWN_UP = 1e4
"""CFL number above which the flow counts as blown up."""
SUDDEN = 4
"""First steps, whose pressure moves by all that stands at the openings."""
OF_STEP, FINEST = 0.05, 1e-12
"""Share of a step's own error that the velocity's solve may leave, and the least tolerance."""


class Projection:
    """Fractional-step Navier–Stokes–Brinkman on one mesh; `step` advances it by one time step.

    ``u`` (dofs, d) and ``p`` (points) are nodal values incl. ghosts. ``velocity_dofs`` carry
    imposed velocities, ``pressure_dofs`` imposed pressures; their values are arguments of `step`.
    The state is nodal: ``velocities`` and ``potentials``, of which ``aim`` is p̃.
    """

    velocities = ("u", "u_old", "u_older")
    potentials = ("p", "increment", "aim", "aim_old", "p_old", "p_older")
    increment: Array
    aim: Array
    aim_old: Array
    p_old: Array
    p_older: Array

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
        self.u, self.u_old, self.u_older = (np.zeros((self.V.local, d)) for _ in range(3))
        self.p = np.zeros(self.Q.local)
        self.forget()
        self.drag = np.zeros(geometry.count)
        self.viscosity = rheology.viscosity(np.zeros(geometry.count))
        self.clot_viscosity = float(rheology.viscosity(np.full(1, PERMEATION))[0])
        self.time, self.steps, self.cfl = 0.0, 0, 1.0
        self.coupling: Responses | None = None
        self._shear_rate: tuple[Array, Array] | None = None
        self._tolerances = RELATIVE[tolerances]
        self._beta = backflow
        self._prepare(open_facets)
        self._order = 0

    # ------------------------------------------------------------------ preparation

    def _prepare(self, open_facets: Array) -> None:
        geometry, V, Q = self.geometry, self.V, self.Q
        pattern = Pattern(V)
        self.sweeps = sweeps(V, Q, pattern)
        self._open = Facets(geometry, open_facets)
        self._open_basis, self._open_weights = self._open.basis(V, 3 * V.degree)
        self.lumped = np.array(Q.sum(self.sweeps.spread(np.ones(geometry.count))))
        self.A = Columns(pattern, self.fixed_u, geometry.dim)
        owned = self.fixed_u < V.owned
        self._held_rows = self.fixed_u[owned].astype(np.intp)
        self._fixed_rows = self.fixed_u.astype(np.intp)
        self._load = np.zeros((len(self._held_rows), geometry.dim))
        shared = pattern if V is Q else None
        self._L = Poisson(shared or Pattern(Q), self.fixed_p, self._tolerances["pressure"])

    def set_drag(self, drag: Array) -> None:
        """Set d = μ/K [Pa s/m²] of each cell; the operators follow at the next step."""
        self.drag = drag
        self._order = 0

    def _prepare_order(self, order: int) -> None:
        """Operators that change only with the order of the time scheme and with the drag."""
        V, Q = self.V, self.Q
        self._order = order
        lead = {1: 1.0, 2: 1.5}[order] * self.density / self.dt
        self.medium = medium(self.geometry, V.degree, lead, self.drag, self.clot_viscosity)
        self._dragged = bool(self.geometry.comm.allreduce(bool(self.drag.any()), MPI.LOR))
        self._base = self.A.pattern.assembled(lambda some: self._steady_part(lead, some))
        self._L.set_mobility(self.medium.mobility)
        if self.coupling is not None:
            self.coupling.renew()
        self._carries = bool(self.medium.theta.any())
        opened = np.maximum(Q.sum(self.sweeps.spread(self.medium.open)), 1e-12 * self.lumped)
        self._shares = np.repeat(1.0 / np.stack([self.lumped, opened], axis=1), V.geometry.dim, 1)

    def _steady_part(self, lead: float, cells: slice) -> Array:
        """Cell matrices (n, n, ·) of what stays from step to step: mass, friction, viscosity."""
        V, friction = self.V, self.medium.friction[cells]
        if V.degree == 1:
            found = mass(V, lead, cells)
            lump = friction * self.geometry.volume[cells] / V.per_cell
            found[range(V.per_cell), range(V.per_cell)] += lump
        else:
            found = mass(V, lead + friction, cells)
        if self.rheology.constant is not None:
            found += stiffness(V, self.rheology.constant, cells)
        return found

    def forget(self) -> None:
        """Take velocity and pressure as they are, without what led to them."""
        for name in self.potentials[1:]:
            setattr(self, name, np.zeros(self.Q.local))
        self._w: Array | None = np.zeros((self.geometry.dim, self.geometry.count))

    # ------------------------------------------------------------------ one step

    def step(self, velocity: Array, pressure: Array) -> StepLog:
        """Advance by Δt with imposed ``velocity`` (fixed dofs, d) and ``pressure`` (fixed points).

        Raises `Diverged`. Collective.
        """
        order = 1 if self.steps == 0 else 2
        if self._order != order:
            self._prepare_order(order)
        time = self.time + self.dt
        now, old = (1.0, 0.0) if order == 1 else (2.0, -0.5)
        rate = self.density / self.dt
        ahead, u, history = self._extrapolate(rate * now, rate * old)
        means, blood = self._look_ahead(ahead)
        alpha = self._assemble(ahead, history, self._push(rate * now, rate * old), means, blood)
        u[self._fixed_rows] = velocity
        self._solve_momentum(u, velocity, time)
        pressure_iterations, pace = self._project(u, means, alpha, blood, pressure, time)
        self.u_older, self.u_old, self.u = self.u_old, self.u, u
        self.time, self.steps = time, self.steps + 1
        self.cfl, back = self._cfl(pace), self._backflow_share
        return StepLog(time, self.cfl, self.A.iterations, pressure_iterations, back)

    def _extrapolate(self, now: float, old: float) -> tuple[Array, Array, Array]:
        """ū, a guess at the new velocity, and ``now`` u + ``old`` u_old (dofs, d). Collective.

        The guess goes one order further than ū: it takes half the iterations. What lies between
        them is how far ū is off: with the share of it that convection makes a force, it says
        how well the velocity must be solved for, or errors of the solves would add up.
        """
        steps = self.steps
        before = self.u if steps == 0 else self.u_old
        earlier = 2.0 * before - self.u if steps < 2 else self.u_older
        *found, squares = self.sweeps.extrapolate(now, old, self.u, before, earlier)
        apart, size = self.geometry.comm.allreduce(squares)
        share = np.sqrt(apart / size) if steps >= 2 and size > 0.0 else 1.0
        wanted = OF_STEP * float(share) * min(self.cfl, 1.0)
        self._goal = max(min(self._tolerances["velocity"], wanted), FINEST)
        return found[0], found[1], found[2]

    def _push(self, now: float, old: float) -> Push:
        """What the last two projected velocities lack of the nodal ones, as potentials."""
        # the first step, of first order, had another m
        now, old = ((1.5 if self.steps == k else 1.0) * x for k, x in ((1, now), (2, old)))
        carried = now * self.p_old + old * self.p_older
        whole = now * self.aim + old * self.aim_old - carried
        return Push(whole, carried if self._carries else None)

    def _look_ahead(self, ahead: Array) -> tuple[Array, Blood]:
        """Nodal averages of ū·∇ū and ∇p (points, 2d), and the viscosity at ū. Collective."""
        constant = self.rheology.constant
        sums, rate = self.sweeps.ahead(ahead, self.p, self.medium, shear=constant is None)
        means = self.Q.sum_columns(sums)
        means *= self._shares[:, : means.shape[1]]
        if rate is None:
            return means, Blood(constant, self.viscosity)
        self.viscosity = self.rheology.viscosity(rate)
        points = self.Q.sum(self.sweeps.spread(self.viscosity)) / self.lumped
        return means, Blood(None, self.viscosity, points)

    def _assemble(
        self, ahead: Array, history: Array, push: Push, means: Array, blood: Blood
    ) -> Array:
        """Fill the momentum matrix and ``rhs`` (dofs, d); gives α (c). Collective."""
        data = self.A.data
        data[:] = self._base
        rhs, alpha = self.sweeps.momentum(
            ahead, history, self.p, means, blood, self.medium, push, self.density, data
        )
        self._add_backflow(data, ahead)
        self.A.finish()
        self._rhs = self.V.sum_columns(rhs)
        return alpha

    def _add_backflow(self, data: Array, ahead: Array) -> None:
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
            self.A.pattern.add(data, self._open.cells, added)

    def _solve_momentum(self, u: Array, fixed: Array, time: float) -> None:
        """u (dofs, d), a guess that fits the imposed values, becomes the new velocity."""
        b = self._rhs[: self.V.owned]
        self._load = b[self._held_rows]
        if not self.A.solve(b, u, self._goal):
            raise Diverged(
                f"the velocity solve failed after {self.A.iterations} iterations",
                where=f"t = {time:.6g} s",
                do="try a smaller time step (flow.scheme.dt) or a finer mesh; "
                "the last checkpoint is kept",
            )
        u[self._fixed_rows] = fixed
        self.V.share(u)

    def _project(
        self, u: Array, means: Array, alpha: Array, blood: Blood, fixed: Array, time: float
    ) -> tuple[int, float]:
        """Pressure and projected velocities of ``u``; linear iterations and largest |u|/h."""
        loops, Q = self.sweeps, self.Q
        start = self.p
        if (start[self.fixed_p] != fixed).any():
            start = start.copy()
            start[self.fixed_p] = fixed
        sums, pace = loops.lack(u, self.p, start, means, alpha, self.medium)
        sums = Q.sum_columns(sums)
        where = f"t = {time:.6g} s"
        if self.steps < SUDDEN:
            self.increment = self._L.solve_well(sums[:, 0], where)
        else:
            self.increment = self._L.solve(sums[:, 0], self.increment, where)
        total = start + self.increment
        self.aim_old, self.aim = self.aim, total
        self.p_older, self.p_old = self.p_old, self.p
        self._bend, self._w = (means, alpha), None
        if self.coupling is not None:
            total += self.coupling.couple(u)
            fixed = total[self.fixed_p]
        self.p = self._rotate(total, sums[:, 1], blood, fixed)
        return self._L.iterations, pace

    def response(self, fixed: Array) -> tuple[Array, Array]:
        """φ (points), ∇·(m∇φ) = 0 with ``fixed`` at the fixed points, and m∇φ (d, c).
        Collective.
        """
        geometry, m = self.geometry, self.medium.mobility
        phi = np.zeros(self.Q.local)
        phi[self.fixed_p] = fixed
        slopes = geometry.gradients
        push = np.einsum("cai,ca,c->ci", slopes, phi[self.Q.dofs], m * geometry.volume)
        share = np.zeros(self.Q.local)
        np.add.at(share, self.Q.dofs, -np.einsum("cai,ci->ca", slopes, push))
        phi += self._L.solve_well(np.array(self.Q.sum(share)), "response to an opening")
        return phi, m * np.einsum("cai,ca->ic", slopes, phi[self.Q.dofs])

    def _rotate(self, total: Array, divergence: Array, blood: Blood, fixed: Array) -> Array:
        """p̃ − μ ∇·u at the points, without the clot, where the drag dominates."""
        mu: Array | float | None = blood.constant if blood.points is None else blood.points
        if self._dragged:
            weight = self.viscosity * (1.0 - self.medium.theta)
            mu = self.Q.sum(self.sweeps.spread(weight)) / self.lumped
        rotated = total - mu * divergence / self.lumped
        rotated[self.fixed_p] = fixed
        return np.asarray(rotated)

    def _cfl(self, pace: float) -> float:
        """max |u| Δt / h. Raises `Diverged` where the flow is not finite. Collective."""
        worst = float(self.geometry.comm.allreduce(pace, MPI.MAX)) * self.dt
        if not worst < BLOWN_UP:
            raise Diverged(
                f"the flow blew up at t = {self.time:.6g} s (step {self.steps}, CFL {worst:.3g})",
                where=self._fastest(),
                do="try a smaller time step (flow.scheme.dt)",
            )
        return float(f"{worst:.6g}")  # the same on any number of ranks: the next step sees it

    def _fastest(self) -> str:
        speed = np.linalg.norm(self.u[self.V.dofs].mean(axis=1), axis=1)
        if not len(speed):
            return ""
        cell = int(np.argmax(np.where(np.isfinite(speed), speed, np.inf)))
        place = self.geometry.vertices_in(np.array([cell]))[0].mean(axis=0) * 1e3
        return "near " + ", ".join(f"{x:.1f}" for x in place) + " mm"

    # ------------------------------------------------------------------ what others read

    def reaction(self) -> Array:
        """Force [N] that each fixed dof puts on the blood in the discrete balance of momentum
        of the last step, 0 at other dofs (dofs, d). Collective.
        """
        out = np.zeros((self.V.local, self.geometry.dim))
        out[: self.V.owned] = self.A.reaction(self.u)
        out[self._held_rows] -= self._load
        return self.V.share(out)

    @property
    def w_correction(self) -> Array:
        """m(∇p̃ − g) in each cell (d, c) [m/s]: what w lacks of nodal u."""
        if self._w is None:
            means, alpha = self._bend
            self._w = self.sweeps.correction(
                self.aim, self.p_old, means, alpha, self.medium
            )
        return self._w

    @w_correction.setter
    def w_correction(self, values: Array) -> None:
        self._w = values

    def correction_in(self, cells: Array) -> Array:
        """`w_correction` in the given cells only (d, cells)."""
        if self._w is not None:
            return self._w[:, cells]
        (means, alpha), medium, points = self._bend, self.medium, self.Q.dofs[cells]
        near = np.stack([self.aim[points], self.p_old[points]])
        slope = np.einsum("cai,kca->kic", self.geometry.gradients_in(cells), near)
        bent = (1.0 - medium.theta[cells]) * slope[1]
        if means.shape[1]:
            smooth = means[points, self.geometry.dim :].mean(axis=1).T
            bent += medium.open[cells] * alpha[cells] * (smooth - slope[1])
        return np.asarray(medium.mobility[cells] * (slope[0] - bent))

    def carrier(self) -> Array:
        """The velocity that conserves mass, cell by cell (c, d) [m/s]: ∫ w·∇q = 0 inside."""
        return self.sweeps.carrier(self.u, self.w_correction)

    def cell_shear_rate(self) -> Array:
        """γ̇ at the middle of each cell [1/s]; kept until the next step."""
        if self._shear_rate is None or self._shear_rate[0] is not self.u:
            self._shear_rate = (self.u, self.sweeps.shear_rate(self.u))
        return self._shear_rate[1]
