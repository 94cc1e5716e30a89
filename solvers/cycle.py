"""Running the flow cycle by cycle, with its balances written down at every step."""

from collections.abc import Callable
from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from core.errors import TryAgain
from core.log import Progress
from solvers.diagnostics.averages import Averages, Cycle
from solvers.diagnostics.balances import BY_OPENING, SCALARS, VECTORS, Balances, residuals
from solvers.diagnostics.traction import WallShear
from solvers.flow import Flow, imbalance
from solvers.stop import StopRequest
from solvers.storage.layout import Layout

Array = NDArray[Any]
Snapshot = Callable[[int, Array], None]
CLOCK = (
    "time",
    "cfl",
    "backflow",
    "nodal_imbalance",
    "imbalance",
    "momentum_residual",
    "energy_residual",
)


class Series:
    """Balances of every step, one row of numbers each: clock, imbalances and what the balances of
    momentum and energy leave open (shares), their terms, and values by opening.
    """

    def __init__(self, balances: Balances) -> None:
        self.names, self._balances = balances.names, balances
        self.rows: list[list[float]] = []
        count, dim = len(self.names), balances.flow.geometry.dim
        self._widths = dict.fromkeys((*CLOCK, *SCALARS), 1)
        self._widths |= dict.fromkeys(("flow_rate", "pressure", *BY_OPENING), count)
        self._widths |= dict.fromkeys(VECTORS, dim)

    def add(self, cfl: float, backflow: float) -> dict[str, Any]:
        """Add the present step; gives its values by name. Collective."""
        flow = self._balances.flow
        rates, pressures = flow.flow_rates(), flow.pressures()
        found: dict[str, Any] = dict(self._balances(float(np.mean([*pressures.values()]))))
        before = {n: v[0] for n, v in self._split(self.rows[-1:]).items()} if self.rows else None
        momentum, energy = residuals(found, before, flow.scheme.dt)
        clock = (
            flow.scheme.time,
            cfl,
            backflow,
            imbalance(flow.nodal_flow_rates()),
            imbalance(rates),
            momentum,
            energy,
        )
        found |= dict(zip(CLOCK, clock, strict=True))
        found["flow_rate"] = [rates[n] for n in self.names]
        found["pressure"] = [pressures[n] for n in self.names]
        self.rows.append([float(x) for name in self._widths for x in np.ravel(found[name])])
        return found

    def table(self) -> dict[str, Array]:
        """The columns by name, as `core.store` lays them out."""
        return self._split(self.rows)

    def _split(self, rows: list[list[float]]) -> dict[str, Array]:
        whole = np.asarray(rows, dtype=float).reshape(-1, sum(self._widths.values()))
        ends = np.cumsum([*self._widths.values()])[:-1]
        parts = zip(self._widths.items(), np.split(whole, ends, axis=1), strict=True)
        single = (*CLOCK, *SCALARS)
        return {name: part[:, 0] if name in single else part for (name, _), part in parts}


class Cycles:
    """A flow with its wall and its stop request; runs whole cycles.

    ``cycle`` is the one under way, None between cycles; `run` goes on with it. ``save`` is called
    inside a cycle, before a stop and at intervals of wall time.
    """

    def __init__(self, flow: Flow, layout: Layout, progress: Progress, stop: StopRequest) -> None:
        self.flow, self.layout, self.progress, self.stop = flow, layout, progress, stop
        rim = np.concatenate([flow.V.dofs_on(facets.numbers) for facets in flow.patches.values()])
        self.shear = WallShear(flow.scheme, layout.wall, rim)
        self.series = Series(Balances(flow, layout.wall))
        self.cycle: Cycle | None = None
        self.save: Callable[[], None] = lambda: None
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
        cycle = self.cycle = self.cycle or self._start()
        for step in range(cycle.step + 1, steps + 1):
            log = flow.step()
            now = self.series.add(log.cfl, log.backflow)
            if record:
                tau = cycle.averages.add(flow.scheme, self.shear)
                if snapshot is not None:
                    snapshot(step, tau)
            if step % 10 == 0 or step == steps:
                self.progress.say(
                    stage,
                    done + share * step / steps,
                    t=round(log.time, 6),
                    cfl=round(log.cfl, 3),
                    iterations=log.iterations,
                    imbalance=float(f"{now['nodal_imbalance']:.3e}"),
                    momentum=float(f"{now['momentum_residual']:.3e}"),
                    energy=float(f"{now['energy_residual']:.3e}"),
                    backflow=round(log.backflow, 4),
                )
            cycle.step = step
            self._pause()
        self.cycle = None
        return self._change(cycle.start), cycle.averages

    def _start(self) -> Cycle:
        scheme = self.flow.scheme
        return Cycle(scheme.u.copy(), Averages.start(scheme, len(self.layout.wall.area)))

    def _pause(self) -> None:
        """Save if it is time to, and stop if asked to. Collective."""
        if self.stop.due():
            self.save()
            if self.stop.asked():
                raise TryAgain(
                    f"stopped on request at t = {self.flow.scheme.time:.4g} s of the flow",
                    do="run the same command again: it goes on from there",
                )

    def _change(self, before: Array) -> float:
        """‖u − u_before‖ / ‖u‖ over the vein. Collective."""
        V, comm = self.flow.V, self.flow.geometry.comm
        now = self.flow.scheme.u[V.dofs]
        apart = ((now - before[V.dofs]) ** 2).sum(axis=2)
        size = (now**2).sum(axis=2)
        sums = np.array([(self._weight * apart).sum(), (self._weight * size).sum()])
        comm.Allreduce(MPI.IN_PLACE, sums)
        return float(np.sqrt(sums[0] / sums[1])) if sums[1] > 0.0 else 0.0
