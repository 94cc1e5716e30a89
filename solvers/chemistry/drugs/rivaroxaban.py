"""Rivaroxaban, by mouth: holds factor Xa, free and in prothrombinase."""

from dataclasses import replace
from typing import Literal

from core.settings import quantity
from solvers.chemistry.amounts import nanomolar
from solvers.chemistry.conditions import Conditions, Inhibitor
from solvers.chemistry.drugs import only_one
from solvers.chemistry.drugs.direct import Direct
from solvers.chemistry.drugs.pharmacokinetics import Compartments

MUECK = "order of the population model of Mueck et al. 2011 in acute DVT; a prior"
BURGHAUS = "Burghaus et al. 2011"


class Rivaroxaban(Direct):
    """One compartment. 20 mg a day gives about 300 µg/L after 2 to 3 h and 37 µg/L before the
    next dose; in DVT 270 (189 to 419) and 26 (6 to 87) µg/L were measured.
    """

    kind: Literal["rivaroxaban"] = "rivaroxaban"
    clearance: float = quantity("m^3/s", "5.7 L/h", "CL/F", above="0 L/h", source=MUECK)
    volume: float = quantity("m^3", "54 L", "V/F", above="0 L", source=MUECK)
    absorption: float = quantity("1/s", "1.2 1/h", "absorption rate", above="0 1/h", source=MUECK)
    free: float = quantity(
        "1", 0.054, "share not bound to plasma proteins", above=0, at_most=1, source=BURGHAUS
    )

    def compartments(self) -> Compartments:
        """The pharmacokinetics."""
        return Compartments(self.clearance, self.volume, self.absorption)

    def molar_mass(self) -> float:
        """Of rivaroxaban [kg/mol]."""
        return 0.43589

    def on(self, conditions: Conditions, time: float) -> Conditions:
        """Xa: 5.4e7 /M/s, Ki 0.4 nM; prothrombinase: 1.5e6 /M/s, Ki 0.4 nM (Burghaus 2011)."""
        only_one(conditions.xa_drug, "Xa")
        free = nanomolar(self.free * self.at(time) / self.molar_mass())
        return replace(conditions, xa_drug=Inhibitor(free, 0.054, 0.0216, 1.5e-3, 6e-4))
