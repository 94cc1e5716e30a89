"""Dabigatran, by mouth as its etexilate: holds thrombin and meizothrombin."""

from dataclasses import replace
from typing import Literal

from core.settings import quantity
from solvers.chemistry.amounts import nanomolar
from solvers.chemistry.conditions import Conditions, Inhibitor
from solvers.chemistry.drugs import only_one
from solvers.chemistry.drugs.direct import Direct
from solvers.chemistry.drugs.pharmacokinetics import Compartments

FITTED = "fitted to median peak and trough of 150 mg twice a day in venous thrombosis"
KI = 4.5


class Dabigatran(Direct):
    """Two compartments, doses as etexilate. 150 mg twice a day: 175 µg/L of dabigatran after
    2 h, 60 µg/L before the next dose.
    """

    kind: Literal["dabigatran"] = "dabigatran"
    clearance: float = quantity(
        "m^3/s",
        "106 L/h",
        "CL/F, of dabigatran per etexilate",
        above="0 L/h",
        source="Troconiz et al. 2007, creatinine clearance 76 mL/min",
    )
    volume: float = quantity("m^3", "720 L", "V/F, central", above="0 L", source=FITTED)
    exchange: float = quantity("m^3/s", "50 L/h", "Q/F", at_least="0 L/h", source=FITTED)
    peripheral: float = quantity("m^3", "500 L", "V/F, peripheral", above="0 L", source=FITTED)
    absorption: float = quantity(
        "1/s", "0.76 1/h", "absorption rate", above="0 1/h", source=FITTED
    )
    free: float = quantity(
        "1", 0.65, "share not bound to plasma proteins", above=0, at_most=1, source="label: 35 %"
    )
    on_rate: float = quantity(
        "m^3/mol/s",
        "1.2e7 L/mol/s",
        "association with thrombin",
        above="0 L/mol/s",
        source="melagatran (Adams et al. 2003), a like molecule; only the ratio 4.5 nM matters",
    )

    def compartments(self) -> Compartments:
        """The pharmacokinetics."""
        return Compartments(
            self.clearance, self.volume, self.absorption, 1.0, self.exchange, self.peripheral
        )

    def molar_mass(self) -> float:
        """Of dabigatran [kg/mol]."""
        return 0.4715

    def on(self, conditions: Conditions, time: float) -> Conditions:
        """Thrombin: Ki 4.5 nM (Wienen et al. 2007)."""
        only_one(conditions.iia_drug, "thrombin")
        free = nanomolar(self.free * self.at(time) / self.molar_mass())
        on = self.on_rate * 1e-6
        return replace(conditions, iia_drug=Inhibitor(free, on, on * KI))
