"""Enoxaparin, a low-molecular-weight heparin, under the skin."""

from typing import Any, Literal

from numpy.typing import NDArray

from core.settings import quantity
from solvers.chemistry.drugs.heparins import ENOXAPARIN_RATIO, HeparinLike
from solvers.chemistry.drugs.pharmacokinetics import Compartments

Array = NDArray[Any]
LABEL = "label: 1 IU/mL after one dose of 1 mg/kg, 1.2 and 0.52 IU/mL twice daily; 0.7 to 1 L/h"


class Enoxaparin(HeparinLike):
    """One compartment; 1 mg is 100 anti-Xa IU."""

    kind: Literal["enoxaparin"] = "enoxaparin"
    clearance: float = quantity("m^3/s", "0.75 L/h", "CL/F", above="0 L/h", source=LABEL)
    volume: float = quantity(
        "m^3", "5.2 L", "V/F", above="0 L", source="Green et al. 2005 at 80 kg"
    )
    absorption: float = quantity("1/s", "0.5 1/h", "absorption rate", above="0 1/h", source=LABEL)
    xa_over_iia: float = quantity(
        "1",
        ENOXAPARIN_RATIO,
        "anti-Xa over anti-IIa activity",
        above=0,
        source="label: 3.3 to 5.3",
    )

    def ratio(self) -> float:
        """Anti-Xa over anti-IIa activity."""
        return self.xa_over_iia

    def concentration(self, times: Array) -> Array:
        """Anti-Xa activity of plasma at ``times`` [s] [IU/m³]."""
        body = Compartments(self.clearance, self.volume, self.absorption)
        return body.concentration(times, self.doses)
