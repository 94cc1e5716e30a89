"""Shear-thinning blood after Carreau."""

from typing import Any, Literal

from numpy.typing import NDArray

from core.settings import quantity
from solvers.rheology import Rheology


class Carreau(Rheology):
    """μ = μ∞ + (μ₀ − μ∞) (1 + (λγ̇)²)^((n−1)/2)."""

    kind: Literal["carreau"] = "carreau"
    mu_0: float = quantity(
        "Pa s", "56 mPa s", "zero-shear viscosity", above="0 Pa s", source="Cho & Kensey 1991"
    )
    mu_inf: float = quantity(
        "Pa s",
        "3.45 mPa s",
        "infinite-shear viscosity",
        above="0 Pa s",
        source="Cho & Kensey 1991",
    )
    time: float = quantity(
        "s", "3.313 s", "relaxation time λ", above="0 s", source="Cho & Kensey 1991"
    )
    n: float = quantity(
        "1", 0.3568, "power-law index", above=0, at_most=1, source="Cho & Kensey 1991"
    )

    def viscosity(self, shear_rate: NDArray[Any]) -> NDArray[Any]:
        """μ(γ̇) [Pa s]."""
        thinning = (1.0 + (self.time * shear_rate) ** 2) ** ((self.n - 1.0) / 2.0)
        return self.mu_inf + (self.mu_0 - self.mu_inf) * thinning
