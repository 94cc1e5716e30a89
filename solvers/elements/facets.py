"""A set of boundary facets: areas, normals, and integrals over them as array expressions."""

from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from solvers.elements.cells import Geometry, Space, quadrature
from solvers.elements.kernels import cell_mean

Array = NDArray[Any]


class Facets:
    """Boundary facets of the local cells: cell, place in the cell, area (f) and outward normal
    (f, d).
    """

    def __init__(self, geometry: Geometry, facets: Array) -> None:
        self.geometry, self.numbers = geometry, np.asarray(facets, dtype=np.int32)
        topology, dim = geometry.mesh.topology, geometry.dim
        topology.create_connectivity(dim - 1, dim)
        topology.create_connectivity(dim, dim - 1)
        to_cell = topology.connectivity(dim - 1, dim)
        self.cells = np.array([to_cell.links(f)[0] for f in self.numbers], dtype=np.int64)
        of_cell = topology.connectivity(dim, dim - 1).array.reshape(-1, dim + 1)[self.cells]
        self.place = np.argmax(of_cell == self.numbers[:, None], axis=1)
        inward = geometry.gradients_in(self.cells)[np.arange(len(self.cells)), self.place]
        steepness = np.linalg.norm(inward, axis=1)
        self.normal = -inward / steepness[:, None]
        self.area = dim * geometry.volume[self.cells] * steepness
        keep = np.array([[i for i in range(dim + 1) if i != p] for p in range(dim + 1)])
        self.vertices = np.take_along_axis(
            geometry.vertices_in(self.cells), keep[self.place][:, :, None], axis=1
        )
        self._corners = np.vstack([np.zeros(dim), np.eye(dim)])[keep]

    @property
    def centre(self) -> Array:
        """Midpoints (f, d) [m]."""
        return np.asarray(self.vertices.mean(axis=1))

    def points(self, degree: int) -> tuple[Array, Array]:
        """Quadrature on each place of the reference cell: points (d+1, q, d), weights (q) of
        sum 1.
        """
        flat, weights = quadrature(self.geometry.dim - 1, degree)
        bary = np.column_stack([1.0 - flat.sum(axis=1), flat])
        return np.einsum("qv,pvk->pqk", bary, self._corners), weights / weights.sum()

    def basis(self, space: Space, degree: int) -> tuple[Array, Array]:
        """Basis values (f, q, n) at quadrature points, and weights (f, q) that sum to the
        areas.
        """
        points, weights = self.points(degree)
        tables = np.stack([space.table(p) for p in points])
        return tables[self.place], self.area[:, None] * weights

    def moments(self, space: Space) -> Array:
        """∫ φ_a over each facet (f, n)."""
        table, weights = self.basis(space, space.degree)
        return np.einsum("fq,fqn->fn", weights, table)

    def sum(self, values: Array) -> float:
        """Sum of one number a facet over all ranks. Collective."""
        return float(self.geometry.comm.allreduce(float(values.sum()), MPI.SUM))


class Flux:
    """The functional u ↦ ∫ u·n [m³/s] over a set of facets, positive outwards."""

    def __init__(self, facets: Facets, space: Space) -> None:
        self.facets = facets
        self._dofs = space.dofs[facets.cells]
        self._weights = facets.moments(space)[:, :, None] * facets.normal[:, None, :]

    def __call__(self, u: Array) -> float:
        """∫ u·n for nodal u (dofs, d). Collective."""
        return self.facets.sum(np.einsum("fnd,fnd->f", self._weights, u[self._dofs]))


class ConsistentFlux:
    """The functional w ↦ ∫ w·∇χ [m³/s], χ = 1 at the given points and 0 at all others.

    For a velocity whose ∫ w·∇q vanishes at every other point this is what flows out there, to
    the tolerance of the pressure solve: the flux that balances exactly.
    """

    def __init__(self, pressure: Space, velocity: Space, points: Array) -> None:
        geometry = pressure.geometry
        chi = np.zeros(pressure.local)
        chi[points] = 1.0
        near = chi[pressure.dofs]
        self.comm = geometry.comm
        self.cells = np.flatnonzero(near.any(axis=1))
        slope = np.einsum("ca,cai->ci", near[self.cells], geometry.gradients_in(self.cells))
        self._slope = slope * geometry.volume[self.cells, None]
        self._dofs = velocity.dofs[self.cells]
        self._mean = cell_mean(velocity)

    def __call__(self, u: Array, correction: Array) -> float:
        """For nodal u (dofs, d) less a correction (d, ·) in each of its ``cells``. Collective."""
        w = np.einsum("n,cnd->cd", self._mean, u[self._dofs]) - correction.T
        return float(self.comm.allreduce(float(np.vdot(self._slope, w)), MPI.SUM))
