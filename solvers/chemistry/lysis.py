"""Fibrin's lysis by plasmin after Piebalgs & Xu (2015), at many points.

tPA, plasminogen and plasmin bind to sites on fibres, bound plasmin cuts the sites away. Amounts
in µM of the whole volume: free tPA, PLG, PLS; bound nTPA, nPLG, nPLS; sites n; L, plasmin set free
with cut sites. The fibrin that is left is n/n₀. Optional: α₂-antiplasmin takes free plasmin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.chemistry.integrate import advance
from solvers.chemistry.kernel import Kernel

Array = NDArray[Any]

NAMES = ("tPA", "nTPA", "PLG", "nPLG", "PLS", "nPLS", "n", "L", "AP")
ON = (0.01, 0.1, 0.1)
"""Association of tPA, plasminogen, plasmin [1/µM/s]."""
OFF = (0.0058, 3.8, 0.05)
"""Dissociation of the same [1/s]."""
ACTIVATION, ACTIVATION_KM, CUTTING = 0.3, 0.19, 0.2
"""Plasminogen by tPA [1/s], its Michaelis constant [µM], sites cut by a plasmin [1/s]."""
PLASMINOGEN = 2.2
"""In plasma [µM]."""
ANTIPLASMIN, ANTIPLASMIN_RATE = 1.0, 20.0
"""α₂-antiplasmin in plasma [µM] and with free plasmin [1/µM/s]; priors."""
SITES = 3.69684
"""Sites of fibrin [µM] per volume of fibres: 200 nm fibres, 0.5 mg/mL, 280 mg/mL within them."""
SOLID = 3.0 / 280.0
"""Fibres' share of the volume in a gel of 3 mg/mL."""
KEPT = 1e-9
"""Sites below which a point counts as lysed [µM]: keeps the voidage's quotient finite."""


@dataclass(frozen=True)
class Lysis(Kernel):
    """The kernel; ``solid``: fibres' share of the volume at the start, per point or for all."""

    solid: Any = SOLID
    names: tuple[str, ...] = NAMES

    @property
    def scale(self) -> Array:
        """Amounts (names) below which nothing depends on a species [µM]."""
        return np.array([1e-6, 1e-7, 1e-5, 1e-6, 1e-6, 1e-7, 1e-6, 1e-6, 1e-5])

    def start(self, tpa: Array, antiplasmin: float = 0.0) -> Array:
        """State (names, points) of fresh clot whose liquid has ``tpa`` (points) [µM]."""
        state = np.zeros((len(NAMES), len(tpa)))
        liquid = 1.0 - self.solid
        state[0], state[2], state[8] = tpa * liquid, PLASMINOGEN * liquid, antiplasmin * liquid
        state[6] = SITES * self.solid
        return state

    def laws(self, rows: Sequence[Any]) -> list[Any]:
        """Rates of all states [µM/s]."""
        tpa, ntpa, plg, nplg, pls, npls, sites, set_free, ap = rows
        solid = sites * (1.0 / SITES)
        liquid = 1.0 - solid
        vacant = (sites - ntpa - nplg - npls) / liquid
        t = ON[0] * tpa * vacant - OFF[0] * ntpa
        g = ON[1] * plg * vacant - OFF[1] * nplg
        s = ON[2] * pls * vacant - OFF[2] * npls
        made = ACTIVATION * nplg * ntpa / (ACTIVATION_KM * solid + nplg + KEPT)
        cut = CUTTING * npls
        back = OFF[2] * set_free * solid
        caught = ANTIPLASMIN_RATE * pls * ap
        return [-t, t, -g, g - made, back - s - caught, s - cut + made, -cut, cut - back, -caught]


def left(state: Array, solid: Any = SOLID) -> Array:
    """Fibrin left (points), 1 in fresh clot."""
    return np.asarray(state[NAMES.index("n")] / (SITES * solid))


def half_lives(
    tpa: Array, antiplasmin: float = 0.0, step: float = 2.0, longest: float = 7200.0
) -> Array:
    """Time [s] to half of the fibrin in liquid with ``tpa`` (points) [µM], well mixed; not a
    number where it takes longer than ``longest``. Good to 1e-3 with steps of 2 s.
    """
    kernel = Lysis()
    state = kernel.start(tpa, antiplasmin)
    time, half = 0.0, np.full(len(tpa), np.nan)
    before: Array = np.ones(len(tpa))
    while np.isnan(half).any() and time < longest:
        state, _, _ = advance(kernel, state, step, rtol=1e-5, weight=1e-2)
        now = left(state)
        crossed = np.isnan(half) & (now <= 0.5)
        half[crossed] = time + step * ((before - 0.5) / (before - now))[crossed]
        time, before = time + step, now
    return half
