"""Element kernels: the integrals of the flow and transport equations over every local cell at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.cells import Space, quadrature

Array = NDArray[Any]


def integrals(space: Space) -> Array:
    """∫ φ_a over the reference cell (n)."""
    points, weights = quadrature(space.geometry.dim, space.degree)
    return np.asarray(weights @ space.table(points))


def reference_mass(space: Space) -> Array:
    """∫ φ_a φ_b over the reference cell (n, n)."""
    points, weights = quadrature(space.geometry.dim, 2 * space.degree)
    table = space.table(points)
    return np.asarray(np.einsum("q,qa,qb->ab", weights, table, table))


def stiffness(space: Space) -> Array:
    """∫ ∇φ_a·∇φ_b over each cell (c, n, n)."""
    geometry, n, d = space.geometry, space.per_cell, space.geometry.dim
    points, weights = quadrature(d, 2 * (space.degree - 1))
    slopes = space.table(points, 1)
    reference = np.einsum("q,kqa,lqb->klab", weights, slopes, slopes)
    metric = np.einsum("cki,cli,c->ckl", geometry.inverse, geometry.inverse, geometry.jacobian)
    cells = metric.reshape(-1, d * d) @ reference.reshape(d * d, n * n)
    return np.asarray(cells.reshape(-1, n, n))


class Convection:
    """∫ φ_a ū·∇φ_b over each cell, for ū in the same space: one batched product a call."""

    def __init__(self, space: Space) -> None:
        self.space = space
        points, weights = quadrature(space.geometry.dim, 3 * space.degree - 1)
        values, slopes = space.table(points), space.table(points, 1)
        tensor = np.einsum("q,qa,qj,kqb->jkab", weights, values, values, slopes)
        self._reference = tensor.reshape(-1, space.per_cell**2)

    def __call__(self, u: Array) -> Array:
        """The cell matrices (c, n, n) for cell values u (c, n, d)."""
        geometry = self.space.geometry
        along = u @ np.swapaxes(geometry.inverse, 1, 2) * geometry.jacobian[:, None, None]
        cells = along.reshape(len(u), -1) @ self._reference
        return np.asarray(cells.reshape(-1, self.space.per_cell, self.space.per_cell))


class Divergence:
    """∫ q_a ∇·u over each cell, for u in a velocity space and q in a pressure space."""

    def __init__(self, velocity: Space, pressure: Space) -> None:
        self.geometry = velocity.geometry
        points, weights = quadrature(self.geometry.dim, velocity.degree + pressure.degree - 1)
        tensor = np.einsum("q,qa,kqb->bka", weights, pressure.table(points), velocity.table(points, 1))
        self._reference = tensor.reshape(-1, pressure.per_cell)

    def __call__(self, u: Array) -> Array:
        """Cell vectors (c, n_q) for cell values u (c, n_u, d)."""
        along = u @ np.swapaxes(self.geometry.inverse, 1, 2) * self.geometry.jacobian[:, None, None]
        return np.asarray(along.reshape(len(u), -1) @ self._reference)


class Gradient:
    """∂_j u_i of a vector field at chosen reference points of every cell."""

    def __init__(self, space: Space, points: Array) -> None:
        self.geometry = space.geometry
        self._slopes = space.table(points, 1)

    def __call__(self, u: Array, cells: Array | slice = slice(None)) -> Array:
        """(c, q, d, d) indexed [i, j] for values u (c, n, d) of ``cells``."""
        local = np.einsum("kqn,cni->cqik", self._slopes, u, optimize=True)
        return np.asarray(local @ self.geometry.inverse[cells, None])

    def of_basis(self) -> Array:
        """∂_j φ_a at the points of all cells (c, q, n, d)."""
        return np.einsum("kqn,ckj->cqnj", self._slopes, self.geometry.inverse, optimize=True)


def shear_rate(gradient: Array) -> Array:
    """γ̇ = √(2 ε:ε) [1/s] of velocity gradients (…, d, d)."""
    strain = 0.5 * (gradient + np.swapaxes(gradient, -1, -2))
    return np.asarray(np.sqrt(2.0 * np.einsum("...ij,...ij->...", strain, strain)))
