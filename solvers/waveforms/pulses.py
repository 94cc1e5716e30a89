"""Raised-cosine pulses: the building block of waveforms with contractions or heartbeats."""

from math import cos, pi


def pulse(phase: float, centre: float, width: float) -> float:
    """cos²(π (x − c)/w) within half a width of the centre, else 0; periodic in phase x.

    Its mean over a period is w/2.
    """
    apart = (phase - centre + 0.5) % 1.0 - 0.5
    return cos(pi * apart / width) ** 2 if abs(apart) < 0.5 * width else 0.0
