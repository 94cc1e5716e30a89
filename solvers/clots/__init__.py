"""Clot models; one file a model."""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from core.registry import Registry
from core.settings import Settings

Array = NDArray[Any]


@dataclass(frozen=True)
class Coagulant:
    """The activator that blood carries and wall and clot make, in units of its threshold:
    diffusivity [m²/s], decay [1/s] and production in clot [1/s].
    """

    diffusivity: float
    decay: float
    production: float


class ClotModel(Settings):
    """How a clot grows: what its edge needs of shear rate [1/s], blood age [s] and coagulant."""

    def injured(self, points: Array) -> Array:
        """1 at points (n, 3) [m] where the wall sets off clotting, else 0."""
        raise NotImplementedError

    def rate(self, width: float) -> float:
        """Growth rate [1/s] of a clot whose edge is ``width`` [m] wide, all gates open."""
        raise NotImplementedError

    def gate(self, shear_rate: Array, age: Array) -> Array:
        """How far flow lets the clot grow, 0 to 1."""
        raise NotImplementedError

    def coagulating(self, coagulant: Array) -> Array:
        """How far the coagulant lets the clot grow, 0 to 1."""
        raise NotImplementedError

    def coagulant(self) -> Coagulant:
        """The coagulant's constants."""
        raise NotImplementedError

    def wall_flux(self, shear_rate: Array) -> Array:
        """Coagulant from injured wall [m/s]."""
        raise NotImplementedError

    def lysis_rate(self) -> float:
        """Loss of clot [1/s]."""
        raise NotImplementedError

    def inverse_permeability(self, fraction: Array) -> Array:
        """1/K [m⁻²] of clot of a given fraction."""
        raise NotImplementedError


models = Registry("clot model", __name__, ClotModel)
