"""Alteplase through a catheter: a source within the vein, and the little that comes round."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.settings import quantity
from solvers.chemistry.drugs.alteplase import MOLAR_MASS, Alteplase

Array = NDArray[Any]


class Catheter(Alteplase):
    """Side holes on a straight length of catheter. What washes off adds to `tpa` in all blood."""

    kind: Literal["catheter-alteplase"] = "catheter-alteplase"  # type: ignore[assignment]
    start: tuple[float, float, float] = quantity("m", None, "where the side holes begin")
    end: tuple[float, float, float] = quantity("m", None, "where they end")
    reach: float = quantity(
        "m",
        "2 mm",
        "distance from the catheter over which it is spread",
        above="0 m",
        source="of the order of its diameter",
    )

    def infused(self, time: float) -> float:
        """Alteplase that leaves the side holes at ``time`` [s] [mol/s]."""
        total = 0.0
        for dose in self.doses:
            begun = dose.times(time)
            if dose.duration > 0.0 and len(begun):
                running = np.sum(time - begun < dose.duration)
                total += float(running) * dose.amount / dose.duration
        return total / MOLAR_MASS

    def near(self, points: Array) -> Array:
        """1 at points (n, 3) [m] within reach of the side holes, else 0: spread `infused` evenly
        over their volume.
        """
        a, b = np.asarray(self.start), np.asarray(self.end)
        axis = b - a
        along = np.clip((points - a) @ axis / max(float(axis @ axis), 1e-30), 0.0, 1.0)
        away = np.linalg.norm(points - a - along[:, None] * axis, axis=1)
        return (away <= self.reach).astype(float)
