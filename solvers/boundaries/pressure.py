"""Imposed pressure."""

from typing import Annotated, Literal

from core.settings import quantity
from solvers.boundaries import Scaled
from solvers.waveforms import Waveform, shapes
from solvers.waveforms.constant import Constant


class Pressure(Scaled):
    """p = p̄ w(t) on the cap, no viscous traction; backflow is stabilised."""

    kind: Literal["pressure"] = "pressure"
    pressure: float = quantity(
        "Pa", None, "cycle-mean pressure at the opening", source="central venous pressure"
    )
    waveform: Annotated[Waveform, *shapes.field()] = Constant()

    def pressure_at(self, time: float, period: float) -> float:
        """p̄ w(t) [Pa]."""
        return self.pressure * self.waveform.at(time, period)

    def scale(self) -> float:
        """p̄."""
        return self.pressure
