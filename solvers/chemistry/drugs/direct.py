"""What drugs share that bind an enzyme's active site: doses by mass, the free part acts."""

from typing import Any

from numpy.typing import NDArray
from pydantic import Field

from core.settings import quantity
from solvers.chemistry.drugs import Dose, Drug
from solvers.chemistry.drugs.pharmacokinetics import Compartments

Array = NDArray[Any]


class Direct(Drug):
    """A direct inhibitor: total concentration by mass, of which a part is free."""

    doses: tuple[Dose, ...] = Field(default=(), description="doses given")
    level: float | None = quantity(
        "kg/m^3", None, "total level in plasma, if measured", at_least="0 kg/m^3", optional=True
    )

    def compartments(self) -> Compartments:
        """The pharmacokinetics."""
        raise NotImplementedError

    def molar_mass(self) -> float:
        """Of what circulates [kg/mol]."""
        raise NotImplementedError

    def concentration(self, times: Array) -> Array:
        """Total concentration in plasma at ``times`` [s] [kg/m³]."""
        return self.compartments().concentration(times, self.doses)
