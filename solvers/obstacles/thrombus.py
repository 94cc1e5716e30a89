"""A thrombus that is there already."""

from typing import Literal

import numpy as np

from core.settings import quantity
from solvers.obstacles import Array, Obstacle


class Thrombus(Obstacle):
    """Clot along the wall that leaves the middle open: at depths beyond √(1 − occlusion) radii.

    It does not grow; for that a case has `[clot]`.
    """

    kind: Literal["thrombus"] = "thrombus"
    occlusion: float = quantity(
        "1",
        None,
        "share of the lumen's section that it takes",
        at_least=0,
        at_most=1,
        source="the image",
    )
    permeability: float = quantity(
        "m^2",
        "1e-11 m^2",
        "its permeability",
        above="0 m^2",
        source="fibrin clot has 1e-13 to 1e-17 m²; flow is kept out if K is far below 1e-4 H²",
    )

    def inverse_permeability(self, depth: Array) -> Array:
        """1/K in the ring."""
        inside = depth >= np.sqrt(1.0 - self.occlusion)
        return np.where(inside & (self.occlusion > 0.0), 1.0 / self.permeability, 0.0)
