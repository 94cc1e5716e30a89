"""Platelets, an option: activation by thrombin, adhesion to injured wall, cohesion to the clot.

Mobile resting P and activated A, bound B [1/mm³], after Leiderman & Fogelson (2011) without ADP:
P' = −k_adh χ (P_max−B) P − α P,   A' = α P − k_adh χ (P_max−B) A − k_coh P_max g(η) A,
B' = k_adh χ (P_max−B)(P+A) + k_coh P_max g(η) A,   α = k_e IIa/(e* + IIa).
g(η) is the adhesion law of the clot's edge (`solvers.laws.adhesion`), χ is 1 at injured wall.
At venous shear rates platelets adhere little: they matter for the membrane that they offer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.chemistry.kernel import Kernel

Array = NDArray[Any]

NORMAL, FULL = 2.5e5, 6.67e7
"""Platelets in blood and in densely packed clot [1/mm³]."""
ADHESION = 3.3212e-8
"""k_adh [mm³/s]."""
COHESION = 1e4
"""k_coh P_max [1/s]."""
ACTIVATION, HALF = 0.5, 1.0
"""k_e [1/s] and e* [nM]: thrombin on platelets."""
HALF_MEMBRANE = 2e4
"""Activated platelets [1/mm³] that offer half the membrane: 2e13 1/m³, a prior."""


@dataclass(frozen=True)
class Platelets(Kernel):
    """The kernel; ``thrombin`` [nM], ``wall`` χ and ``edge`` g(η) per point or for all."""

    thrombin: Any = 0.0
    wall: Any = 0.0
    edge: Any = 0.0
    names: tuple[str, ...] = ("P", "A", "B")

    @property
    def scale(self) -> Array:
        """Amounts (names) that do not matter [1/mm³]."""
        return np.array([1.0, 1.0, 1.0])

    def laws(self, rows: Sequence[Any]) -> list[Any]:
        """Rates of the three states [1/mm³/s]."""
        resting, activated, held = rows
        room = ADHESION * self.wall * (FULL - held)
        turn = ACTIVATION * self.thrombin / (HALF + self.thrombin) * resting
        stuck_p, stuck_a = room * resting, (room + COHESION * self.edge) * activated
        return [-stuck_p - turn, turn - stuck_a, stuck_p + stuck_a]


def membrane(activated: Array) -> Array:
    """Share L of the membrane that factors need, offered by ``activated`` platelets [1/mm³]."""
    return np.asarray(activated / (activated + HALF_MEMBRANE))
