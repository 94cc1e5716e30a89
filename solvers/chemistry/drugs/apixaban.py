"""Apixaban, by mouth: holds factor Xa, free and in prothrombinase."""

from dataclasses import replace
from typing import Literal

from core.settings import quantity
from solvers.chemistry.amounts import nanomolar
from solvers.chemistry.conditions import Conditions, Inhibitor
from solvers.chemistry.drugs import only_one
from solvers.chemistry.drugs.direct import Direct
from solvers.chemistry.drugs.pharmacokinetics import Compartments

FITTED = "fitted to median peak and trough of 5 mg twice a day in venous thrombosis"
BYON = "order of the population model of Byon et al. 2017; a prior"


class Apixaban(Direct):
    """Two compartments. 5 mg twice a day: 132 µg/L after 3 h, 63 µg/L before the next dose."""

    kind: Literal["apixaban"] = "apixaban"
    clearance: float = quantity("m^3/s", "4.3 L/h", "CL/F", above="0 L/h", source=BYON)
    volume: float = quantity("m^3", "23 L", "V/F, central", above="0 L", source=FITTED)
    exchange: float = quantity("m^3/s", "8 L/h", "Q/F", at_least="0 L/h", source=FITTED)
    peripheral: float = quantity("m^3", "27 L", "V/F, peripheral", above="0 L", source=BYON)
    absorption: float = quantity(
        "1/s", "0.42 1/h", "absorption rate", above="0 1/h", source="Frost et al. 2013"
    )
    free: float = quantity(
        "1", 0.13, "share not bound to plasma proteins", above=0, at_most=1, source="label: 87 %"
    )

    def compartments(self) -> Compartments:
        """The pharmacokinetics."""
        return Compartments(
            self.clearance, self.volume, self.absorption, 1.0, self.exchange, self.peripheral
        )

    def molar_mass(self) -> float:
        """Of apixaban [kg/mol]."""
        return 0.4595

    def on(self, conditions: Conditions, time: float) -> Conditions:
        """Xa: 2e7 /M/s, Ki 0.25 nM; prothrombinase: 1.2e7 /M/s, Ki 0.62 nM, at 37 °C (Luettgen et
        al. 2011). Its weaker hold on prothrombinase with prothrombin is left out.
        """
        only_one(conditions.xa_drug, "Xa")
        free = nanomolar(self.free * self.at(time) / self.molar_mass())
        drug = Inhibitor(free, 0.02, 0.02 * 0.25, 0.012, 0.012 * 0.62)
        return replace(conditions, xa_drug=drug)
