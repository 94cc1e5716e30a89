"""Periodic shapes in time; one file a shape.

A shape is a factor w(t) of the cycle length T that multiplies a mean flow rate or pressure. Its
mean over T is 1, but where a table or a Fourier series is told to keep another.
"""

from core.registry import Registry
from core.settings import Settings


class Waveform(Settings):
    """A factor w(t), periodic in the length of the cycle."""

    def at(self, time: float, period: float) -> float:
        """w at ``time`` [s] for the cycle length ``period`` [s]."""
        raise NotImplementedError

    def check(self, period: float) -> None:
        """Raises `ValueError` where the shape does not fit a cycle of length ``period`` [s]."""


shapes = Registry("waveform", __name__, Waveform)
