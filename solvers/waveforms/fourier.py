"""A Fourier series."""

from math import cos, pi, sin
from typing import Literal, Self

from pydantic import model_validator

from core.settings import quantity
from solvers.waveforms import Waveform


class Fourier(Waveform):
    """w(t) = m + Σ_k (a_k cos 2πkt/T + b_k sin 2πkt/T), k = 1, 2, …"""

    kind: Literal["fourier"] = "fourier"
    mean: float = quantity("1", 1.0, "cycle mean m; 0 for a pure oscillation", source="the case")
    cosines: tuple[float, ...] | None = quantity(
        "1", None, "a_1, a_2, …", optional=True, source="the case"
    )
    sines: tuple[float, ...] | None = quantity(
        "1", None, "b_1, b_2, …", optional=True, source="the case"
    )

    @model_validator(mode="after")
    def _there_is_a_harmonic(self) -> Self:
        if not any((self.cosines or ()) + (self.sines or ())):
            raise ValueError('no harmonic: give cosines or sines, or use kind = "constant"')
        return self

    def at(self, time: float, period: float) -> float:
        """w at ``time``."""
        omega = 2.0 * pi * time / period
        return (
            self.mean
            + sum(a * cos(k * omega) for k, a in enumerate(self.cosines or (), 1))
            + sum(b * sin(k * omega) for k, b in enumerate(self.sines or (), 1))
        )
