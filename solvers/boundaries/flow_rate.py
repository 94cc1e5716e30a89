"""Imposed flow rate."""

from typing import Annotated, ClassVar, Literal

from core.settings import quantity
from solvers.boundaries import Profile, Scaled
from solvers.waveforms import Waveform, shapes
from solvers.waveforms.constant import Constant


class FlowRate(Scaled):
    """−∫ u·n = Q̄ w(t) exactly on the discrete cap; a negative mean draws blood out.

    "parabolic" is the fully developed profile of the cap's own shape: −Δψ = 1, ψ = 0 on the rim.
    "womersley" is that of each harmonic ω of the flow rate: (iωρ − μΔ)ψ = 1, ψ = 0 on the rim.
    """

    sets_level: ClassVar[bool] = False
    kind: Literal["flow_rate"] = "flow_rate"
    mean: float = quantity(
        "m^3/s",
        None,
        "mean flow rate into the vessel",
        source="the case; duplex of this patient where there is one",
    )
    shape: Profile = "parabolic"
    waveform: Annotated[Waveform, *shapes.field()] = Constant()

    @property
    def profile(self) -> Profile | None:
        """The chosen profile."""
        return self.shape

    def inflow(self, time: float, period: float) -> float:
        """Q̄ w(t) [m³/s]."""
        return self.mean * self.waveform.at(time, period)

    def scale(self) -> float:
        """Q̄."""
        return self.mean
