"""A resistance to a distal pressure."""

from typing import Literal

from core.settings import quantity
from solvers.boundaries import Boundary, Load, Step


class Resistance(Boundary):
    """p = p_d + R Q, Q out of the vessel; solved together with the flow, so stable at any R Δt."""

    kind: Literal["resistance"] = "resistance"
    resistance: float = quantity(
        "Pa s/m^3",
        None,
        "resistance R between the opening and the distal pressure",
        at_least="0 Pa s/m^3",
        source="the case",
    )
    distal: float = quantity(
        "Pa", "0 Pa", "distal pressure p_d", source="right atrial pressure, 0 to 8 mmHg"
    )

    def load(self) -> Load:
        """p − p_d − R Q = 0."""
        return Linear(self.distal, self.resistance)


class Linear(Load):
    """p = a + b Q."""

    def __init__(self, offset: float, slope: float) -> None:
        self.offset, self.slope = offset, slope

    def equation(self, pressure: float, flow: float, step: Step) -> tuple[float, float, float]:  # noqa: ARG002
        """p − a − b Q."""
        return pressure - self.offset - self.slope * flow, 1.0, -self.slope
