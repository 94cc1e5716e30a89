"""Shear-thinning blood after Carreau and Yasuda."""

from typing import Any, Literal

from numpy.typing import NDArray

from core.settings import quantity
from solvers.rheology import Rheology

SOURCE = "Boyd, Buick & Green 2007"


class CarreauYasuda(Rheology):
    """μ = μ∞ + (μ₀ − μ∞) (1 + (λγ̇)ᵃ)^((n−1)/a)."""

    kind: Literal["carreau_yasuda"] = "carreau_yasuda"
    mu_0: float = quantity(
        "Pa s", "22 mPa s", "zero-shear viscosity", above="0 Pa s", source=SOURCE
    )
    mu_inf: float = quantity(
        "Pa s", "2.2 mPa s", "infinite-shear viscosity", above="0 Pa s", source=SOURCE
    )
    time: float = quantity("s", "0.11 s", "relaxation time λ", above="0 s", source=SOURCE)
    a: float = quantity(
        "1", 0.644, "width a of the transition", at_least=0.2, at_most=10, source=SOURCE
    )
    n: float = quantity("1", 0.392, "power-law index", above=0, at_most=1, source=SOURCE)

    def viscosity(self, shear_rate: NDArray[Any]) -> NDArray[Any]:
        """μ(γ̇) [Pa s]."""
        thinning = (1.0 + (self.time * shear_rate) ** self.a) ** ((self.n - 1.0) / self.a)
        return self.mu_inf + (self.mu_0 - self.mu_inf) * thinning
