"""Clot models; one file a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from core.registry import Registry
from core.settings import Settings, quantity
from solvers import laws

if TYPE_CHECKING:  # a case is read where there is no MPI
    from solvers.clotting import Clotting, Vein

Array = NDArray[Any]


class Injury(Settings):
    """A ball in which the vein's wall sets off clotting."""

    at: tuple[float, float, float] = quantity("m", None, "centre of the injured zone")
    radius: float = quantity("m", None, "radius of the injured zone", above="0 m")

    def holds(self, points: Array) -> Array:
        """Whether each of ``points`` (n, 2 or 3) [m] lies in the zone."""
        centre = np.asarray(self.at)[: points.shape[1]]
        return np.asarray(np.linalg.norm(points - centre, axis=1) <= self.radius)


class ClotModel(Settings):
    """How a clot grows. `on` gives the model at work in a vein."""

    treatable: ClassVar[bool] = False
    """Whether drugs act on it."""

    def zones(self) -> tuple[Injury, ...]:
        """Where the wall sets off clotting."""
        return tuple(getattr(self, "injury", ()))

    def injured(self, points: Array) -> Array:
        """χ: 1 at points (n, 3) [m] in an injured zone, else 0."""
        inside = np.zeros(len(points))
        for zone in self.zones():
            inside[zone.holds(points)] = 1.0
        return inside

    def inverse_permeability(self, fraction: Array) -> Array:
        """1/K [m⁻²] of clot of a given fraction, after Carman and Kozeny."""
        return laws.carman_kozeny(fraction)

    def on(self, vein: Vein) -> Clotting:
        """This model at work, before any clot. Collective."""
        raise NotImplementedError


models = Registry("clot model", __name__, ClotModel)
