"""Cardiac phasicity of venous return."""

from typing import Literal

from pydantic import Field

from core.settings import quantity
from solvers.waveforms import Waveform
from solvers.waveforms.pulses import pulse

DOPPLER = "assumed; order S > D > A of hepatic and caval Doppler"
SYSTOLE, DIASTOLE, ATRIUM = (0.25, 0.4), (0.65, 0.35), (0.93, 0.2)
"""Centre and width of each wave, as shares of a beat from the R peak."""


class Cardiac(Waveform):
    """w(t) = 1 + s (c(t) − c̄): two waves of return in a beat, and the atrium's push against it.

    c = S in systole + D in diastole − A at atrial contraction, each a raised-cosine pulse.
    """

    kind: Literal["cardiac"] = "cardiac"
    beats: int = Field(default=1, ge=1, le=60, description="heartbeats in a cycle")
    swing: float = quantity(
        "1", 0.5, "strength s of the modulation", at_least=0, at_most=10, source="assumed"
    )
    systolic: float = quantity("1", 1.0, "height S", at_least=0, at_most=10, source=DOPPLER)
    diastolic: float = quantity("1", 0.7, "height D", at_least=0, at_most=10, source=DOPPLER)
    atrial: float = quantity("1", 0.3, "height A", at_least=0, at_most=10, source=DOPPLER)

    def at(self, time: float, period: float) -> float:
        """w at ``time``."""
        phase = (self.beats * time / period) % 1.0
        waves = (
            (self.systolic, SYSTOLE),
            (self.diastolic, DIASTOLE),
            (-self.atrial, ATRIUM),
        )
        return 1.0 + self.swing * sum(
            height * (pulse(phase, centre, width) - 0.5 * width)
            for height, (centre, width) in waves
        )
