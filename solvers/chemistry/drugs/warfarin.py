"""Warfarin, by mouth: slows the making of factors II, VII, IX, X and protein C.

Vitamin K's cycle and the turnover of factors after Wajima et al. (2009, BioModels 340), in hours
and shares of normal:
K' = 0.2052 (1−K) + 0.228 (1−I) O − 0.0228 (1−I) K,   H' = 0.0228 (1−I) K − 0.228 H,
O' = 0.228 H − 0.228 (1−I) O,   I = C/(IC₅₀ + C),   f' = d_f (H/H₀ − f).
"""

from dataclasses import replace
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from core.settings import quantity
from solvers.chemistry.conditions import Conditions
from solvers.chemistry.drugs import Dose, Drug
from solvers.chemistry.drugs.pharmacokinetics import Compartments

Array = NDArray[Any]

WAJIMA = "Wajima et al. 2009"
HOUR = 3600.0
STEP = 0.5
"""Of the integration [h]; the fastest rate is 0.4 1/h."""
TURNOVER, REDUCED, OXIDISED = 0.2052, 0.0228, 0.228
"""Vitamin K's own turnover; K to hydroquinone; hydroquinone to epoxide and back [1/h]."""
LOSS = {"II": 0.010, "VII": 0.12, "IX": 0.029, "X": 0.018, "PC": 0.050}
"""Elimination of factors [1/h]."""


class Warfarin(Drug):
    """One compartment; the effect follows by days as factors run out."""

    kind: Literal["warfarin"] = "warfarin"
    doses: tuple[Dose, ...] = Field(min_length=1, description="doses given")
    clearance: float = quantity("m^3/s", "0.2 L/h", "clearance", above="0 L/h", source=WAJIMA)
    volume: float = quantity("m^3", "10 L", "volume", above="0 L", source=WAJIMA)
    absorption: float = quantity("1/s", "1 1/h", "absorption rate", above="0 1/h", source=WAJIMA)
    half: float = quantity(
        "kg/m^3",
        "0.34 mg/L",
        "level that halves vitamin K's recycling",
        above="0 mg/L",
        source=WAJIMA,
    )

    def concentration(self, times: Array) -> Array:
        """Concentration in plasma at ``times`` [s] [kg/m³]."""
        body = Compartments(self.clearance, self.volume, self.absorption)
        return body.concentration(times, self.doses)

    def factors(self, time: float) -> dict[str, float]:
        """Levels of the factors at ``time`` [s], as shares of those before treatment."""
        hours = time / HOUR
        end = max(24.0, 2.0 ** np.ceil(np.log2(max(hours, 1.0))))
        times, course = _course(self, float(end))
        return {
            name: float(np.interp(hours, times, row))
            for name, row in zip(LOSS, course[3:], strict=True)
        }

    def on(self, conditions: Conditions, time: float) -> Conditions:
        """Plasma with less of the factors."""
        share = self.factors(time)
        plasma = conditions.plasma.times(**share, VIIa=share["VII"])
        return replace(conditions, plasma=plasma)


@cache
def _course(drug: Warfarin, end: float) -> tuple[Array, Array]:
    """Times [h] up to ``end`` and vitamin K's cycle with the factors (states, times); RK4."""
    loss = np.array(list(LOSS.values()))
    ratio = REDUCED / OXIDISED
    halves = np.arange(0.0, end + STEP, 0.5 * STEP)
    works = drug.half / (drug.half + drug.concentration(halves * HOUR))

    def rates(y: Array, w: float) -> Array:
        k, h, o = y[:3]
        back = w * (OXIDISED * o - REDUCED * k)
        vitamin = [
            TURNOVER * (1.0 - k) + back,
            w * REDUCED * k - OXIDISED * h,
            OXIDISED * (h - w * o),
        ]
        return np.concatenate([vitamin, loss * (h / ratio - y[3:])])

    course = np.ones((3 + len(loss), len(halves[::2])))
    course[1:3, 0] = ratio
    for n in range(course.shape[1] - 1):
        y, (w0, w1, w2) = course[:, n], works[2 * n : 2 * n + 3]
        a = rates(y, w0)
        b = rates(y + 0.5 * STEP * a, w1)
        c = rates(y + 0.5 * STEP * b, w1)
        d = rates(y + STEP * c, w2)
        course[:, n + 1] = y + STEP / 6.0 * (a + 2.0 * b + 2.0 * c + d)
    return halves[::2], course
