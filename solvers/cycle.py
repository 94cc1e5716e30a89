"""Running the flow cycle by cycle, with its balances written down at every step."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from core.errors import TryAgain
from core.log import Progress
from solvers.averages import Averages
from solvers.flow import Flow, imbalance
from solvers.layout import Layout
from solvers.stop import StopRequest
from solvers.traction import WallShear

Array = NDArray[Any]
Snapshot = Callable[[int, Array], None]


@dataclass
class Series:
    """Balances of every step: time, flow rate and pressure by opening, imbalance, CFL,
    backflow.
    """

    names: tuple[str, ...]
    rows: list[list[float]] = field(default_factory=list)

    def add(self, flow: Flow, cfl: float, backflow: float) -> float:
        """Add the present step; gives the imbalance of mass of the velocity at nodes.
        Collective.
        """
        rates, pressures = flow.flow_rates(), flow.pressures()
        nodal = imbalance(flow.nodal_flow_rates())
        self.rows.append(
            [
                flow.scheme.time,
                cfl,
                backflow,
                nodal,
                imbalance(rates),
                *(rates[n] for n in self.names),
                *(pressures[n] for n in self.names),
            ]
        )
        return nodal

    def table(self) -> dict[str, Array]:
        """The columns by name, as `core.store` lays them out."""
        rows, count = np.asarray(self.rows, dtype=float), len(self.names)
        fixed = {
            n: rows[:, i]
            for i, n in enumerate(("time", "cfl", "backflow", "nodal_imbalance", "imbalance"))
        }
        return {**fixed, "flow_rate": rows[:, 5 : 5 + count], "pressure": rows[:, 5 + count :]}


class Cycles:
    """A flow with its wall and its stop request; runs whole cycles."""

    def __init__(self, flow: Flow, layout: Layout, progress: Progress, stop: StopRequest) -> None:
        self.flow, self.layout, self.progress, self.stop = flow, layout, progress, stop
        rim = np.concatenate([flow.V.dofs_on(facets.numbers) for facets in flow.patches.values()])
        self.shear = WallShear(flow.scheme, layout.wall, rim)
        self.series = Series(tuple(flow.patches))
        self._weight = flow.geometry.volume[:, None]

    def run(
        self,
        stage: str,
        done: float,
        share: float,
        *,
        snapshot: Snapshot | None = None,
        record: bool = False,
    ) -> tuple[float, Averages]:
        """One cycle; gives the change of velocity from its start to its end, and its means.

        ``snapshot`` is called after each step with the number of the step and its wall shear
        stress. Means are gathered when ``record``. Collective.
        """
        flow, steps = self.flow, self.flow.settings.steps_per_cycle
        averages = Averages.start(flow.scheme, len(self.layout.wall.area))
        start = flow.scheme.u.copy()
        for step in range(1, steps + 1):
            log = flow.step()
            nodal = self.series.add(flow, log.cfl, log.backflow)
            if record:
                tau = averages.add(flow.scheme, self.shear)
                if snapshot is not None:
                    snapshot(step, tau)
            if step % 10 == 0 or step == steps:
                self.progress.say(
                    stage,
                    done + share * step / steps,
                    t=round(log.time, 6),
                    cfl=round(log.cfl, 3),
                    iterations=log.iterations,
                    imbalance=float(f"{nodal:.3e}"),
                )
                if self.stop.asked():
                    raise TryAgain(
                        f"stopped on request at t = {log.time:.4g} s of the flow",
                        do="run the same command again: it goes on from the last checkpoint",
                    )
        return self._change(start), averages

    def _change(self, before: Array) -> float:
        """‖u − u_before‖ / ‖u‖ over the vein. Collective."""
        V, comm = self.flow.V, self.flow.geometry.comm
        now = self.flow.scheme.u[V.dofs]
        apart = ((now - before[V.dofs]) ** 2).sum(axis=2)
        size = (now**2).sum(axis=2)
        sums = np.array([(self._weight * apart).sum(), (self._weight * size).sum()])
        comm.Allreduce(MPI.IN_PLACE, sums)
        return float(np.sqrt(sums[0] / sums[1])) if sums[1] > 0.0 else 0.0
