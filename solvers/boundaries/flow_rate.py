"""Imposed flow rate."""

from typing import Annotated, Literal

from core.settings import quantity
from solvers.boundaries import Boundary, Profile
from solvers.waveforms import Waveform, shapes
from solvers.waveforms.constant import Constant


class FlowRate(Boundary):
    """−∫ u·n = Q̄ w(t) exactly on the discrete cap, with a flat or parabolic profile.

    "Parabolic" is the fully developed profile of the cap's own shape: −Δψ = 1, ψ = 0 on the rim.
    """

    kind: Literal["flow_rate"] = "flow_rate"
    mean: float = quantity(
        "m^3/s",
        None,
        "mean flow rate into the vessel",
        above="0 m^3/s",
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
