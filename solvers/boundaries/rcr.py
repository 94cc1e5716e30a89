"""The three-element Windkessel."""

from math import exp, expm1
from typing import Any, Literal

from core.settings import quantity
from solvers.boundaries import Boundary, Load, Step


class RCR(Boundary):
    """p = X + R_p Q and C dX/dt = Q − (X − p_d)/R_d, Q out of the vessel."""

    kind: Literal["rcr"] = "rcr"
    proximal: float = quantity(
        "Pa s/m^3", None, "proximal resistance R_p", at_least="0 Pa s/m^3", source="the case"
    )
    compliance: float = quantity(
        "m^3/Pa", None, "compliance C", above="0 m^3/Pa", source="the case"
    )
    distal_resistance: float = quantity(
        "Pa s/m^3", None, "distal resistance R_d", above="0 Pa s/m^3", source="the case"
    )
    distal: float = quantity(
        "Pa", "0 Pa", "distal pressure p_d", source="right atrial pressure, 0 to 8 mmHg"
    )
    initial: float | None = quantity(
        "Pa",
        None,
        "pressure X of the compliance at the start; p_d unless given",
        optional=True,
        source="the case",
    )

    def load(self) -> Load:
        """The Windkessel, charged to its initial pressure."""
        return Windkessel(self)


class Windkessel(Load):
    """The charge of an `RCR`: exact for a flow rate that is linear in time within each step.

    With λ = Δt/(R_d C) and ε = (1 − e^(−λ))/λ: X' = p_d + e^(−λ)(X − p_d) + R_d ((ε − e^(−λ)) Q
    + (1 − ε) Q'), of second order in Δt and damped as the Windkessel is at any Δt.
    """

    def __init__(self, spec: RCR) -> None:
        self.spec = spec
        self.charge = spec.distal if spec.initial is None else spec.initial
        self.flow: float | None = None

    def _next(self, step: Step) -> tuple[float, float]:
        """(a, b): the charge at the end of ``step`` is a + b Q'."""
        spec = self.spec
        decay = step.dt / (spec.distal_resistance * spec.compliance)
        kept, share = exp(-decay), -expm1(-decay) / decay
        start = spec.distal + kept * (self.charge - spec.distal)
        rest, late = (
            spec.distal_resistance * (share - kept),
            spec.distal_resistance * (1.0 - share),
        )
        if self.flow is None:  # before the first step no flow is known: Q' from the start
            return start, rest + late
        return start + rest * self.flow, late

    def equation(self, pressure: float, flow: float, step: Step) -> tuple[float, float, float]:
        """p − X' − R_p Q'."""
        offset, slope = self._next(step)
        slope += self.spec.proximal
        return pressure - offset - slope * flow, 1.0, -slope

    def accept(self, pressure: float, flow: float, step: Step) -> None:  # noqa: ARG002
        """The charge at the end of the step."""
        offset, slope = self._next(step)
        self.charge, self.flow = offset + slope * flow, flow

    def memory(self) -> list[Any]:
        """Charge and flow."""
        return [self.charge, self.flow]

    def restore(self, memory: list[Any]) -> None:
        """Charge and flow."""
        self.charge, self.flow = memory
