"""How fast the clotting front moves, tabulated for growth over days.

The front's chemistry settles within minutes to what its depth in clot, the wall's tissue factor,
the renewal of blood and the drug's level make it: one-dimensional runs give the front's way s(t),
and v = ds/dt is stored by depth. `speed` interpolates: linear in depth, in the logarithm of tissue
factor, in the root of the renewal rate and in the drug's level.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import RegularGridInterpolator

from core.errors import CaseError
from solvers.chemistry.conditions import Conditions
from solvers.chemistry.front import Fronts

Array = NDArray[Any]

DEPTHS = 40


@dataclass(frozen=True)
class FrontTable:
    """Speeds (tissue factor, renewal, level, depth) [m/s] on the axes that were computed."""

    tissue_factor: Array
    """[molecules/m²]"""
    renewal: Array
    """k_w [1/s]"""
    level: Array
    """Of the drug, in the caller's unit."""
    depth: Array
    """Clot between the wall and the front [m]."""
    speeds: Array
    onset: Array
    """When the front leaves the wall (tissue factor, renewal, level) [s]; infinite if never."""

    def speed(self, tissue_factor: Any, renewal: Any, level: Any, depth: Any) -> Array:
        """Speed [m/s]; beyond the axes that of their ends, beyond the last depth reached 0."""
        axes, wanted = [], []
        for axis, value in (
            (np.log(self.tissue_factor), np.log(np.maximum(tissue_factor, 1e-300))),
            (np.sqrt(self.renewal), np.sqrt(renewal)),
            (self.level, level),
            (self.depth, depth),
        ):
            axes.append(axis)
            wanted.append(np.clip(value, axis[0], axis[-1]))
        found = RegularGridInterpolator(tuple(axes), self.speeds)
        return np.asarray(found(np.stack(np.broadcast_arrays(*wanted), axis=-1)))

    def write(self, path: Path) -> None:
        """Store the table (numpy .npz)."""
        np.savez(path, **vars(self))

    @staticmethod
    def read(path: Path) -> "FrontTable":
        """The table in a file of `write`."""
        with np.load(path) as file:
            return FrontTable(**{name: file[name] for name in file.files})


def tabulate(
    tissue_factor: Array,
    renewal: Array,
    level: Array | None,
    conditions: Callable[[Array], Conditions],
    *,
    until: float = 1800.0,
    dt: float = 4.0,
    cells: int = 80,
    length: float = 3e-3,
) -> FrontTable:
    """Compute a table. ``conditions`` gives those of an array of drug levels; where ``level`` is
    None they are those of level 0 at any level.

    Each axis ascends and has two entries or more. Raises `CaseError`.
    """
    computed = np.zeros(1) if level is None else level
    level = np.array([0.0, 1.0]) if level is None else level
    for name, axis in (("tissue factor", tissue_factor), ("renewal", renewal), ("level", level)):
        if len(axis) < 2 or np.any(np.diff(axis) <= 0.0):
            raise CaseError(
                f"the table's axis {name} must ascend over two values or more",
                where="table of front speeds",
                do="give it as an ascending list",
            )
    points = np.array(list(product(tissue_factor, renewal, computed)))
    fronts = Fronts(points[:, 0], conditions(points[:, 2]), points[:, 1], length, cells)
    times: list[float] = [0.0]
    way: list[Array] = [np.zeros(len(points))]
    while fronts.time < until - 1e-9:
        fronts.advance(min(until, fronts.time + 60.0), dt)
        times.append(fronts.time)
        way.append(np.maximum(fronts.front(), way[-1]))
    course = np.array(way).T
    onset = np.array([times[np.argmax(s > 0.0)] if s[-1] > 0.0 else np.inf for s in course])
    depth = np.linspace(0.0, float(np.max(way[-1])), DEPTHS)
    speeds = np.array([_by_depth(np.array(times), column, depth) for column in course])
    shape = (len(tissue_factor), len(renewal), len(computed), DEPTHS)
    times_over = len(level) // len(computed)
    return FrontTable(
        np.asarray(tissue_factor),
        np.asarray(renewal),
        np.asarray(level),
        depth,
        np.repeat(speeds.reshape(shape), times_over, axis=2),
        np.repeat(onset.reshape(shape[:3]), times_over, axis=2),
    )


def _by_depth(times: Array, way: Array, depth: Array) -> Array:
    """ds/dt at ``depth`` for a front that was at ``way`` at ``times``; 0 where it never came."""
    begun = np.flatnonzero(way > 0.0)
    if len(begun) < 2:
        return np.zeros(len(depth))
    t, s = times[begun], way[begun]
    speed = np.interp(depth, s, np.gradient(s, t))
    return np.where(depth <= s[-1], speed, 0.0)
