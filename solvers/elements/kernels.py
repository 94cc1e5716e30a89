"""Element kernels: the integrals of the flow and transport equations over every local cell at
once.

Cells run along the last axis. `Linear` holds the operators of piecewise linear fields as sparse
matrices; `LinearMomentum` and `GeneralMomentum` give the same integrals for velocities of degree
1 and of any degree.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers.elements.cells import Geometry, Space, quadrature

Array = NDArray[Any]
ALL = slice(None)
"""All cells."""


def integrals(space: Space) -> Array:
    """∫ φ_a over the reference cell (n)."""
    points, weights = quadrature(space.geometry.dim, space.degree)
    return np.asarray(weights @ space.table(points))


def reference_mass(space: Space) -> Array:
    """∫ φ_a φ_b over the reference cell (n, n)."""
    points, weights = quadrature(space.geometry.dim, 2 * space.degree)
    table = space.table(points)
    return np.asarray(np.einsum("q,qa,qb->ab", weights, table, table))


def mass(space: Space, weight: Array | float = 1.0, cells: slice = ALL) -> Array:
    """∫ w φ_a φ_b over ``cells`` (n, n, ·), for one value w for each of them."""
    return np.multiply.outer(reference_mass(space), space.geometry.jacobian[cells] * weight)


def cell_mean(space: Space) -> Array:
    """Weights (n) of the dofs of a cell in the mean over the cell."""
    ones = integrals(space)
    return np.asarray(ones / ones.sum())


def reference_stiffness(space: Space) -> Array:
    """∫ ∂_k φ_a ∂_l φ_b over the reference cell (n·n, k, l)."""
    points, weights = quadrature(space.geometry.dim, 2 * (space.degree - 1))
    slopes = space.table(points, 1)
    tensor = np.einsum("q,kqa,lqb->abkl", weights, slopes, slopes)
    return np.asarray(tensor.reshape(-1, *tensor.shape[2:]))


def reference_convection(space: Space) -> Array:
    """∫ φ_a φ_j ∂_k φ_b over the reference cell (n·n, j·k)."""
    points, weights = quadrature(space.geometry.dim, 3 * space.degree - 1)
    values, slopes = space.table(points), space.table(points, 1)
    tensor = np.einsum("q,qa,qj,kqb->abjk", weights, values, values, slopes, optimize=True)
    return np.asarray(tensor.reshape(space.per_cell**2, -1))


def reference_divergence(velocity: Space, pressure: Space) -> Array:
    """∫ q_a ∂_k φ_b over the reference cell (a, b·k)."""
    points, weights = quadrature(velocity.geometry.dim, velocity.degree)
    table, slopes = pressure.table(points), velocity.table(points, 1)
    tensor = np.einsum("q,qa,kqb->abk", weights, table, slopes)
    return np.asarray(tensor.reshape(pressure.per_cell, -1))


def stiffness(space: Space, weight: Array | float = 1.0, cells: slice = ALL) -> Array:
    """∫ w ∇φ_a·∇φ_b over ``cells`` (n, n, ·), for one value w for each of them."""
    geometry, n, d = space.geometry, space.per_cell, space.geometry.dim
    reference = reference_stiffness(space).reshape(n * n, d * d)
    slopes = geometry.slopes[:, :, cells]
    metric = np.einsum("kic,lic,c->klc", slopes, slopes, geometry.jacobian[cells] * weight)
    return np.asarray((reference @ metric.reshape(d * d, -1)).reshape(n, n, -1))


def shear_rate(gradient: Array) -> Array:
    """γ̇ = √(2 ε:ε) [1/s] of velocity gradients (d, d, …)."""
    strain = gradient + np.swapaxes(gradient, 0, 1)
    return np.asarray(np.sqrt(0.5 * (strain**2).sum(axis=(0, 1))))


def accumulate(cells: Array, numbers: Array, added: Array) -> None:
    """Add to cell matrices (n, n, c) those of the cells ``numbers``, which may repeat."""
    if len(numbers):
        np.add.at(cells.reshape(-1, cells.shape[-1]).T, numbers, added.reshape(-1, len(numbers)).T)


class Linear:
    """Sparse operators between points and cells for a piecewise linear space."""

    def __init__(self, space: Space) -> None:
        geometry, d, n = space.geometry, space.geometry.dim, space.per_cell
        self.space, self.dim, self.count = space, d, geometry.count
        cells = np.repeat(np.arange(self.count), n)
        dofs = space.dofs.ravel()
        gradients = geometry.gradients
        slopes = [
            sparse.csr_matrix(
                (gradients[:, :, i].ravel(), (cells, dofs)), (self.count, space.local)
            )
            for i in range(d)
        ]
        self._gradient = sparse.vstack(slopes, format="csr")
        self._divergence = sparse.csr_matrix(self._gradient.T)
        self._mean = sparse.csr_matrix(
            (np.full(dofs.size, 1.0 / n), (cells, dofs)), (self.count, space.local)
        )
        self._spread = sparse.csr_matrix(self._mean.T)

    def gradient(self, values: Array) -> Array:
        """∂_i of point values (p): (d, c)."""
        return np.asarray((self._gradient @ values).reshape(self.dim, self.count))

    def along_gradients(self, z: Array) -> Array:
        """Σ_c z·∇q_a for vectors (d, c), each already times its volume: (p)."""
        return np.asarray(self._divergence @ z.reshape(-1))

    def mean(self, values: Array) -> Array:
        """Mean over each cell of point values (p, …): (c, …)."""
        return np.asarray(self._mean @ values)

    def spread(self, cells: Array) -> Array:
        """Σ_c s_c/(d+1) at the points of c (p): for s times volume, ∫ s q_a."""
        return np.asarray(self._spread @ cells)


class LinearMomentum:
    """Momentum integrals for velocities that are linear in each cell."""

    def __init__(self, velocity: Space, operators: Linear) -> None:
        self.space, self.linear = velocity, operators
        geometry = velocity.geometry
        self.geometry, self.dim = geometry, geometry.dim
        self._slopes = np.ascontiguousarray(np.moveaxis(geometry.gradients, 0, -1))
        self._dofs = np.ascontiguousarray(velocity.dofs.T)
        n = velocity.per_cell
        self.mass = reference_mass(velocity)
        self._entries = np.empty((n, n, geometry.count))
        self._weights = np.empty((n, self.dim, geometry.count))

    def gradient(self, u: Array) -> Array:
        """∂_j u_i in each cell, indexed [i, j, c]."""
        return np.stack([self.linear.gradient(column) for column in u.T])

    def matrix(
        self, u: Array, density: float, viscosity: Array | None, streamline: Array
    ) -> Array:
        """ρ ∫ φ_a u·∇φ_b (+ μ ∫ ∇φ_a·∇φ_b) + ρ ∫ τ u·∇φ_a u·∇φ_b of each cell (n, n, c).

        ``streamline`` is τ [s]; the result is a work array.
        """
        geometry, n = self.geometry, self.space.per_cell
        weights, slopes, out = self._weights, self._slopes, self._entries
        share = density * geometry.volume / ((n + 1) * n)
        mean = self.mean(u).T
        for i, column in enumerate(u.T):
            here = column[self._dofs]
            here += here.sum(axis=0)
            np.multiply(here, share, out=weights[:, i])
        along = np.einsum("aic,ic->ac", slopes, mean * (density * streamline * geometry.volume))
        for i in range(self.dim):
            weights[:, i] += along * mean[i]
        if viscosity is not None:
            weights += slopes * (viscosity * geometry.volume)
        work = np.empty(geometry.count)
        for a in range(n):
            out[a, 0] = 0.0
            for b in range(1, n):
                np.multiply(weights[a, 0], slopes[b, 0], out=out[a, b])
                for i in range(1, self.dim):
                    np.multiply(weights[a, i], slopes[b, i], out=work)
                    out[a, b] += work
                # the gradients of a cell's basis sum to zero
                out[a, 0] -= out[a, b]
        return out

    def streamline_force(self, u: Array, weight: Array, means: Array) -> Array:
        """∫ s π·(u·∇)v: (dofs, d), for s V = ``weight`` (c); π is the mean over each cell of the
        nodal averages of u·∇u, the first d columns of ``means``.
        """
        mean, linear = self.mean(u).T, self.linear
        return np.column_stack(
            [
                linear.along_gradients(mean * (weight * linear.mean(means[:, i])))
                for i in range(self.dim)
            ]
        )

    def force(self, cells: Array) -> Array:
        """∫ f·v for one vector a cell (d, c): (dofs, d)."""
        return np.column_stack([self.linear.spread(row * self.geometry.volume) for row in cells])

    def divergence(self, u: Array, gradient: Array) -> Array:  # noqa: ARG002
        """∇·u of each cell times its volume over d+1, as ∫ q_a ∇·u: (points)."""
        return self.linear.spread(np.trace(gradient) * self.geometry.volume)

    def mean(self, u: Array) -> Array:
        """Mean velocity of each cell (c, d)."""
        return self.linear.mean(u)


class GeneralMomentum:
    """Momentum integrals for velocities of any degree, by products with reference tensors."""

    def __init__(self, velocity: Space, operators: Linear) -> None:
        self.space, self.linear = velocity, operators
        geometry = velocity.geometry
        self.geometry, self.dim = geometry, geometry.dim
        self.mass = reference_mass(velocity)
        self._convection = reference_convection(velocity)
        self._divergence = reference_divergence(velocity, operators.space)
        self._inverse = geometry.slopes
        self._flat = (velocity.per_cell * self.dim, geometry.count)
        self._dofs = np.ascontiguousarray(velocity.dofs.T)
        self._stiffness = stiffness(velocity)
        self._ones = integrals(velocity)
        middle = np.full((1, self.dim), 1.0 / (self.dim + 1))
        self._middle = velocity.table(middle, 1)[:, 0]
        self._mean = cell_mean(velocity)

    def _local(self, u: Array) -> Array:
        """Velocity in reference directions times the Jacobian, (n, k, c)."""
        scaled = self._inverse * self.geometry.jacobian
        return np.asarray(
            sum(u[:, i][self._dofs][:, None, :] * scaled[None, :, i, :] for i in range(self.dim))
        )

    def gradient(self, u: Array) -> Array:
        """∂_j u_i in the middle of each cell, indexed [i, j, c]."""
        local = np.einsum("kn,nci->ikc", self._middle, u[self._dofs], optimize=True)
        return np.einsum("ikc,kjc->ijc", local, self._inverse, optimize=True)

    def matrix(
        self,
        u: Array,
        density: float,
        viscosity: Array | None,
        streamline: Array,  # noqa: ARG002
    ) -> Array:
        """ρ ∫ φ_a u·∇φ_b (+ μ ∫ ∇φ_a·∇φ_b) of each cell (n, n, c)."""
        n = self.space.per_cell
        cells = self._convection @ (density * self._local(u)).reshape(self._flat)
        cells = cells.reshape(n, n, self.geometry.count)
        if viscosity is not None:
            cells += viscosity * self._stiffness
        return np.asarray(cells)

    def force(self, cells: Array) -> Array:
        """∫ f·v for one vector a cell (d, c): (dofs, d)."""
        shares = [np.multiply.outer(self._ones, row * self.geometry.jacobian) for row in cells]
        return np.column_stack([self.space.gather @ share.reshape(-1) for share in shares])

    def divergence(self, u: Array, gradient: Array) -> Array:  # noqa: ARG002
        """∫ q_a ∇·u: (points)."""
        cells = self._divergence @ self._local(u).reshape(self._flat)
        return np.asarray(self.linear.space.gather @ cells.reshape(-1))

    def mean(self, u: Array) -> Array:
        """Mean velocity of each cell (c, d)."""
        return np.asarray(np.einsum("n,nci->ci", self._mean, u[self._dofs], optimize=True))


def momentum(velocity: Space, operators: Linear) -> LinearMomentum | GeneralMomentum:
    """The kernel that fits the degree of the velocity."""
    return (LinearMomentum if velocity.degree == 1 else GeneralMomentum)(velocity, operators)


__all__ = [
    "GeneralMomentum",
    "Geometry",
    "Linear",
    "LinearMomentum",
    "mass",
    "momentum",
    "stiffness",
]
