"""Balances of momentum and energy at every step, and what the backflow stabilisation did.

    d/dt ∫ρu  = Σ_openings ∫ (σn − ρu u·n) + ∫_wall σn − ∫ d w,         σ = −p + 2με
    dK/dt     = Σ_openings −∫ (p + ½ρ|u|²) u·n − ∫ μγ̇² − ∫ d|w|² − P_b,  K = ½ρ∫|u|²
    P_b       = Σ_openings βρ ∫ (u·n)₋ |u|²

Each side is evaluated from the nodal velocity u by itself, with volume sums at the nodes and
facet values of the cells beside the boundary: they agree to O(h²) on the wall's scale, and what
they leave is the measure of the discretisation. d is the clot's drag, w the conservative velocity.
"""

from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers.elements.cells import Space
from solvers.elements.facets import Facets
from solvers.elements.kernels import cell_mean, integrals
from solvers.flow import Flow

Array = NDArray[Any]
SCALARS = ("kinetic_energy", "power_in", "dissipation", "drag_power")
"""[J] and [W]."""
VECTORS = ("momentum", "opening_force", "wall_force", "drag_force")
"""[N s] and [N], on the blood."""
BY_OPENING = ("backflow_share", "backflow_power")
"""Share of what crosses the opening that comes back in, and the power [W] that the stabilisation
takes from it; 0 where a flow rate is imposed.
"""


class Rim:
    """Facets with what traction and fluxes on them need; ``still`` dofs have no velocity."""

    def __init__(self, facets: Facets, V: Space, Q: Space, still: Array) -> None:
        d, count = V.geometry.dim, len(facets.numbers)
        self.facets, self.dofs, self.points = facets, V.dofs[facets.cells], Q.dofs[facets.cells]
        basis, self.weights = facets.basis(V, 3 * V.degree)
        columns = np.broadcast_to(self.dofs[:, None], basis.shape).ravel()
        starts = np.arange(self.weights.size + 1) * basis.shape[-1]
        shape = (self.weights.size, V.local)
        self._values = sparse.csr_matrix((basis.ravel(), columns, starts), shape)
        self._normal = np.broadcast_to(facets.normal[:, None], (*self.weights.shape, d)).reshape(
            -1, d
        )
        self.moments = facets.moments(Q)
        # ∫ p n (d) from the pressures at these points
        self._near, places = np.unique(self.points, return_inverse=True)
        self._push = np.zeros((d, len(self._near)))
        for row, normal in zip(self._push, facets.normal.T, strict=True):
            np.add.at(row, places.reshape(self.points.shape), self.moments * normal[:, None])
        middle, _ = facets.points(1)
        reference = np.stack([V.table(point, 1)[:, 0] for point in middle])[facets.place]
        slopes = np.einsum("fkn,fki->fni", reference, V.geometry.inverse[facets.cells])
        # (∇u + ∇uᵀ)n A of each facet (f, d), from velocities (dofs, d)
        along = np.einsum("fni,fi->fn", slopes, facets.normal)
        shear = np.einsum("fn,ki->fkni", along, np.eye(d))
        shear += np.einsum("fnk,fi->fkni", slopes, facets.normal)
        shear *= facets.area[:, None, None, None]
        shear *= ~np.isin(self.dofs, still)[:, None, :, None]
        columns = self.dofs[:, None, :, None] * d + np.arange(d)
        entries = np.broadcast_to(columns, shear.shape).ravel()
        starts = np.arange(count * d + 1) * (entries.size // max(1, count * d))
        self._shear = sparse.csr_matrix((shear.ravel(), entries, starts), (count * d, V.local * d))
        self._shear.eliminate_zeros()
        self._whole = sparse.kron(np.ones((1, count)), np.eye(d), "csr") @ self._shear

    def crossing(self, u: Array) -> tuple[Array, Array]:
        """Velocity (q, d) and flow rate outwards (q) at the quadrature points of all facets."""
        velocity = self._values @ u
        through = np.einsum("qi,qi->q", velocity, self._normal) * self.weights.ravel()
        return velocity, through

    def stress(self, u: Array, p: Array, viscosity: Array | float) -> Array:
        """∫ σn (d) on this rank; ``viscosity`` is one for all, or one a cell."""
        push = self._push @ p[self._near]
        if isinstance(viscosity, float):
            return np.asarray(viscosity * (self._whole @ u.ravel()) - push)
        shear = (self._shear @ u.ravel()).reshape(self.facets.normal.shape)
        return np.asarray(viscosity[self.facets.cells] @ shear - push)


class Balances:
    """The terms of one flow's balances; call it after each step. ``names`` are the openings."""

    def __init__(self, flow: Flow, wall: Facets) -> None:
        self.flow, self.names = flow, tuple(flow.patches)
        V, Q, geometry = flow.V, flow.Q, flow.geometry
        still = V.dofs_on(wall.numbers)
        self._wall = Rim(wall, V, Q, still)
        self._rims = {name: Rim(facets, V, Q, still) for name, facets in flow.patches.items()}
        self._mean = cell_mean(V)
        share = np.multiply.outer(integrals(V), geometry.jacobian)
        self._volume = V.gather @ share.ravel()
        """∫φ_a over this rank's cells."""

    def __call__(self, level: float) -> dict[str, Array]:
        """Every term by name: numbers, vectors (d), and arrays (openings). Collective.

        ``level`` is a pressure [Pa] that is taken off all, as no closed surface feels it: without
        it, small errors of the forces are not hidden.
        """
        flow, scheme = self.flow, self.flow.scheme
        rho, u, p, d = flow.settings.density, scheme.u, scheme.p - level, flow.geometry.dim
        constant, rate = scheme.rheology.constant, scheme.cell_shear_rate()
        viscosity = scheme.viscosity if constant is None else constant
        scalars, vectors = np.zeros(len(SCALARS)), np.zeros((len(VECTORS), d))
        scalars[0] = 0.5 * rho * np.einsum("n,ni,ni->", self._volume, u, u)
        vectors[0] = rho * self._volume @ u
        scalars[2] = np.vdot(viscosity * flow.geometry.volume, rate * rate)
        scalars[3], vectors[3] = self._drag()
        vectors[2] = self._wall.stress(u, p, viscosity)
        back = np.zeros((len(self.names), 3))
        for row, (name, rim) in zip(back, self._rims.items(), strict=True):
            vectors[1] += rim.stress(u, p, viscosity)
            velocity, through = rim.crossing(u)
            kinetic = 0.5 * rho * np.einsum("qi,qi->q", velocity, velocity)
            vectors[1] -= rho * through @ velocity
            scalars[1] -= np.vdot(through, kinetic) + self._pressure_power(rim, p, through)
            if name in flow.outlets:
                inward = np.maximum(-through, 0.0)
                row[:] = inward.sum(), np.abs(through).sum(), 2.0 * np.vdot(inward, kinetic)
        return self._gather(scalars, vectors, back)

    def _gather(self, scalars: Array, vectors: Array, back: Array) -> dict[str, Array]:
        """The sums over all ranks, by name. Collective."""
        whole = np.concatenate([scalars, vectors.ravel(), back.ravel()])
        self.flow.geometry.comm.Allreduce(MPI.IN_PLACE, whole)
        scalars, rest = np.split(whole, [len(SCALARS)])
        vectors, back = rest[: vectors.size].reshape(vectors.shape), rest[vectors.size :]
        back = back.reshape(-1, 3)
        found = dict(zip(SCALARS, scalars, strict=True)) | dict(zip(VECTORS, vectors, strict=True))
        found["backflow_share"] = back[:, 0] / np.where(back[:, 1] > 0.0, back[:, 1], 1.0)
        found["backflow_power"] = self.flow.settings.scheme.backflow * back[:, 2]
        return found

    @staticmethod
    def _pressure_power(rim: Rim, p: Array, through: Array) -> float:
        """∫ p u·n, with the facet's mean pressure."""
        mean = np.einsum("fn,fn->f", rim.moments, p[rim.points]) / rim.facets.area
        return float(np.repeat(mean, len(through) // max(len(mean), 1)) @ through)

    def _drag(self) -> tuple[float, Array]:
        """∫ d|w|² and −∫ d w on this rank."""
        scheme, volume = self.flow.scheme, self.flow.geometry.volume
        if not scheme.drag.any():
            return 0.0, np.zeros(self.flow.geometry.dim)
        clot = np.flatnonzero(scheme.drag)
        mean = np.einsum("n,cni->ci", self._mean, scheme.u[self.flow.V.dofs[clot]])
        w = mean - scheme.correction_in(clot).T
        weight = scheme.drag[clot] * volume[clot]
        return float(weight @ (w**2).sum(axis=1)), -weight @ w


def residuals(
    now: dict[str, Any], before: dict[str, Any] | None, dt: float
) -> tuple[float, float]:
    """What the balances of momentum and energy leave open between two steps, as shares of the
    sums of their terms' sizes; of the first step alone where there is none ``before``.
    """

    def mean(name: str) -> Array:
        return np.asarray(now[name] if before is None else 0.5 * (now[name] + before[name]))

    def rate(name: str) -> Array:
        return np.asarray(now[name] - before[name] if before else 0.0 * now[name]) / dt

    powers = [
        rate("kinetic_energy"),
        -mean("power_in"),
        mean("dissipation"),
        mean("drag_power"),
        mean("backflow_power").sum(),
    ]
    forces = [rate("momentum"), *(-mean(name) for name in VECTORS[1:])]
    return _open(forces), _open(powers)


def _open(terms: list[Array]) -> float:
    size = sum(float(np.linalg.norm(term)) for term in terms)
    return float(np.linalg.norm(sum(terms))) / size if size > 0.0 else 0.0
