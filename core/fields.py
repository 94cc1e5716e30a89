"""The vocabulary of fields: one name, label, unit and support for each, used by all writers
and readers.
"""

from dataclasses import dataclass
from typing import Literal

Support = Literal["point", "cell", "facet"]


@dataclass(frozen=True)
class Field:
    """A named field: label for people, SI unit, number of components, where its values sit."""

    name: str
    label: str
    unit: str
    components: int = 1
    support: Support = "point"


VELOCITY = Field("velocity", "velocity", "m/s", 3)
PRESSURE = Field("pressure", "pressure", "Pa")
WALL_SHEAR_STRESS = Field("wss", "wall shear stress", "Pa", 3)
CLOT = Field("clot", "clot fraction", "1")
AGE = Field("age", "residence time", "s")

VIEWED = (VELOCITY, PRESSURE, WALL_SHEAR_STRESS, CLOT, AGE)
"""What the VTKHDF part of a results file holds at every stored time."""
