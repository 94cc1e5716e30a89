"""Imposed pressure."""

from typing import Literal

from core.settings import quantity
from solvers.boundaries import Boundary


class Pressure(Boundary):
    """p = const on the cap, no viscous traction; backflow is stabilised."""

    kind: Literal["pressure"] = "pressure"
    pressure: float = quantity(
        "Pa", None, "pressure at the opening", source="central venous pressure"
    )

    def pressure_at(self, time: float, period: float) -> float:  # noqa: ARG002
        """The pressure [Pa]."""
        return self.pressure
