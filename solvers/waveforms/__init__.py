"""Periodic shapes in time, with cycle mean 1; one file a shape."""

from core.registry import Registry
from core.settings import Settings


class Waveform(Settings):
    """A factor w(t) with mean 1 over the period that multiplies a mean flow rate."""

    def at(self, time: float, period: float) -> float:
        """w at ``time`` [s] for the cycle length ``period`` [s]."""
        raise NotImplementedError


shapes = Registry("waveform", __name__, Waveform)
