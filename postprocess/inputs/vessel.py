"""The vessel of a run: mesh, wall, and the fields inside it."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from core.store import Results
from postprocess.simplex import volumes
from postprocess.sites import NotAssessable

Array = NDArray[Any]
EXTENSION = 2
"""Region of a wall facet that belongs to a flow extension."""


def text(value: Any) -> str:
    """Text of an HDF5 attribute, whichever way it was stored."""
    return value.decode() if isinstance(value, bytes) else str(value)


class Vessel:
    """Mesh and fields (SI); what the run lacks raises `NotAssessable` with the reason."""

    def __init__(self, results: Results) -> None:
        self.results = results

    def read(self, name: str, what: str) -> Array:
        """The dataset ``name`` of the run; ``what`` it is, for the reason why it is not there."""
        if not self.results.has(name):
            raise NotAssessable(f"{what} not computed in this run")
        return self.results.array(name)

    @cached_property
    def points(self) -> Array:
        """Mesh points (N, 3)."""
        return np.asarray(self.results.points(), dtype=float)

    @cached_property
    def cells(self) -> Array:
        """Tetrahedra (C, 4)."""
        return self.results.cells()

    @cached_property
    def all_volume(self) -> Array:
        """Volume of every cell (C,), extensions included."""
        return volumes(self.all_corners)

    @cached_property
    def all_corners(self) -> Array:
        """Corners of every cell (C, 4, 3), extensions included."""
        return self.points[self.cells]

    @cached_property
    def density(self) -> float:
        """Density of the blood."""
        return self.flow_attribute("density")

    @cached_property
    def period(self) -> float:
        """Length of the cycle."""
        return self.flow_attribute("period")

    def flow_attribute(self, name: str) -> float:
        """A number that the flow stage noted."""
        attributes = self.results.attributes("flow") if self.results.has("flow") else {}
        if name not in attributes:
            raise NotAssessable(f"{name} not recorded in this run")
        return float(attributes[name])

    @cached_property
    def pressures_in_cycle(self) -> Array:
        """Pressure (N, K) at the K stored times of the last cycle."""
        slack = self.period * (1 + 1e-9)
        steps = [step for step, time in enumerate(self.results.times()) if 0 < time <= slack]
        if not steps:
            raise NotAssessable("no stored times of the cycle in this run")
        return np.column_stack([self.results.viewed("pressure", step) for step in steps])

    @cached_property
    def wall_facets(self) -> Array:
        """Wall triangles (F, 3) as point numbers, extensions included."""
        return self.read("wall/facets", "wall").astype(np.int64)

    @cached_property
    def wall_cells(self) -> Array:
        """The cell (F,) that each wall facet belongs to."""
        # numbered among the wall's points, three of them fit into one integer
        on_wall = np.unique(self.wall_facets)
        number = np.full(len(self.points), -1, dtype=np.int64)
        number[on_wall] = np.arange(len(on_wall))
        corners = [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]
        sides = np.sort(number[self.cells[:, corners]], axis=2)
        cell, side = np.nonzero(sides[:, :, 0] >= 0)
        weight = len(on_wall) ** np.array([2, 1, 0])
        keys = sides[cell, side] @ weight
        order = np.argsort(keys)
        wanted = np.sort(number[self.wall_facets], axis=1) @ weight
        return np.asarray(cell[order[np.searchsorted(keys, wanted, sorter=order)]])

    @cached_property
    def wall_region(self) -> Array:
        """Region of each wall facet (F,): `EXTENSION` or the vessel."""
        if not self.results.has("wall/region"):
            return np.zeros(len(self.wall_facets), dtype=int)
        return self.results.array("wall/region")

    @cached_property
    def in_vessel(self) -> Array:
        """Which cells (C,) are in the vessel proper: those whose nearest wall is its wall."""
        if not (self.wall_region == EXTENSION).any():
            return np.ones(len(self.cells), dtype=bool)
        walls = cKDTree(self.points[self.wall_facets].mean(axis=1))
        nearest = walls.query(self.points[self.cells].mean(axis=1))[1]
        return np.asarray(self.wall_region[nearest] != EXTENSION)

    @cached_property
    def volume(self) -> Array:
        """Volume of the cells of the vessel."""
        return self.all_volume[self.in_vessel]

    @cached_property
    def age(self) -> Array:
        """Residence time at the corners of the vessel's cells (C, 4)."""
        age = self.read("flow/mean/age", "residence time")
        if not np.isfinite(age).any():
            raise NotAssessable("residence time not computed in this run")
        return np.asarray(age[self.cells][self.in_vessel], dtype=float)

    @cached_property
    def shear_rate(self) -> Array:
        """Cycle-mean shear rate of the vessel's cells (C,)."""
        return self.read("flow/mean/shear_rate", "shear rate")[self.in_vessel]
