"""Blood with a yield stress after Casson."""

from typing import Any, Literal

from numpy.typing import NDArray

from core.settings import quantity
from solvers.rheology import Rheology


class Casson(Rheology):
    """μ = (√μ_c + √(τ_y/γ̇_r))², γ̇_r = √(γ̇² + γ̇₀²).

    The law is singular at rest. Below γ̇₀ blood is a Newtonian fluid of (√μ_c + √(τ_y/γ̇₀))²
    instead of a solid: the plug of a tube creeps at up to about γ̇₀, and nothing else changes.
    """

    kind: Literal["casson"] = "casson"
    yield_stress: float = quantity(
        "Pa",
        "5 mPa",
        "yield stress τ_y",
        at_least="0 Pa",
        source="2 to 10 mPa at haematocrit 0.36 to 0.50",
    )
    mu_c: float = quantity(
        "Pa s",
        "3.45 mPa s",
        "Casson viscosity, that of infinite shear",
        above="0 Pa s",
        source="infinite-shear viscosity of Cho & Kensey 1991",
    )
    least_rate: float = quantity(
        "1/s",
        "0.01 1/s",
        "shear rate γ̇₀ below which blood is Newtonian",
        above="0 1/s",
        source="numerical; developed tube flow at 0.5 mL/s does not feel it to 0.1 %",
    )

    def viscosity(self, shear_rate: NDArray[Any]) -> NDArray[Any]:
        """μ(γ̇) [Pa s]."""
        rate = (shear_rate**2 + self.least_rate**2) ** 0.5
        return (self.mu_c**0.5 + (self.yield_stress / rate) ** 0.5) ** 2
