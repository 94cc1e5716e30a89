"""Thrombin generation: the curve of active thrombin after tissue factor is added to plasma.

Active thrombin is IIa + 1.2 mIIa, as a fluorogenic substrate sees it (Hockin et al. 2002).
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from solvers.chemistry import hockin_mann
from solvers.chemistry.conditions import Conditions
from solvers.chemistry.reduced import Reduced
from solvers.chemistry.species import chosen

Array = NDArray[Any]
Model = Literal["reduced", "full"]
MEIZOTHROMBIN = 1.2
"""Activity of meizothrombin on the substrate, relative to thrombin."""
THROMBIN = ("IIa", "TM:IIa", "TM:IIa:PC")
"""Forms of thrombin that cut the substrate; in the reduced model the first holds them all."""
THRESHOLD = 2.0
"""Thrombin at the end of the lag time [nM]."""


@dataclass(frozen=True)
class Curve:
    """Active thrombin [nM] at times [s]."""

    times: Array
    thrombin: Array

    @property
    def lag(self) -> float:
        """Time to 2 nM [s]; not a number where it is not reached."""
        above = np.flatnonzero(self.thrombin >= THRESHOLD)
        if not len(above) or above[0] == 0:
            return float("nan")
        i = slice(above[0] - 1, above[0] + 1)
        return float(np.interp(THRESHOLD, self.thrombin[i], self.times[i]))

    @property
    def peak(self) -> float:
        """Largest thrombin [nM]."""
        return float(self.thrombin.max())

    @property
    def time_to_peak(self) -> float:
        """Time of the peak [s]."""
        return float(self.times[self.thrombin.argmax()])

    @property
    def etp(self) -> float:
        """Endogenous thrombin potential, the area under the curve [nM s]."""
        return float(np.trapezoid(self.thrombin, self.times))

    @property
    def rate(self) -> float:
        """Largest slope [nM/s]."""
        return float(np.gradient(self.thrombin, self.times).max())

    @property
    def velocity_index(self) -> float:
        """Peak over the time from lag to peak [nM/s]."""
        rise = self.time_to_peak - self.lag
        return self.peak / rise if rise > 0.0 else float("nan")

    @property
    def peaked(self) -> bool:
        """Whether the curve reached its peak within the time computed."""
        return bool(self.thrombin.argmax() < len(self.thrombin) - 1)


def curve(
    tissue_factor: float,
    conditions: Conditions | None = None,
    duration: float = 1200.0,
    model: Model = "reduced",
    spacing: float = 0.1,
) -> Curve:
    """The curve after ``tissue_factor`` [nM] in plasma of ``conditions``, well mixed."""
    conditions = conditions or Conditions()
    times = np.linspace(0.0, duration, round(duration / spacing) + 1)
    if model == "full":
        names, state = hockin_mann.solve(conditions, tissue_factor, times)
    else:
        names, state = _reduced(conditions, tissue_factor, times)
    of = dict(zip(names, state, strict=True))
    thrombin = sum(of[name] for name in THROMBIN if name in of)
    return Curve(times, thrombin + MEIZOTHROMBIN * of["mIIa"])


def species_of(conditions: Conditions) -> tuple[str, ...]:
    """Names of the reduced model's species in an assay: those that the conditions ask for."""
    return chosen(
        wall=True,
        xa_drug=conditions.xa_drug is not None,
        iia_drug=conditions.iia_drug is not None,
        brake=bool(conditions.thrombomodulin),
        feedback=bool(conditions.feedback),
    )


def _reduced(conditions: Conditions, tissue_factor: float, times: Array) -> tuple[Any, Array]:
    names = species_of(conditions)
    kernel = Reduced(conditions, names)
    start = conditions.plasma.state(names, 1)
    start[names.index("TF")] = tissue_factor
    found = solve_ivp(
        lambda _, y: kernel.rates(y[:, None])[:, 0],
        (0.0, float(times[-1])),
        start[:, 0],
        method="BDF",
        rtol=1e-7,
        atol=1e-10,
        t_eval=times,
        jac=lambda _, y: kernel.jacobian(y[:, None])[1][0],
    )
    return names, found.y
