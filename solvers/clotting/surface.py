"""The wall film where it is: on injured wall, and carried along by the clot's surface.

The film's area at a point is that of the injured wall not yet covered, A_wall (1 − φ), and that of
the clot's edge, ∫|∇φ| λ dx. Where the clot moves, points lose and gain area; what a point loses is
handed to the points around it that gain, by a symmetric averaging S, so that no amount is lost:
N_j += g_j S[ρ θ/S[g]]_j with ρ the amounts released and θ = min(1, S[g]/S[l]) the share for which
there is new area. The rest stays behind in the clot. New area beyond what was lost is filled with
the blood at the point.
"""

from dataclasses import dataclass
from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from solvers.elements.cells import Space
from solvers.elements.facets import Facets

Array = NDArray[Any]
LEAST = 1e-3
"""Area of film below which a point has none, as a share of its volume over its cells' size."""
TINY = 1e-300


@dataclass(frozen=True)
class Moved:
    """Film states (names, points) after a move; amounts per volume that went into blood there."""

    film: Array
    blood: Array


class Surface:
    """Areas of film and their moves on a mesh; ``wall``: area of injured wall at points [m²]."""

    def __init__(self, space: Space, facets: Facets, injured: Array) -> None:
        """``injured``: share of each facet that is injured. Collective."""
        self.space = space
        dim = space.geometry.dim
        dofs = space.dofs[facets.cells]
        on = np.ones_like(dofs, dtype=bool)
        on[np.arange(len(dofs)), facets.place] = False
        self._corners, self._facet_area = dofs[on].reshape(-1, dim), facets.area
        self.wall = self.to_points(injured)
        volume = space.geometry.volume
        self.volume = np.array(space.sum(space.gather @ np.tile(volume, space.per_cell)))
        self.volume /= space.per_cell
        size = np.array(
            space.sum(space.gather @ np.tile(volume * space.geometry.size, space.per_cell))
        )
        self._least = LEAST * self.volume**2 * space.per_cell / size

    def to_points(self, share: Array) -> Array:
        """Σ area × ``share`` of the wall's facets, at their points [m²]. Collective."""
        sums = np.zeros(self.space.local)
        weight = share * self._facet_area / self._corners.shape[1]
        np.add.at(sums, self._corners, weight[:, None])
        return np.array(self.space.sum(sums))

    def area(self, fraction: Array) -> Array:
        """Film's area at the points for a clot fraction (points). Collective."""
        space, geometry = self.space, self.space.geometry
        values = fraction[space.dofs]
        cells = np.flatnonzero(np.ptp(values, axis=1) > 0.0)
        slope = np.einsum("ca,cai->ci", values[cells], geometry.gradients_in(cells))
        edge = np.linalg.norm(slope, axis=1) * geometry.volume[cells] / space.per_cell
        sums = np.zeros(space.local)
        np.add.at(sums, space.dofs[cells], edge[:, None])
        area = np.array(space.sum(sums)) + self.wall * (1.0 - fraction)
        return np.where(area > self._least, area, 0.0)

    def move(self, film: Array, old: Array, new: Array, blood: Array, depth: float) -> Moved:
        """The film of areas ``old`` on areas ``new``.

        ``blood``: state of blood in the film's names (0 for what blood has not), ``depth``: the
        film's liquid [m³/m²]. Collective.
        """
        lost, gained = np.maximum(old - new, 0.0), np.maximum(new - old, 0.0)
        around = self._average(np.column_stack([lost, gained]))
        share = np.minimum(1.0, around[:, 1] / np.maximum(around[:, 0], TINY))
        placed = lost * share
        held = np.vstack([film * placed, placed]) / np.maximum(around[:, 1], TINY)
        held[:, around[:, 1] <= 0.0] = 0.0
        arrived = gained * self._average(held.T).T
        amount = film * (old - lost) + arrived[:-1]
        room = np.maximum(gained - arrived[-1], 0.0)
        amount += blood * room
        left = film * (lost - placed) - blood * room
        moved = np.where(new > 0.0, amount / np.where(new > 0.0, new, 1.0), 0.0)
        left += np.where(new > 0.0, 0.0, amount)
        return Moved(moved, left * depth / self.volume)

    def _average(self, values: Array) -> Array:
        """S: ∫ of the cells' means of ``values`` (points, k), spread on their points.
        Collective.
        """
        space = self.space
        cells = np.flatnonzero(np.any(values[space.dofs] != 0.0, axis=(1, 2)))
        means = values[space.dofs[cells]].mean(axis=1)
        out = np.zeros_like(values)
        weighted = means * (space.geometry.volume[cells, None] / space.per_cell)
        np.add.at(out, space.dofs[cells], weighted[:, None, :])
        return np.array(space.sum_columns(out))

    def extend(self, values: Array, area: Array, rings: int) -> Array:
        """``values`` (points) of the film, continued ``rings`` cells beyond it. Collective."""
        both = np.column_stack([values * area, area])
        for _ in range(rings):
            both = self._average(both)
            top = both[:, 1].max(initial=0.0)
            top = self.space.geometry.comm.allreduce(float(top), MPI.MAX)
            if top > 0.0:
                both /= top
        good = both[:, 1] > 1e-12
        return np.where(good, both[:, 0] / np.where(good, both[:, 1], 1.0), 0.0)
