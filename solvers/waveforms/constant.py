"""Steady flow."""

from typing import Literal

from solvers.waveforms import Waveform


class Constant(Waveform):
    """w = 1."""

    kind: Literal["constant"] = "constant"

    def at(self, time: float, period: float) -> float:  # noqa: ARG002
        """1."""
        return 1.0
