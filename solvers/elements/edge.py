"""The clot fraction on the mesh: its smooth indicator η and its bounded growth law."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.algebra.linear import RELATIVE, Solver, symmetric_kind
from solvers.elements.cells import Matrix, Space
from solvers.laws import adhesion

Array = NDArray[Any]


class ClotEdge:
    """φ at the points of a P1 space, advanced by ∂φ/∂t = k s(η)(1 − φ) − k_l φ within [0, 1]."""

    def __init__(self, space: Space, width: float) -> None:
        self.space, self.width = space, width
        geometry, n = space.geometry, space.per_cell
        self.fraction = np.zeros(space.local)
        gradients = geometry.gradients
        cells = np.einsum("cai,cbi,c->abc", gradients, gradients, geometry.volume * width**2)
        # half lumped, half consistent mass: their leading errors cancel
        self._mass = 0.5 * (np.eye(n) / n + (np.eye(n) + 1.0) / (n * (n + 1)))
        cells += np.multiply.outer(self._mass, geometry.volume)
        matrix = Matrix(space, np.zeros(0, dtype=np.int32), symmetric=True)
        kind = symmetric_kind(space.map.size_global, space.map.comm.size)
        self._solver = Solver(
            "clot edge", matrix.fill(cells), kind, RELATIVE["standard"]["scalar"]
        )
        self._b, self._eta = space.vector(), space.vector()

    def indicator(self) -> Array:
        """g(η), η − ℓ²∇²η = φ. Collective."""
        space = self.space
        load = self._mass @ self.fraction[space.dofs.T] * space.geometry.volume
        space.sum(space.gather @ load.ravel(), self._b)
        # the guess of an iterative solver must not remember the steps before a restart
        self._eta.x.array[:] = self.fraction
        self._solver.solve(self._b.x.petsc_vec, self._eta.x.petsc_vec, "clot edge")
        self._eta.x.scatter_forward()
        return adhesion(self._eta.x.array)

    def grow(self, dt: float, rate: Array, lysis: float) -> float:
        """Advance by ``dt`` [s] with ``rate`` = k s ψ… [1/s] at the points; gives max |Δφ|
        here.
        """
        old = self.fraction
        grown = 1.0 - (1.0 - old) * np.exp(-dt * rate)
        self.fraction = grown * np.exp(-dt * lysis)
        return float(np.abs(self.fraction - old).max(initial=0.0))

    def cells(self) -> Array:
        """φ at the middle of each cell."""
        return np.asarray(self.fraction[self.space.dofs].mean(axis=1))

    def volume(self, above: float = 0.5) -> float:
        """Volume [m³] of points where φ > ``above``: a cell counts by its corners. Collective."""
        share = (self.fraction[self.space.dofs] > above).mean(axis=1)
        return self.space.geometry.total(share)

    def amount(self) -> float:
        """∫ φ [m³]. Collective."""
        return self.space.geometry.total(self.cells())
