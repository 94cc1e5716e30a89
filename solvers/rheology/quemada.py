"""Blood as a suspension of red cells after Quemada: viscosity by haematocrit."""

import math
from typing import Any, Literal

from numpy.typing import NDArray

from core.settings import quantity
from solvers.rheology import Rheology

AT_REST = (0.275363, 0.100158)
AT_HIGH_SHEAR = (1.3435, -2.803, 2.711, -0.6479)
CRITICAL_RATE = (-6.1508, 27.923, -25.6, 3.697)
"""Fits of k₀, k∞ and γ̇_c over haematocrit, attributed to Cokelet 1987 and Das, Johnson & Popel
2000; the digits were not compared with the papers. haemoFoam has the same law with coefficients
of another data set, by which blood of H = 0.45 is 1.5 (1 1/s) to 1.2 (1000 1/s) times as viscous.
"""


class Quemada(Rheology):
    """μ = μ_p (1 − ½ k H)⁻², k = (k₀ + k∞ √(γ̇/γ̇_c)) / (1 + √(γ̇/γ̇_c)).

    k₀ = a₀ + 2/(a₁ + H); k∞ and γ̇_c are exponentials of cubics in the haematocrit H. Finite at
    rest, so that nothing has to be regularised.
    """

    kind: Literal["quemada"] = "quemada"
    haematocrit: float = quantity(
        "1",
        0.45,
        "haematocrit H: volume fraction of red cells",
        at_least=0.2,
        at_most=0.6,
        source="healthy adults 0.36 to 0.50; the fits hold from 0.2 to 0.6",
    )
    mu_plasma: float = quantity(
        "Pa s",
        "1.2 mPa s",
        "viscosity of plasma μ_p",
        above="0 Pa s",
        source="plasma at 37 °C; Cokelet 1987",
    )

    def viscosity(self, shear_rate: NDArray[Any]) -> NDArray[Any]:
        """μ(γ̇) [Pa s]."""
        h = self.haematocrit
        at_rest = AT_REST[0] + 2.0 / (AT_REST[1] + h)
        fast = _exponential(AT_HIGH_SHEAR, h)
        root = (shear_rate / _exponential(CRITICAL_RATE, h)) ** 0.5
        k = (at_rest + fast * root) / (1.0 + root)
        return self.mu_plasma * (1.0 - 0.5 * h * k) ** -2


def _exponential(cubic: tuple[float, ...], h: float) -> float:
    return math.e ** sum(c * h**power for power, c in enumerate(cubic))
