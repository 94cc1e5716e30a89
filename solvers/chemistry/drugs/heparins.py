"""What heparins share: activity by unit, and how a unit speeds antithrombin up.

By definition an anti-Xa unit of any heparin inactivates Xa alike, and an anti-IIa unit thrombin;
preparations differ in the ratio of the two. At normal antithrombin and 1 IU/mL the rates are those
of Burghaus et al. (2011) for enoxaparin: 2.2 µM, a 19th of it free, 7.7 µM for its complex with
antithrombin, which then takes Xa at 1.91e6, prothrombinase at 5.7e5, thrombin at 5.5e5 and IXa at
1e4 /M/s.
"""

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray
from pydantic import Field

from core.settings import quantity
from solvers.chemistry.amounts import IU_PER_ML
from solvers.chemistry.conditions import Conditions, Heparin
from solvers.chemistry.drugs import Drug, UnitDose

Array = NDArray[Any]

COMPLEX = 3400.0 * (1e9 / (100.0 * 4500.0) / 19.0) / 7700.0 * 1e-9
"""Complex of enoxaparin (4500 g/mol, 100 IU/mg) and antithrombin at 1 anti-Xa IU/mL [M]."""
XA, PROTHROMBINASE, IXA = 1.91e6 * COMPLEX, 5.7e5 * COMPLEX, 1e4 * COMPLEX
"""Inactivation at 1 anti-Xa IU/mL [1/s]."""
ENOXAPARIN_RATIO = 3.9
"""Anti-Xa over anti-IIa units of enoxaparin (label: 3.3 to 5.3)."""
IIA = 5.5e5 * COMPLEX * ENOXAPARIN_RATIO
"""Inactivation of thrombin at 1 anti-IIa IU/mL [1/s]."""


class HeparinLike(Drug):
    """A heparin: doses and level in anti-Xa units."""

    doses: tuple[UnitDose, ...] = Field(default=(), description="doses in anti-Xa units")
    level: float | None = quantity(
        "IU/m^3",
        None,
        "anti-Xa activity of plasma, if measured",
        at_least="0 IU/m^3",
        optional=True,
    )

    def ratio(self) -> float:
        """Anti-Xa over anti-IIa activity."""
        raise NotImplementedError

    def on(self, conditions: Conditions, time: float) -> Conditions:
        """More inactivation by antithrombin; several heparins add up."""
        units = self.at(time) / IU_PER_ML
        had = conditions.heparin or Heparin()
        heparin = Heparin(
            had.xa + XA * units,
            had.complex + PROTHROMBINASE * units,
            had.iia + IIA * units / self.ratio(),
            had.ixa + IXA * units,
        )
        return replace(conditions, heparin=heparin)
