"""What the chemistry is surrounded by: plasma, drugs, membrane, thrombomodulin, fibrin's law.

Every number may be one for all points or an array with one for each.
"""

from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.chemistry.species import BY_NAME

Array = NDArray[Any]
Value = float | Array


@dataclass(frozen=True)
class Plasma:
    """Levels in the blood that flows in [nM]; the defaults are normal plasma."""

    II: Value = 1400.0
    V: Value = 20.0
    VII: Value = 10.0
    VIIa: Value = 0.1
    VIII: Value = 0.7
    IX: Value = 90.0
    X: Value = 160.0
    XI: Value = 31.0
    AT: Value = 3400.0
    TFPI: Value = 2.5
    PC: Value = 60.0
    Fg: Value = 9000.0

    def times(self, **factors: float) -> "Plasma":
        """The same plasma with some levels multiplied: ``times(II=1.5, AT=0.5)``."""
        return replace(self, **{name: getattr(self, name) * f for name, f in factors.items()})

    def state(self, names: tuple[str, ...], points: int) -> Array:
        """State (names, points) of this plasma, nothing activated."""
        state = np.empty((len(names), points))
        for row, name in enumerate(names):
            state[row] = getattr(self, name, BY_NAME[name].normal)
        return state


@dataclass(frozen=True)
class Inhibitor:
    """A drug that holds an enzyme's active site: free concentration [nM], association [1/nM/s]
    and dissociation [1/s]; the same for prothrombinase where the drug binds Xa.
    """

    free: Value = 0.0
    on: float = 0.0
    off: float = 0.0
    on_complex: float = 0.0
    off_complex: float = 0.0


@dataclass(frozen=True)
class Heparin:
    """Inactivation by antithrombin that heparins speed up, at normal antithrombin [1/s].

    ``xa``: of free Xa, ``complex``: of Xa in prothrombinase, ``iia``: of thrombin and
    meizothrombin, ``ixa``: of IXa.
    """

    xa: Value = 0.0
    complex: Value = 0.0
    iia: Value = 0.0
    ixa: Value = 0.0


@dataclass(frozen=True)
class FibrinLaw:
    """F' = kcat IIa Fg/(km + Fg) [1/s, nM]; thrombin sites of a fibrin monomer."""

    kcat: float = 59.0
    km: float = 3160.0
    sites: float = 0.0


PLASMA_FIBRIN = FibrinLaw()
"""Fibrinogen as substrate in plasma (Anand et al.; Burghaus et al.)."""
FILM_FIBRIN = FibrinLaw(0.05 * 80.0, 3250.0, 0.3)
"""Within the wall film: kcat 80 1/s, km 6.5 µM on α chains (two to a molecule), a tenth of half
of the thrombin at work because it diffuses little in the gel; γ′ sites hold thrombin. Chen &
Diamond 2019.
"""


@dataclass(frozen=True)
class Conditions:
    """Plasma, drugs and surfaces. ``lipid``: share of the membrane that factors need, 1 in excess.

    ``thrombomodulin`` [nM] in the volume; ``feedback``: strength of XI activation by thrombin.
    """

    plasma: Plasma = Plasma()
    xa_drug: Inhibitor | None = None
    iia_drug: Inhibitor | None = None
    heparin: Heparin | None = None
    fibrin: FibrinLaw = PLASMA_FIBRIN
    lipid: Value = 1.0
    thrombomodulin: Value = 0.0
    feedback: Value = 0.0
    normal_at: float = BY_NAME["AT"].normal


def taken[T](parts: T, points: Any) -> T:
    """``parts`` with every array reduced to ``points`` of its last axis."""
    changed: dict[str, Any] = {}
    for entry in fields(parts):  # type: ignore[arg-type]
        part: Any = getattr(parts, entry.name)
        if isinstance(part, np.ndarray) and part.ndim:
            changed[entry.name] = part[..., points]
        elif is_dataclass(part):
            changed[entry.name] = taken(part, points)
    return replace(parts, **changed) if changed else parts  # type: ignore[type-var]
