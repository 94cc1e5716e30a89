"""Viscosity laws of blood; one file a law."""

from typing import Any

from numpy.typing import NDArray

from core.registry import Registry
from core.settings import Settings

Array = NDArray[Any]


class Rheology(Settings):
    """A law μ(γ̇)."""

    @property
    def constant(self) -> float | None:
        """The viscosity [Pa s] where it does not depend on the shear rate, else None."""
        return None

    def viscosity(self, shear_rate: Array) -> Array:
        """μ [Pa s] at shear rates γ̇ = √(2 ε:ε) [1/s], any shape.

        Where μ is not constant, in arithmetic operators alone: the coupled scheme puts a UFL
        expression in, and differentiates what comes out.
        """
        raise NotImplementedError


laws = Registry("viscosity law", __name__, Rheology)
