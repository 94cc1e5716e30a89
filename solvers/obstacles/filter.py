"""A filter in the vena cava."""

from typing import Literal

import numpy as np

from core.settings import quantity
from solvers.obstacles import Array, Obstacle


class CavaFilter(Obstacle):
    """Struts as a sparse bed of fibres, and clot that was caught in its middle.

    K = 3a²/(20 c) (−ln c − 0.931) for wires of radius a that fill the share c of the space
    (Jackson and James 1986). Inertia at the wires is left out, so the loss is a lower bound where
    their Reynolds number is large.
    """

    kind: Literal["filter"] = "filter"
    wire: float = quantity(
        "m", "0.2 mm", "radius of a strut", above="0 m", source="assumed; wires of 0.3 to 0.5 mm"
    )
    solid: float = quantity(
        "1",
        0.02,
        "share of the space that struts take",
        above=0,
        at_most=0.25,
        source="assumed; put the device's own here",
    )
    caught: float = quantity(
        "1",
        0.0,
        "share of the section, from the middle, that is filled with caught clot",
        at_least=0,
        at_most=0.95,
        source="the case",
    )
    clot_permeability: float = quantity(
        "m^2",
        "1e-11 m^2",
        "permeability of caught clot",
        above="0 m^2",
        source="fibrin clot has 1e-13 to 1e-17 m²; flow is kept out if K is far below 1e-4 H²",
    )

    def inverse_permeability(self, depth: Array) -> Array:
        """1/K of the bed, and of clot within √caught of the radius."""
        c = self.solid
        bed = 20.0 * c / (3.0 * self.wire**2 * (-np.log(c) - 0.931))
        return np.where(depth < np.sqrt(self.caught), 1.0 / self.clot_permeability, bed)
