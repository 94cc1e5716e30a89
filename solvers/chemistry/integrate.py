"""Stiff kinetics at many points at once: Rodas3 with its own step at every point.

A Rosenbrock method of order 3, L-stable, with an embedded second order (Sandu et al. 1997). Each
point has its own step, so a result does not know which points were computed together, nor on how
many ranks. Linear invariants of a kernel (conserved pools) hold to round-off. A step that would
leave an amount below −`scale` is halved; what is left below zero is cut off and counted.
Points where a whole step would change nothing that matters, as in blood as it flows in, are moved
by one explicit step.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import Diverged
from solvers.chemistry.kernel import Kernel

Array = NDArray[Any]

GAMMA = 0.5
BATCH = 512
"""Points computed together: their Jacobians stay in cache."""
QUIET = 1e-3
"""A point is at rest where a whole step changes less than this part of the tolerance."""
CUT_LIMIT = 1e-3
"""Largest amount cut off, as part of what reacted."""
LOOPS = 5_000
"""Most steps of a point."""


@dataclass
class Log:
    """What an integration took: steps over all points, points at rest, amounts cut off and
    amounts that reacted, by species.
    """

    points: int = 0
    resting: int = 0
    steps: int = 0
    refused: int = 0
    cut: Array = field(default_factory=lambda: np.zeros(0))
    reacted: Array = field(default_factory=lambda: np.zeros(0))

    def add(self, other: "Log") -> None:
        """Count ``other`` too."""
        self.points += other.points
        self.resting += other.resting
        self.steps += other.steps
        self.refused += other.refused
        self.cut = self.cut + other.cut if self.cut.size else other.cut
        self.reacted = self.reacted + other.reacted if self.reacted.size else other.reacted

    def lost(self, scale: Array) -> Array:
        """Part of each species' turnover that was cut off (names); 0 where it is below ``scale``
        a point.
        """
        matters = self.cut > scale * max(1, self.points - self.resting)
        return np.where(matters, self.cut / np.maximum(self.reacted, 1e-300), 0.0)


def advance(
    kernel: Kernel,
    state: Array,
    dt: float,
    *,
    rtol: float = 1e-3,
    weight: float = 1.0,
) -> tuple[Array, Array, Log]:
    """State (names, points) after ``dt`` [s], the running integrals (rows − names, points), a log.

    ``rtol``: error of a step relative to the amount; ``weight`` × `scale` is the absolute part.
    Raises `Diverged` where a step underflows or more than `CUT_LIMIT` of a turnover was cut off.
    """
    n, points = state.shape
    if not np.isfinite(state).all():
        row = int(np.flatnonzero(~np.isfinite(state).all(axis=1))[0])
        raise Diverged(
            f"the amount of {kernel.names[row]} is not finite",
            where="chemistry",
            do="look at what transport gave to the reactions",
        )
    new, log = state.copy(), Log(points=points, cut=np.zeros(n), reacted=np.zeros(n))
    rates = np.concatenate(
        [kernel.take(part).rates(state[:, part]) for part in _parts(points)], axis=1
    )
    floor = weight * kernel.scale[:, None]
    integrals = dt * rates[n:]
    change = dt * rates[:n]
    quiet = np.all(np.abs(change) <= QUIET * (floor + rtol * np.abs(state)), axis=0)
    new[:, quiet] += change[:, quiet]
    busy = np.flatnonzero(~quiet)
    log.resting = points - len(busy)
    for start in range(0, len(busy), BATCH):
        part = busy[start : start + BATCH]
        run = _Batch(kernel.take(part), state[:, part], dt, rtol, floor)
        new[:, part], integrals[:, part] = run.finish()
        log.add(run.log)
    log.points = points
    _cut(new, log)
    lost = log.lost(kernel.scale)
    if lost.max() > CUT_LIMIT:
        raise Diverged(
            f"{lost.max():.1e} of what reacted of {kernel.names[int(lost.argmax())]} "
            "had to be cut off below zero",
            where=f"chemistry, step of {dt:g} s",
            do="shorten the macro step or lower `rtol`",
        )
    return new, integrals, log


def _parts(points: int) -> list[slice]:
    """All points in batches that keep memory small; one empty batch where there are none."""
    return [slice(start, start + 8 * BATCH) for start in range(0, max(points, 1), 8 * BATCH)]


def _cut(state: Array, log: Log) -> None:
    below = np.minimum(state, 0.0)
    log.cut = log.cut - below.sum(axis=1)
    np.maximum(state, 0.0, out=state)


class _Batch:
    """Some points on their way from 0 to dt; a point leaves when it has arrived."""

    def __init__(self, kernel: Kernel, state: Array, dt: float, rtol: float, floor: Array) -> None:
        self.kernel, self.state, self.dt = kernel, state.copy(), dt
        self.rtol, self.floor = rtol, floor
        n, points = state.shape
        rates, slopes = kernel.jacobian(state)
        self.rows = rates.shape[0]
        self.sums = np.zeros((self.rows - n, points))
        self.log = Log(cut=np.zeros(n), reacted=np.zeros(n))
        self.time = np.zeros(points)
        self.h = self._first(rates, slopes)

    def _first(self, rates: Array, slopes: Array) -> Array:
        """First steps (points): over h the error of Euler's method, h²|J f|/2, is 1/10 amount."""
        n = len(self.state)
        bend = np.einsum("pij,jp->ip", slopes[:, :n], rates[:n])
        size = np.abs(self.state) + 10.0 * self.floor / self.rtol
        h = np.sqrt(0.2 * np.min(size / np.maximum(np.abs(bend), 1e-300), axis=0))
        return np.asarray(np.minimum(h, self.dt))

    def finish(self) -> tuple[Array, Array]:
        """The state and the running integrals at dt."""
        going = np.arange(self.state.shape[1])
        kernel = self.kernel
        for _ in range(LOOPS):
            if not len(going):
                return self.state, self.sums
            y, h = self.state[:, going], self.h[going]
            step, tail, error = rodas3(kernel, y, h)
            new = y + step
            size = self.floor + self.rtol * np.maximum(np.abs(y), np.abs(new))
            worst = np.max(np.abs(error) / size, axis=0)
            worst = np.where(np.all(np.isfinite(new), axis=0), worst, 1e6)
            good = (worst <= 1.0) & np.all(new >= -self.floor, axis=0)
            self._accept(going[good], new[:, good], step[:, good], tail[:, good], h[good])
            self.log.steps += len(going)
            self.log.refused += int((~good).sum())
            factor = np.clip(0.9 / np.cbrt(np.maximum(worst, 1e-9)), 0.2, 5.0)
            left = self.dt - self.time[going]
            self.h[going] = np.minimum(h * np.where(good, factor, np.minimum(factor, 0.5)), left)
            stay = left > 0.0
            if not stay.all():
                kernel, going = kernel.take(np.flatnonzero(stay)), going[stay]
            if len(going) and np.any(self.h[going] < 1e-12 * self.dt):
                break
        raise Diverged(
            "the reaction integrator needs ever smaller steps",
            where=f"chemistry, {self.dt:g} s",
            do="look at the state for values that are not finite; shorten the macro step",
        )

    def _accept(self, who: Array, new: Array, step: Array, tail: Array, h: Array) -> None:
        left = self.dt - self.time[who]
        self.time[who] = np.where(h >= left, self.dt, self.time[who] + h)
        self.log.reacted += np.abs(step).sum(axis=1)
        self.log.cut -= np.minimum(new, 0.0).sum(axis=1)
        self.state[:, who] = np.maximum(new, 0.0)
        self.sums[:, who] += tail


def rodas3(kernel: Kernel, y: Array, h: Array) -> tuple[Array, Array, Array]:
    """One step of every point: the change, the change of the integrals, the error.

    (I/(hγ) − J) kᵢ = f(Yᵢ) + Σ cᵢⱼ kⱼ/h, with J of the step's beginning. The rows beyond the state
    do not act back on it: their stages follow from those of the state.
    """
    n = len(y)
    f, slopes = kernel.jacobian(y)
    matrix = -slopes[:, :n]
    diagonal = np.arange(n)
    matrix[:, diagonal, diagonal] += 1.0 / (GAMMA * h)[:, None]
    beyond = slopes[:, n:]
    inverse = np.linalg.inv(matrix)

    def stage(rates: Array, before: Array) -> Array:
        right = rates + before / h
        k = (inverse @ right[:n].T[:, :, None])[:, :, 0]
        tail = GAMMA * h * (right[n:] + (beyond @ k[:, :, None])[:, :, 0].T)
        return np.concatenate([k.T, tail])

    k1 = stage(f, np.zeros_like(f))
    k2 = stage(f, 4.0 * k1)
    k3 = stage(kernel.rates(y + 2.0 * k1[:n]), k1 - k2)
    k4 = stage(kernel.rates(y + (2.0 * k1 + k3)[:n]), k1 - k2 - 8.0 / 3.0 * k3)
    total = 2.0 * k1 + k3 + k4
    return total[:n], total[n:], k4[:n]
