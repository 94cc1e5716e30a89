"""Steady transport of scalars by a frozen, discretely conservative velocity.

    w·∇c − ∇·(D ∇c) + k c = s,   D ∂c/∂n = J on the wall,   c = 0 at inlets

P1, streamline-upwind (SUPG). ``w`` is one vector a cell with ∫ w·∇q = 0 for interior q, so that
the equation conserves: what is made leaves. The factor is kept while w stays.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.algebra.linear import RELATIVE, Solver
from solvers.elements.cells import Matrix, Space
from solvers.elements.facets import Facets
from solvers.elements.kernels import accumulate

Array = NDArray[Any]


class SteadyTransport:
    """The operator of one scalar for one velocity w (c, d); `solve` takes sources."""

    def __init__(
        self,
        space: Space,
        w: Array,
        *,
        diffusivity: float,
        decay: float,
        inlets: Array,
        openings: Facets,
    ) -> None:
        self.space, self.inlets = space, inlets
        geometry = space.geometry
        self._along = np.einsum("ci,cai->ca", w, geometry.gradients)
        self._tau = self._time_scale(diffusivity, decay)
        gradients, volume = geometry.gradients, geometry.volume
        n = space.per_cell
        cells = np.einsum("cai,cbi,c->abc", gradients, gradients, diffusivity * volume)
        test = volume / n + (volume * self._tau) * self._along.T
        cells += test[:, None, :] * self._along.T[None, :, :]
        if decay:
            cells += decay * np.eye(n)[:, :, None] * (volume / n)
            cells += decay * ((volume * self._tau / n) * self._along.T)[:, None, :]
        self._close_backflow(cells, w, openings)
        self._test = test
        self._matrix = Matrix(space, inlets)
        self._solver = Solver(
            "transport", self._matrix.fill(cells), "steady", RELATIVE["standard"]["scalar"]
        )
        self._b, self._x = space.vector(), space.vector()

    def _time_scale(self, diffusivity: float, decay: float) -> Array:
        """τ of the streamline term [s]."""
        h = self.space.geometry.size
        rate = np.abs(self._along).sum(axis=1) ** 2 + (12.0 * diffusivity / h**2) ** 2 + decay**2
        return np.asarray(1.0 / np.sqrt(np.maximum(rate, 1e-30)))

    def _close_backflow(self, cells: Array, w: Array, openings: Facets) -> None:
        """Blood that enters where it should leave is fresh: c = 0 there, weakly."""
        speed = np.einsum("fi,fi->f", w[openings.cells], openings.normal)
        table, weights = openings.basis(self.space, 2)
        back = -np.minimum(speed, 0.0)
        closed = np.einsum("f,fq,fqa,fqb->abf", back, weights, table, table)
        accumulate(cells, openings.cells, closed)

    def solve(self, source: Array, wall: Facets | None = None, flux: Array | None = None) -> Array:
        """c at the points for a source of one value a cell and a wall flux (facets).
        Collective.
        """
        space = self.space
        share = space.gather @ (self._test * source).ravel()
        if wall is not None and flux is not None:
            table, weights = wall.basis(space, 1)
            np.add.at(
                share, space.dofs[wall.cells], np.einsum("f,fq,fqa->fa", flux, weights, table)
            )
        space.sum(share, self._b)
        self._b.x.array[self.inlets] = 0.0
        self._solver.solve(self._b.x.petsc_vec, self._x.x.petsc_vec, "steady transport")
        self._x.x.scatter_forward()
        return np.array(self._x.x.array)
