"""The wall in the region of interest: around the narrowing, or all of it where there is none."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from postprocess.inputs.narrowing import Narrowing
from postprocess.inputs.vessel import EXTENSION, Vessel
from postprocess.metrics.wall import oscillation
from postprocess.simplex import areas
from postprocess.sites import SLACK, NotAssessable

Array = NDArray[Any]


class Region:
    """Wall shear stress in the region of interest (SI); walls of extensions never belong to it."""

    def __init__(self, vessel: Vessel, narrowing: Narrowing) -> None:
        self._vessel, self._narrowing = vessel, narrowing

    @cached_property
    def in_region(self) -> Array:
        """Which wall facets (F,) are in the region of interest."""
        vessel = self._vessel.wall_region != EXTENSION
        if not self._narrowing.has_site:
            return vessel
        centre = self._vessel.points[self._vessel.wall_facets].mean(axis=1)
        nearest = cKDTree(self._narrowing.planes.centre).query(centre)[1]
        way = self._narrowing.tree.ways(self._narrowing.lesion.plane)[nearest]
        return np.asarray(vessel & (way <= self._narrowing.settings.region + SLACK))

    @cached_property
    def region(self) -> str:
        """The region of interest in words."""
        if not self._narrowing.has_site:
            return "whole wall"
        middle = "narrowing" if self._narrowing.is_narrowed else str(self._narrowing.lesion)
        return f"{middle} ± {1e3 * self._narrowing.settings.region:.0f} mm"

    @cached_property
    def wall_area(self) -> Array:
        """Area of the wall facets in the region of interest."""
        return areas(self._vessel.points[self._vessel.wall_facets])[self.in_region]

    @cached_property
    def tawss(self) -> Array:
        """Time-averaged wall shear stress in the region of interest."""
        tawss = self._vessel.read("flow/wall/tawss", "wall shear stress")
        return tawss[self.in_region].astype(float)

    @cached_property
    def osi(self) -> Array:
        """Oscillatory shear index in the region of interest."""
        mean = self._vessel.read("flow/wall/traction_mean", "mean wall shear stress")
        return oscillation(self.tawss, mean[self.in_region].astype(float))

    @cached_property
    def wall_shear_rate(self) -> Array:
        """Cycle-mean shear rate of the cell at each wall facet in the region of interest."""
        rate = self._vessel.read("flow/mean/shear_rate", "shear rate")
        return rate[self._vessel.wall_cells][self.in_region].astype(float)

    @cached_property
    def wall_viscosity(self) -> float:
        """Median of wall shear stress over shear rate in the region of interest."""
        moved = self.wall_shear_rate > 0
        if not moved.any():
            raise NotAssessable("the blood at the wall is at rest")
        return float(np.median(self.tawss[moved] / self.wall_shear_rate[moved]))
