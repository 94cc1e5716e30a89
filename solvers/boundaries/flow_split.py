"""A stated share of the inflow."""

from typing import ClassVar, Literal

from core.settings import quantity
from solvers.boundaries import Boundary, Load, Step


class FlowSplit(Boundary):
    """Q = s Σ Q_in: the opening takes a share of the imposed inflow, at the pressure that needs.

    The profile is free, unlike at an opening with an imposed flow rate.
    """

    sets_level: ClassVar[bool] = False
    kind: Literal["flow_split"] = "flow_split"
    share: float = quantity(
        "1",
        None,
        "share of the sum of the imposed flow rates that leaves here",
        above=0,
        at_most=1,
        source="the case; duplex of this patient where there is one",
    )

    def load(self) -> Load:
        """Q − s Σ Q_in = 0."""
        return Share(self.share)


class Share(Load):
    """Q = s Σ Q_in."""

    def __init__(self, share: float) -> None:
        self.share = share

    def equation(self, pressure: float, flow: float, step: Step) -> tuple[float, float, float]:  # noqa: ARG002
        """Q − s Σ Q_in."""
        return flow - self.share * step.inflow, 0.0, 1.0
