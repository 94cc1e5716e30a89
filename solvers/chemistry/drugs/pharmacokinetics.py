"""Linear pharmacokinetics: one or two compartments, absorption, boluses and infusions.

Gut → central ⇄ peripheral, cleared from the central one:
g' = −ka g,  V c' = ka g + Q (p − c) − CL c + infusion,  V₂ p' = Q (c − p).
The answer to every dose is a sum of exponentials, exact at any time; doses add up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.chemistry.drugs import Dose, UnitDose

Array = NDArray[Any]


@dataclass(frozen=True)
class Compartments:
    """Clearance [m³/s], volume [m³]; ``absorption`` [1/s] where the drug does not go into a vein,
    with the share ``available`` that arrives; ``exchange`` [m³/s] and ``peripheral`` [m³].
    """

    clearance: float
    volume: float
    absorption: float | None = None
    available: float = 1.0
    exchange: float = 0.0
    peripheral: float = 1.0

    def concentration(self, times: Array, doses: Sequence[Dose | UnitDose]) -> Array:
        """Concentration in the central compartment at ``times`` [s], amounts as in the doses."""
        total = np.zeros(np.shape(times))
        for dose in doses:
            for start in dose.times(float(np.max(times))):
                total += dose.amount * self._answer(times - start, dose.duration)
        return total

    def _answer(self, since: Array, duration: float) -> Array:
        """Concentration ``since`` [s] a unit dose began that ran in over ``duration``."""
        rates, parts = self._modes()
        after = np.maximum(since, 0.0)[..., None]
        if duration == 0.0:
            answer = np.exp(rates * after) @ parts
        else:
            running = np.minimum(after, duration)
            late = np.exp(rates * (after - running))
            answer = (late * np.expm1(rates * running) / (rates * duration)) @ parts
        return np.asarray(np.where(since >= 0.0, answer, 0.0))

    def _modes(self) -> tuple[Array, Array]:
        """Rates λ [1/s] and weights of the central concentration after a unit bolus."""
        out, across = self.clearance / self.volume, self.exchange / self.volume
        back = self.exchange / self.peripheral
        body = np.array([[-out - across, back], [across, -back]])
        if self.exchange == 0.0:
            body = body[:1, :1]
        n = len(body)
        first = np.eye(n)[0]
        if self.absorption is not None:
            ka = self.absorption
            # equal rates have no eigenvectors of their own: the limit is reached by a hair's shift
            if np.any(np.isclose(np.linalg.eigvals(body), -ka, rtol=1e-6)):
                ka *= 1.0 + 1e-5
            body = np.block([[body, ka * first[:, None]], [np.zeros((1, n)), -ka]])
            first = np.eye(n + 1)[n] * self.available
        rates, vectors = np.linalg.eig(body)
        weights = vectors[0] * np.linalg.solve(vectors, first) / self.volume
        return np.real(rates), np.real(weights)
