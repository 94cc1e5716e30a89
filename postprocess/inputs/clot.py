"""The clot of a run at its stored growth times, and the planes that it closes."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from postprocess import sections
from postprocess.inputs.narrowing import Narrowing
from postprocess.inputs.vessel import Vessel
from postprocess.metrics.clot import RECANALISED
from postprocess.simplex import areas, share_above
from postprocess.sites import NotAssessable, Site

Array = NDArray[Any]


class Clot:
    """Clot fraction, volumes and closed lumen (SI)."""

    def __init__(self, vessel: Vessel, narrowing: Narrowing) -> None:
        self._vessel, self._narrowing = vessel, narrowing

    @cached_property
    def has_clot(self) -> bool:
        """Whether a clot was grown in this run."""
        results = self._vessel.results
        return results.has("clot/fraction") and len(results.array("clot/time")) > 0

    @cached_property
    def fractions(self) -> Array:
        """Clot fraction (K, N) at the stored growth times."""
        return self._vessel.read("clot/fraction", "clot growth").astype(float)

    @cached_property
    def clot_fraction(self) -> Array:
        """Clot fraction at the end of growth, at the corners of all cells (C, 4)."""
        return self.fractions[-1][self._vessel.cells]

    def clot_volumes_at(self, level: float) -> Array:
        """Clot volume (K,) at the stored growth times where the fraction exceeds ``level``."""
        shares = (share_above(fraction[self._vessel.cells], level) for fraction in self.fractions)
        return np.array([share @ self._vessel.all_volume for share in shares])

    @cached_property
    def clot_volumes(self) -> Array:
        """Clot volume (K,) at the stored growth times."""
        return self.clot_volumes_at(sections.OPEN)

    @cached_property
    def clot_times(self) -> Array:
        """The stored growth times (K,)."""
        times = self._vessel.read("clot/time", "clot growth")
        if len(times) < 2:
            raise NotAssessable("fewer than two stored growth times")
        return times

    @cached_property
    def growth_width(self) -> float:
        """The growth front's width ℓ."""
        return self._clot_attribute("growth_width")

    def _clot_attribute(self, name: str) -> float:
        results = self._vessel.results
        attributes = results.attributes("clot") if results.has("clot") else {}
        if name not in attributes:
            raise NotAssessable(f"{name.replace('_', ' ')} not recorded in this run")
        return float(attributes[name])

    @cached_property
    def clot_wall_area(self) -> float:
        """Wall area that the clot covers at the end of growth."""
        corners = self._vessel.wall_facets
        covered = share_above(self.fractions[-1][corners], sections.OPEN)
        total = float(covered @ areas(self._vessel.points[corners]))
        if total <= 0:
            raise NotAssessable("no clot on the wall")
        return total

    def _clot_planes(self) -> Array:
        if not self.has_clot:
            raise NotAssessable("clot growth not computed in this run")
        return np.asarray(self._narrowing.curves.assessable())

    @cached_property
    def plane_area(self) -> Array:
        """Lumen area of the assessable planes."""
        return self._narrowing.curves.area[self._clot_planes()]

    @cached_property
    def plane_open_area(self) -> Array:
        """Open lumen area of the assessable planes."""
        return self._narrowing.curves.open_area[self._clot_planes()]

    @cached_property
    def plane_width(self) -> Array:
        """Length of centreline that each assessable plane stands for."""
        width = np.zeros(len(self._narrowing.planes.arc))
        for name in np.unique(self._narrowing.planes.branch):
            on = np.flatnonzero(self._narrowing.planes.branch == name)
            order = on[np.argsort(self._narrowing.planes.arc[on])]
            if len(order) > 1:
                width[order] = np.abs(np.gradient(self._narrowing.planes.arc[order]))
        return width[self._clot_planes()]

    @cached_property
    def closed_in_time(self) -> Array:
        """Share of the lumen closed (K,) on the plane closed most, at the stored growth times."""
        closed = self._narrowing.curves.closed[self._clot_planes()].max(axis=0)
        if closed.max() <= RECANALISED:
            raise NotAssessable("the lumen was never closed by half")
        if closed[-1] > RECANALISED:
            raise NotAssessable("the lumen is still closed by half at the end of growth")
        return np.asarray(closed)

    @cached_property
    def ways_to_confluence(self) -> Array:
        """Way of each assessable plane to the nearest confluence."""
        tree = self._narrowing.tree
        if not tree.confluences:
            raise NotAssessable("the model has no confluence")
        ways = np.array([tree.ways(plane) for plane in tree.confluences])
        return np.asarray(ways.min(axis=0)[self._clot_planes()])

    @cached_property
    def plane_branch(self) -> Array:
        """Number of the branch of each assessable plane."""
        numbers = np.unique(self._narrowing.planes.branch, return_inverse=True)[1]
        return np.asarray(numbers[self._clot_planes()])

    @cached_property
    def end_shear_rate(self) -> Array:
        """Cycle-mean shear rate of every cell (C,) at the end of growth."""
        return self._vessel.read("clot/mean/shear_rate", "shear rate at the end of growth")

    @cached_property
    def clot_site(self) -> Site:
        """The plane that the clot closes most."""
        planes = np.flatnonzero(self._clot_planes())
        closed = 1 - self.plane_open_area / self.plane_area
        if not len(closed) or closed.max() <= 0:
            raise NotAssessable("no clot on any centreline plane")
        return self._narrowing.tree.site(int(planes[np.argmax(closed)]))

    @cached_property
    def clot_point(self) -> Array:
        """The mesh point in the clot that is nearest to the clot's middle."""
        points = self._vessel.points[self.fractions[-1] > sections.OPEN]
        if not len(points):
            raise NotAssessable("no clot")
        off = np.linalg.norm(points - points.mean(axis=0), axis=1)
        return np.asarray(points[np.argmin(off)])

    def _end_pressure(self, plane: int) -> float:
        value = float(self._narrowing.curves.end_pressure[plane])
        if not np.isfinite(value):
            raise NotAssessable("flow at the end of growth not stored")
        return value

    @cached_property
    def end_pressure_peripheral(self) -> float:
        """Mean pressure peripheral of the lesion at the end of growth."""
        return self._end_pressure(self._narrowing.plane_peripheral)

    @cached_property
    def end_pressure_central(self) -> float:
        """Mean pressure central of the lesion at the end of growth."""
        return self._end_pressure(self._narrowing.plane_central)
