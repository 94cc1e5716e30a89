"""Unfractionated heparin, into a vein."""

from typing import Any, Literal

from numpy.typing import NDArray

from core.settings import quantity
from solvers.chemistry.drugs.heparins import HeparinLike
from solvers.chemistry.drugs.pharmacokinetics import Compartments

Array = NDArray[Any]
DOSED = "80 IU/kg, then 18 IU/kg/h, which aims at 0.3 to 0.7 anti-Xa IU/mL; half-life 60 to 90 min"


class UnfractionatedHeparin(HeparinLike):
    """One compartment. Its clearance falls with the dose in truth; this is the therapeutic one."""

    kind: Literal["heparin"] = "heparin"
    clearance: float = quantity("m^3/s", "2.7 L/h", "clearance", above="0 L/h", source=DOSED)
    volume: float = quantity(
        "m^3", "5.3 L", "volume of distribution", above="0 L", source="0.07 L/kg, 75 kg"
    )

    def ratio(self) -> float:
        """One, by definition of the unit."""
        return 1.0

    def concentration(self, times: Array) -> Array:
        """Anti-Xa activity of plasma at ``times`` [s] [IU/m³]."""
        return Compartments(self.clearance, self.volume).concentration(times, self.doses)
