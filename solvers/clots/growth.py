"""M1: phenomenological clot growth, gated by shear, blood age and a coagulant.

    w·∇c − D∇²c + k_d c = k_c φ ψ_γ ψ_τ,     D ∂c/∂n = J ψ_γ on the injured wall
    ∂φ/∂t = k_φ s ψ_c ψ_γ ψ_τ (1 − φ) − k_l φ,   s = min(1, χ_wall + g(η)),   η − ℓ²∇²η = φ
    ψ_γ = γ_t²/(γ_t² + γ̇²),  ψ_τ = τ²/(τ² + τ_t²),  ψ_c = c²/(c² + 1)

c is measured in units of its threshold. g is the non-local adhesion law of Leiderman & Fogelson
(2011); with it a clot's edge moves at 0.288 k_φ ℓ whatever the mesh, so k_φ = v/(0.288 ℓ) for a
front speed v. Drag: Carman–Kozeny, K⁻¹ = C (0.6φ)²/(1 − 0.6φ)³.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from core.settings import quantity
from solvers import laws
from solvers.clots import ClotModel, Injury

if TYPE_CHECKING:
    from solvers.clotting import Clotting, Vein

Array = NDArray[Any]


class Growth(ClotModel):
    """Clot growth in slow, old blood, spreading from injured wall."""

    kind: Literal["growth"] = "growth"
    front_speed: float = quantity(
        "m/s",
        "20 um/min",
        "speed of a clot's edge in still blood",
        above="0 m/s",
        source="order of thrombodynamics assays; a prior, not a measurement of this patient",
    )
    shear_threshold: float = quantity(
        "1/s",
        "10 1/s",
        "shear rate at which growth is halved",
        above="0 1/s",
        source="prior 1 to 50 1/s; 1.0 to 1.2 1/s fits the backward-facing step",
    )
    age_threshold: float = quantity(
        "s", "5 s", "blood age at which growth is halved", above="0 s", source="prior 1 to 60 s"
    )
    diffusivity: float = quantity(
        "m^2/s",
        "7e-8 m^2/s",
        "spreading of the coagulant",
        above="0 m^2/s",
        source="posterior mean of the Graz calibration; a growth parameter, not molecular",
    )
    decay: float = quantity(
        "1/s",
        "0.05 1/s",
        "loss of the coagulant",
        above="0 1/s",
        source="chosen so that it spreads 1.2 mm, which meshes resolve",
    )
    production: float = quantity(
        "1/s",
        "0.15 1/s",
        "coagulant made by clot, in thresholds",
        at_least="0 1/s",
        source="three thresholds in clot at rest",
    )
    wall_source: float = quantity(
        "m/s",
        "1.8e-4 m/s",
        "coagulant from injured wall, in thresholds",
        at_least="0 m/s",
        source="three thresholds at an injured wall at rest",
    )
    lysis: float = quantity(
        "1/s",
        "3.8e-7 1/s",
        "endogenous lysis",
        at_least="0 1/s",
        source="ln 2 in three weeks; regression under heparin is exponential (van Ramshorst 1992)",
    )
    injury: list[Injury] = Field(min_length=1)

    def on(self, vein: Vein) -> Clotting:
        """M1 at work. Collective."""
        from solvers.clotting.gated import Gated

        return Gated(self, vein)

    def rate(self, width: float) -> float:
        """k_φ [1/s] for the edge width ℓ [m]."""
        return self.front_speed / (laws.FRONT * width)

    def gate(self, shear_rate: Array, age: Array) -> Array:
        """ψ_γ ψ_τ."""
        old = np.maximum(age, 0.0) ** 2
        return np.asarray(self._slow(shear_rate) * old / (old + self.age_threshold**2))

    def wall_flux(self, shear_rate: Array) -> Array:
        """J ψ_γ [m/s]."""
        return np.asarray(self.wall_source * self._slow(shear_rate))

    def _slow(self, shear_rate: Array) -> Array:
        return np.asarray(self.shear_threshold**2 / (self.shear_threshold**2 + shear_rate**2))

    def coagulating(self, coagulant: Array) -> Array:
        """ψ_c."""
        c = np.maximum(coagulant, 0.0)
        return np.asarray(c**2 / (c**2 + 1.0))
