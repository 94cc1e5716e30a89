"""Alteplase (tPA) into a vein: plasminogen activator everywhere in the blood."""

from typing import Any, Literal

from numpy.typing import NDArray
from pydantic import Field

from core.settings import quantity
from solvers.chemistry.drugs import Dose, Drug
from solvers.chemistry.drugs.pharmacokinetics import Compartments

Array = NDArray[Any]
LABEL = "label: 550 to 680 mL/min, 2.8 to 4.4 L, half-lives 4 and 40 min"
MOLAR_MASS = 59.0
"""[kg/mol]."""


class Alteplase(Drug):
    """Two compartments; what lysis needs is `tpa`."""

    kind: Literal["alteplase"] = "alteplase"
    doses: tuple[Dose, ...] = Field(min_length=1, description="doses, with their duration")
    clearance: float = quantity("m^3/s", "0.6 L/min", "clearance", above="0 L/min", source=LABEL)
    volume: float = quantity("m^3", "3.8 L", "central volume", above="0 L", source=LABEL)
    exchange: float = quantity(
        "m^3/s", "0.05 L/min", "trade with the tissues", at_least="0 L/min", source=LABEL
    )
    peripheral: float = quantity("m^3", "2.7 L", "peripheral volume", above="0 L", source=LABEL)

    def concentration(self, times: Array) -> Array:
        """Concentration in plasma at ``times`` [s] [kg/m³]."""
        body = Compartments(
            self.clearance, self.volume, exchange=self.exchange, peripheral=self.peripheral
        )
        return body.concentration(times, self.doses)

    def tpa(self, time: float) -> float:
        """In plasma at ``time`` [s] [mol/m³]."""
        return self.at(time) / MOLAR_MASS
