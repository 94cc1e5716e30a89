"""Contractions of the calf muscles."""

from typing import Literal

from pydantic import Field

from core.settings import quantity
from solvers.waveforms import Waveform
from solvers.waveforms.pulses import pulse


class Pump(Waveform):
    """w(t) = b + (1 − b) 2/d · cos² pulses: n contractions a cycle, each a share d of its turn.

    Blood that is pressed out in contractions keeps the mean 1; b flows all the time.
    """

    kind: Literal["pump"] = "pump"
    contractions: int = Field(default=1, ge=1, le=60, description="contractions in a cycle")
    duty: float = quantity(
        "1",
        0.4,
        "share of the time in which the muscle contracts",
        above=0,
        at_most=1,
        source="assumed; walking and ankle exercise",
    )
    rest: float = quantity(
        "1", 0.3, "w between contractions", at_least=0, at_most=1, source="assumed"
    )

    def at(self, time: float, period: float) -> float:
        """w at ``time``."""
        phase = (self.contractions * time / period) % 1.0
        pressed = pulse(phase, 0.5 * self.duty, self.duty)
        return self.rest + (1.0 - self.rest) * pressed * 2.0 / self.duty
