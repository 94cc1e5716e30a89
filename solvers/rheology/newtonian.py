"""Constant viscosity."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.settings import quantity
from solvers.rheology import Rheology


class Newtonian(Rheology):
    """μ = const."""

    kind: Literal["newtonian"] = "newtonian"
    mu: float = quantity(
        "Pa s",
        "3.5 mPa s",
        "dynamic viscosity",
        above="0 Pa s",
        source="high-shear limit of whole blood at haematocrit 0.45",
    )

    @property
    def constant(self) -> float | None:
        """The viscosity [Pa s]."""
        return self.mu

    def viscosity(self, shear_rate: NDArray[Any]) -> NDArray[Any]:
        """μ [Pa s], the same everywhere."""
        return np.full_like(shear_rate, self.mu)
