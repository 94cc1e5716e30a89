"""Conditions on the openings of a vessel; one file a condition.

A condition is a frozen spec. It says either the flow rate into the vessel or the pressure at
the opening, as a function of time; the scheme imposes it.
"""

from typing import Literal

from core.registry import Registry
from core.settings import Settings

Profile = Literal["parabolic", "flat"]


class Boundary(Settings):
    """A condition on one opening: exactly one of `inflow` and `pressure_at` gives a number."""

    @property
    def profile(self) -> Profile | None:
        """The shape of the velocity profile where the flow rate is imposed, else None."""
        return None

    def inflow(self, time: float, period: float) -> float:
        """Flow rate into the vessel [m³/s]."""
        raise NotImplementedError

    def pressure_at(self, time: float, period: float) -> float:
        """Pressure [Pa]."""
        raise NotImplementedError


conditions = Registry("boundary condition", __name__, Boundary)
