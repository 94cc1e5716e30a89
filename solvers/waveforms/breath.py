"""Respiratory phasicity of venous return."""

from math import cos, pi
from typing import Literal

from core.settings import quantity
from solvers.waveforms import Waveform


class Breath(Waveform):
    """w(t) = 1 + s cos(2π t/T): more return during expiration in the supine leg.

    Above s = 1 the flow reverses at the height of inspiration.
    """

    kind: Literal["breath"] = "breath"
    swing: float = quantity(
        "1",
        0.3,
        "amplitude of the respiratory modulation",
        at_least=0,
        at_most=10,
        source="assumed; resting phasicity of iliofemoral flow",
    )

    def at(self, time: float, period: float) -> float:
        """w at ``time``."""
        return 1.0 + self.swing * cos(2.0 * pi * time / period)
