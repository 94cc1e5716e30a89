"""The front's speed from a table, once chemistry near the wall has settled: growth over days.

One-dimensional columns of the same chemistry give the speed v by depth from the wall, tissue
factor, renewal of blood and time on the clock of the drugs (`chemistry.front_table`). On the mesh
the depth is the distance to the injured wall, whose nearest point gives the tissue factor; blood
is renewed at the inverse of its age.
"""

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from solvers.chemistry.conditions import Conditions
from solvers.chemistry.front_table import FrontTable, tabulate
from solvers.clotting.blood import Blood
from solvers.clotting.film import WallFilm

Array = NDArray[Any]
RENEWAL = np.array([0.0, 1e-3, 4e-3, 1.6e-2])
"""Of blood [1/s]: from still to where no front leaves the wall."""
UNTIL, STEP, CELLS, LENGTH = 7200.0, 20.0, 64, 5e-3
"""How long [s] and in what steps [s] the columns are followed, their cells and length [m]."""
OFTEN = 6.0 * 3600.0
"""Drugs' levels are sampled so often [s]."""
MOST_TIMES = 29


class TabulatedFront:
    """Speeds at the points of a mesh. Collective where it is made."""

    def __init__(self, blood: Blood, film: WallFilm, until: float) -> None:
        comm, space = blood.space.map.comm, blood.space
        at = np.flatnonzero(film.injured[: space.owned] > 0.0)
        places = np.concatenate(comm.allgather(space.coordinates[at]))
        density = np.concatenate(comm.allgather(film.density[at]))
        self.depth, nearest = cKDTree(places).query(space.coordinates)
        self.density = density[nearest]
        axis = np.unique([0.5 * density.min(), density.min(), density.max()])
        count = max(2, int(min(MOST_TIMES, np.ceil(until / OFTEN) + 1)))
        times = np.linspace(0.0, until, count) if blood.drugs else None
        table = self._table(blood, axis, times) if comm.rank == 0 else None
        self.table: FrontTable = comm.bcast(table)

    def _table(self, blood: Blood, density: Array, times: Array | None) -> FrontTable:
        def at(levels: Array) -> Conditions:
            return stacked([blood.conditions(float(time)) for time in levels])

        return tabulate(
            density, RENEWAL, times, at, until=UNTIL, dt=STEP, cells=CELLS, length=LENGTH
        )

    def speed(self, age: Array, time: float) -> Array:
        """Speed of a front at each point [m/s] in blood of ``age`` (points) [s]."""
        renewal = 1.0 / np.maximum(age, 1.0)
        return self.table.speed(self.density, renewal, time, self.depth)


def stacked[T: Any](parts: list[T]) -> T:
    """One set of conditions whose numbers are arrays with an entry for each of ``parts``."""
    first, changed = parts[0], {}
    for entry in fields(first):
        values = [getattr(part, entry.name) for part in parts]
        if is_dataclass(values[0]):
            changed[entry.name] = stacked(values)
        elif isinstance(values[0], float) and any(v != values[0] for v in values):
            changed[entry.name] = np.array(values)
    return replace(first, **changed)
