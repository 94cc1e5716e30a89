"""Wall shear stress on the wall's facets."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.elements.facets import Facets
from solvers.schemes.projection import Projection

Array = NDArray[Any]


class WallShear:
    """τ = −μ (∂u/∂n)_tangential on each wall facet [Pa], along the flow (f, 3).

    P1: the reaction of the wall in the discrete momentum balance (the residual of the rows that
    the no-slip condition replaced) over the area of each wall point, averaged to facets; second
    order where the gradient of a cell is first. P2: the gradient at the facet's middle.
    Facets that touch an opening use the gradient, since the reaction there is also the opening's.
    """

    def __init__(self, scheme: Projection, wall: Facets, rim: Array) -> None:
        self.scheme, self.wall = scheme, wall
        V, d = scheme.V, scheme.geometry.dim
        keep = np.array([[i for i in range(d + 1) if i != p] for p in range(d + 1)])
        self._corners = np.take_along_axis(V.dofs[wall.cells], keep[wall.place], axis=1)
        middles = wall._corners.mean(axis=1)
        slopes = np.stack([V.table(middles[p : p + 1], 1)[:, 0] for p in range(d + 1)])
        self._by_gradient: Array = np.arange(len(wall.area))
        if V.degree == 1:
            at_rim = np.zeros(V.local, dtype=bool)
            at_rim[rim] = True
            self._by_gradient = np.flatnonzero(at_rim[self._corners].any(axis=1))
            self._prepare_reaction()
        near = self._by_gradient
        self._cells = wall.cells[near]
        inverse = scheme.geometry.inverse[self._cells]
        slopes = np.einsum("fkn,fki->fni", slopes[wall.place[near]], inverse, optimize=True)
        # ∂u/∂n is one weight a dof
        self._slopes = np.einsum("fni,fi->fn", slopes, wall.normal[near])
        self._dofs = V.dofs[self._cells]

    def _prepare_reaction(self) -> None:
        V, d = self.scheme.V, self._corners.shape[1]
        share = np.zeros(V.local)
        np.add.at(share, self._corners, np.repeat((self.wall.area / d)[:, None], d, axis=1))
        area = V.sum(share)
        self._area = np.where(area > 0.0, area, 1.0)

    def __call__(self) -> Array:
        """τ (f, 3) of the last step. Collective."""
        stress = np.zeros_like(self.wall.normal)
        if self.scheme.V.degree == 1:
            stress[:] = self._from_reaction()[self._corners].mean(axis=1)
        stress[self._by_gradient] = self._from_gradient()
        along = np.einsum("fi,fi->f", stress, self.wall.normal)
        return np.asarray(stress - along[:, None] * self.wall.normal)

    def _from_gradient(self) -> Array:
        slip = np.einsum("fn,fni->fi", self._slopes, self.scheme.u[self._dofs])
        return np.asarray(-self.scheme.viscosity[self._cells, None] * slip)

    def _from_reaction(self) -> Array:
        """−∫ μ ∂u/∂n φ_a / ∫ φ_a at the wall's points (dofs, 3), from the momentum residual."""
        return -self.scheme.reaction() / self._area[:, None]
