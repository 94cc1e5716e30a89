"""Wall shear stress on the wall's facets."""

from typing import Any

import basix
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from solvers.elements.cells import Space
from solvers.elements.facets import Facets
from solvers.schemes.projection import Projection

Array = NDArray[Any]


class WallShear:
    """τ = −μ (∂u/∂n)_tangential on each wall facet [Pa], along the flow (f, d).

    From the reaction of the wall in the discrete momentum balance: the residual of the rows that
    the no-slip condition replaced. Tested with the piecewise linear functions q of the wall's
    points and divided by ∫ q, it is τ at the points; a facet has the mean of its corners. Second
    order or better for P1 and P2, where the gradient of the cell beside the wall is a half and
    one order less (`docs/schemes.md`).
    Points of the openings' rims do not count, since the reaction there is also the opening's. The
    gradient at the facet's middle stands in where a facet has no other corner, and for schemes
    that give no reaction.
    """

    def __init__(self, scheme: Projection, wall: Facets, rim: Array) -> None:
        self.scheme, self.wall = scheme, wall
        V, d, count = scheme.V, scheme.geometry.dim, len(wall.area)
        places = np.array([[i for i in range(d + 1) if i != p] for p in range(d + 1)])
        corners = np.take_along_axis(V.dofs[wall.cells], places[wall.place], axis=1)
        free = np.ones(V.local, dtype=bool)
        free[rim] = False
        counted = free[corners] & hasattr(scheme, "reaction")
        share = np.bincount(corners.ravel(), np.repeat(wall.area / d, d), minlength=V.local)
        area = np.array(V.sum(share))
        weight = counted / -(np.maximum(counted.sum(axis=1), 1)[:, None] * area[corners])
        starts = np.arange(0, count * d + 1, d)
        self._mean = sparse.csr_matrix((weight.ravel(), corners.ravel(), starts), (count, V.local))
        self._hats = linear_tests(V, V.dofs_on(wall.numbers))
        self._bare = np.flatnonzero(~counted.any(axis=1))
        self._cells = wall.cells[self._bare]
        self._dofs = V.dofs[self._cells]
        # ∂u/∂n is one weight a dof
        middle, _ = wall.points(1)
        reference = np.stack([V.table(point, 1)[:, 0] for point in middle])[wall.place[self._bare]]
        inverse = scheme.geometry.inverse[self._cells]
        self._slopes = np.einsum(
            "fkn,fki,fi->fn", reference, inverse, wall.normal[self._bare], optimize=True
        )

    def __call__(self) -> Array:
        """τ (f, d) of the last step. Collective."""
        scheme, V, normal = self.scheme, self.scheme.V, self.wall.normal
        stress = np.zeros_like(normal)
        if hasattr(scheme, "reaction"):
            tested = V.sum_columns(self._hats @ scheme.reaction()[: V.owned])
            stress = self._mean @ tested
        slip = np.einsum("fn,fni->fi", self._slopes, scheme.u[self._dofs])
        stress[self._bare] = -scheme.viscosity[self._cells, None] * slip
        along = np.einsum("fi,fi->f", stress, normal)
        return np.asarray(stress - along[:, None] * normal)


def linear_tests(V: Space, wall: Array) -> Any:
    """The operator (dofs, owned dofs) that sums residuals of the ``wall``'s dofs into those of
    the linear functions of its points: of this rank's rows, to be summed over ranks.
    """
    cell = V.element.cell_type
    ends = np.full((V.local, 2), -1)
    if V.degree == 2:
        # a linear function is that of its point and half of each edge's
        for (place,), (a, b) in zip(
            V.element.entity_dofs[1], basix.topology(cell)[1], strict=True
        ):
            ends[V.dofs[:, place]] = V.dofs[:, [a, b]]
    mine = wall[wall < V.owned]
    on_edge = ends[mine, 0] >= 0
    points, edges = mine[~on_edge], mine[on_edge]
    rows = np.concatenate([points, *ends[edges].T])
    columns = np.concatenate([points, edges, edges])
    weights = np.repeat([1.0, 0.5], [len(points), 2 * len(edges)])
    return sparse.csr_matrix((weights, (rows, columns)), (V.local, V.owned))
