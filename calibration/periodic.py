"""A trace of many breaths or beats → one periodic waveform and its scatter."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from calibration.signals import Trace
from core.errors import CaseError

Array = NDArray[Any]
Rhythm = Literal["breath", "heart"]
PERIODS = {"breath": (2.0, 12.0), "heart": (0.35, 2.0)}
"""Lengths of a cycle that are looked for [s]: 5 to 30 breaths, 30 to 170 beats a minute."""
PHASES = 64
FEWEST = 3
SPIKE = 2.0
"""Times the deviation that 95 % of the samples keep: what lies beyond is cut off."""
OFF_LENGTH = 0.35
"""Cycles whose length is further from the median, as a share of it, are left out."""
UNLIKE = 0.5
"""Cycles that correlate less with the median cycle are left out."""


@dataclass(frozen=True)
class Waveform:
    """Mean (P,) and standard deviation (P,) over the cycles, at even phases of one ``period`` [s].

    ``period_sd`` is the cycles' scatter in length [s]; ``used`` of ``found`` cycles count.
    """

    period: float
    period_sd: float
    mean: Array
    scatter: Array
    used: int
    found: int

    @property
    def swing(self) -> float:
        """(largest − smallest)/2 over the mean of the cycle."""
        return float(0.5 * np.ptp(self.mean) / abs(self.mean.mean()))


def reduce(trace: Trace, rhythm: Rhythm) -> Waveform:
    """The waveform of ``trace``. Raises `CaseError` where no rhythm stands out."""
    shortest, longest = PERIODS[rhythm]
    if trace.duration < FEWEST * shortest:
        raise _none(trace, rhythm, f"it lasts {trace.duration:.1f} s only")
    order = signal.butter(2, (1.0 / longest, min(3.0 / shortest, 0.4 * trace.rate)), "band",
                          fs=trace.rate, output="sos")  # fmt: skip
    smooth = signal.sosfiltfilt(order, _without_spikes(trace.samples))
    period = _period(smooth, trace.rate, shortest, longest)
    if period is None:
        raise _none(trace, rhythm, "no length of a cycle stands out")
    gap = max(1, round(0.6 * period * trace.rate))
    starts, _ = signal.find_peaks(smooth, distance=gap, prominence=0.5 * smooth.std())
    cycles, lengths = _cut(trace, starts)
    keep = _alike(cycles, lengths)
    if keep.sum() < FEWEST:
        raise _none(trace, rhythm, f"only {int(keep.sum())} of {len(keep)} cycles are alike")
    chosen = cycles[keep]
    return Waveform(
        float(lengths[keep].mean()),
        float(lengths[keep].std(ddof=1)),
        chosen.mean(axis=0),
        chosen.std(axis=0, ddof=1),
        int(keep.sum()),
        len(keep),
    )


def _without_spikes(samples: Array) -> Array:
    """Samples about their median, cut off where a cough would outweigh the rhythm."""
    off = samples - np.median(samples)
    limit = SPIKE * np.quantile(np.abs(off), 0.95)
    return np.asarray(np.clip(off, -limit, limit))


def _period(smooth: Array, rate: float, shortest: float, longest: float) -> float | None:
    """The lag of the highest autocorrelation between the limits [s]."""
    power = signal.correlate(smooth, smooth, method="fft")[len(smooth) - 1 :]
    power = power / power[0]
    first, last = int(shortest * rate), min(int(longest * rate) + 1, len(power) // 2)
    peaks, _ = signal.find_peaks(power[first:last], height=0.2)
    if not len(peaks):
        return None
    heights = power[first + peaks]
    # of nearly equal peaks the first: the others are its multiples
    best = peaks[np.flatnonzero(heights >= 0.9 * heights.max())[0]]
    return float((first + best) / rate)


def _cut(trace: Trace, starts: Array) -> tuple[Array, Array]:
    """Cycles between ``starts`` at `PHASES` even phases (C, P), and their lengths [s] (C,)."""
    phase = np.arange(PHASES) / PHASES
    index = np.arange(len(trace.samples))
    pairs = list(pairwise(starts))
    cycles = [np.interp(a + phase * (b - a), index, trace.samples) for a, b in pairs]
    return np.reshape(cycles, (-1, PHASES)), np.array([(b - a) / trace.rate for a, b in pairs])


def _alike(cycles: Array, lengths: Array) -> Array:
    """Which cycles (C,) have the usual length and shape."""
    if not len(lengths):
        return np.zeros(0, dtype=bool)
    usual = np.median(lengths)
    middle = np.median(cycles, axis=0)
    like = np.array([np.corrcoef(cycle, middle)[0, 1] for cycle in cycles])
    return (np.abs(lengths - usual) <= OFF_LENGTH * usual) & (like >= UNLIKE)


def _none(trace: Trace, rhythm: str, why: str) -> CaseError:
    word = {"breath": "breathing", "heart": "heart beat"}[rhythm]
    return CaseError(
        f"no {word} is found in the trace: {why}",
        where=f"channel {trace.name!r}",
        do="choose another channel, or a longer quiet stretch",
    )
