"""Two clocks: cycles of the flow in seconds, growth of the clot in hours.

The clot grows in a frozen cycle-mean flow by steps of its model. When its volume has changed by
more than a set share, the flow is computed anew with the clot's drag until it is periodic, and the
growth goes on in the new means.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError, TryAgain
from solvers.age import blood_age
from solvers.chemistry.drugs import Drug
from solvers.clotting import Clotting, Vein
from solvers.cycle import Cycles
from solvers.diagnostics.averages import Averages
from solvers.elements.edge import ClotEdge
from solvers.residual import residual
from solvers.settings import ClotSettings
from solvers.storage import checkpoint as checkpoints
from solvers.storage import state

Array = NDArray[Any]
COLUMNS = ("time", "volume", "refreshed", "change", "pressure_drop")
MOST_CYCLES = 3
"""Cycles that a renewed flow may take to become periodic again."""
STORED_SHARE = 0.2
"""Share of the usual change of clot at which the flow is renewed before it is stored."""
CLOT = 0.05
"""Clot fraction above which a cell counts as part of the clot's edge."""


class Timeline:
    """Clot growth coupled to the flow; `run` yields at each stored time."""

    def __init__(
        self,
        cycles: Cycles,
        settings: ClotSettings,
        folder: Path,
        key: str,
        drugs: Sequence[Drug] = (),
    ) -> None:
        self.cycles, self.settings, self.model = cycles, settings, settings.model
        self.flow, self.layout = cycles.flow, cycles.layout
        self.comm = self.flow.geometry.comm
        self.edge = ClotEdge(self.flow.Q, settings.growth_width)
        self._path, self._key, self._periodic = folder / "clot.h5", key, folder / "periodic.h5"
        self._within = folder / "clot-cycle.h5"
        self._renewal: int | None = None
        cycles.save = lambda: self._save(self._within)
        self._check_injury()
        limit, until = settings.largest_change, settings.until
        vein = Vein(self.flow, self.layout.wall, self.edge, limit, until, drugs)
        self.clotting: Clotting = self.model.on(vein)
        self.time, self.stored, self._flow_volume = 0.0, 0, 0.0
        self.largest_edge, self.largest_change = 0.0, 0.0
        self._rows: list[list[float]] = []
        self._averages = self._resume()
        self._freeze()
        if settings.start is not None and not self._rows:
            self._start_with(
                residual(self.flow.Q, self.layout.wall.centre, settings.start, folder)
            )

    def _start_with(self, fraction: Array) -> None:
        """Put clot into the vein before it grows, and let the flow answer. Collective."""
        self.edge.fraction = fraction
        own = [float(x) for x in self.clotting.history()]
        self._rows.append([0.0, self.edge.volume(), 0.0, 0.0, self._drop, *own])
        self._renew_flow()
        self._save()

    def _check_injury(self) -> None:
        injured = float(self.model.injured(self.layout.wall.centre).sum())
        if self.comm.allreduce(injured, MPI.SUM) == 0.0:
            raise CaseError(
                "no wall of the mesh lies in an injured zone, so no clot can start",
                where="clot.model.injury",
                do="move the zone onto the vein's wall or enlarge it",
            )

    # ------------------------------------------------------------------ the run

    def run(self) -> Iterator[tuple[float, Averages]]:
        """Advance to the end; yields (growth time, cycle means) at each stored time from the
        first that no checkpoint knows. Collective.
        """
        if self._renewal is not None:
            self._renew_flow()
            self._save()
        for row in range(self.stored, self.settings.stored):
            target = self.settings.until * (row + 1) / self.settings.stored
            while self.time < target * (1.0 - 1e-12):
                self._grow(target)
                if self._is_stale(1.0):
                    self._renew_flow()
                    self._save()
                self._stop_if_asked()
            if self._is_stale(STORED_SHARE):
                self._renew_flow()
            self.largest_edge = max(self.largest_edge, self._edge_in_clot())
            yield target, self._averages
            # only what has been stored counts as stored
            self.stored = row + 1
            self._save()

    @property
    def averages(self) -> Averages:
        """The cycle means of the last flow."""
        return self._averages

    def series(self) -> dict[str, Array]:
        """Growth history: time, volume, whether the flow was renewed, its change, mean drop."""
        names = (*COLUMNS, *self.clotting.columns)
        rows = np.asarray(self._rows, dtype=float).reshape(-1, len(names))
        return {name: rows[:, i] for i, name in enumerate(names)}

    def _grow(self, target: float) -> None:
        """One growth step, no further than ``target``."""
        step = self.clotting.advance(self.time, target - self.time)
        self.time = target if target - self.time - step < 1e-9 * target else self.time + step
        own = [float(x) for x in self.clotting.history()]
        self._rows.append([self.time, self.edge.volume(), 0.0, 0.0, self._drop, *own])
        self.cycles.progress.say(
            "clot",
            self.time / self.settings.until,
            hours=round(self.time / 3600.0, 2),
            clot_mL=round(1e6 * self._rows[-1][1], 4),
            **self.clotting.said(),
        )

    def _is_stale(self, share: float) -> bool:
        """Whether the clot changed since the last flow by ``share`` of what makes it stale."""
        settings, change = self.settings, abs(self.edge.amount() - self._flow_volume)
        limit = max(settings.refresh_volume, settings.refresh_at * self._flow_volume)
        return change > share * limit

    def _renew_flow(self) -> None:
        """The flow with the clot as it is, cycle by cycle until it is periodic; its means."""
        flow, limit = self.flow, 1.0 / self.settings.permeability
        if self._renewal is None:  # else a checkpoint was made in the midst of it
            inverse = np.minimum(self.model.inverse_permeability(self.edge.cells()), limit)
            flow.scheme.set_drag(flow.scheme.clot_viscosity * (inverse + flow.obstructed))
            self._flow_volume, self._renewal = self.edge.amount(), 0
        share = self.time / self.settings.until
        periodic = False
        while not periodic and self._renewal < MOST_CYCLES:
            change, self._averages = self.cycles.run("clot", share, 0.0, record=True)
            self._renewal += 1
            periodic = change <= flow.settings.periodic
        self._renewal = None
        self.largest_change = max(self.largest_change, change)
        self._freeze()
        self._rows[-1][2 : len(COLUMNS)] = [1.0, change, self._drop]

    def _freeze(self) -> None:
        """All that follows from the cycle means: blood age, what the clot's model needs."""
        flow, averages = self.flow, self._averages
        self.age = blood_age(flow, averages)
        self.clotting.renew(averages, self.age)
        means = flow.pressures(averages.pressure)
        self._drop = max(means.values()) - min(means.values())

    def _stop_if_asked(self) -> None:
        if not self.cycles.stop.due():
            return
        self._save()
        if self.cycles.stop.asked():
            raise TryAgain(
                f"stopped on request after {self.time / 3600.0:.2f} h of growth",
                do="run the same command again: it goes on from there",
            )

    # ------------------------------------------------------------------ geometry and memory

    def _edge_in_clot(self) -> float:
        """Largest edge [m] (of the regular tetrahedron of equal volume) in the clot.
        Collective.
        """
        space = self.flow.Q
        injured = np.zeros(space.local)
        on_wall = space.dofs_on(self.layout.wall.numbers)
        injured[on_wall] = self.model.injured(space.coordinates[on_wall])
        near = np.maximum(self.edge.fraction, injured)[space.dofs].max(axis=1) > CLOT
        local = float(space.geometry.size[near].max(initial=0.0))
        return float(self.comm.allreduce(local, MPI.MAX))

    def _save(self, within: Path | None = None) -> None:
        """Save all that the growth depends on, ``within`` a cycle apart from the rest."""
        flow, averages = self.flow, self._averages
        cells, facts = state.pack_flow(flow.scheme)
        cells |= state.pack_averages(averages, flow.V, flow.Q)
        cells["clot/fraction"] = self.edge.fraction[flow.Q.dofs]
        arrays, known = self.clotting.pack()
        cells |= arrays
        facts |= known | {
            "recorded": averages.steps,
            "growth": self.time,
            "stored": self.stored,
            "flow_volume": self._flow_volume,
            "largest_edge": self.largest_edge,
            "largest_change": self.largest_change,
            "rows": self._rows,
            "renewal": self._renewal,
        }
        if (cycle := self.cycles.cycle) is not None:
            more = state.pack_cycle(cycle, flow.V, flow.Q)
            cells, facts = cells | more[0], facts | more[1]
        checkpoints.save(within or self._path, self.layout, self._key, cells, facts)
        if within is None and self.comm.rank == 0:
            checkpoints.forget(self._within)

    def _resume(self) -> Averages:
        """Cycle means of the last checkpoint of this growth, or of the flow stage. Collective."""
        flow = self.flow
        found = checkpoints.latest(self.layout, self._key, self._path, self._within)
        if found is None:
            found = checkpoints.restore(self._periodic, self.layout, None)
        if found is None:
            raise CaseError(
                "there is no periodic flow to grow a clot in",
                where=str(self._periodic),
                do="delete results.h5 and run the same command again: the flow is computed anew",
            )
        cells, facts = found
        state.unpack_flow(flow.scheme, cells, facts)
        if "growth" in facts:
            self.time, self.stored = facts["growth"], facts["stored"]
            self._flow_volume, self._rows = facts["flow_volume"], facts["rows"]
            self.largest_edge = facts["largest_edge"]
            self.largest_change = facts["largest_change"]
            self.edge.fraction = state.to_dofs(flow.Q, cells["clot/fraction"])
            self._renewal = facts["renewal"]
            self.cycles.cycle = state.unpack_cycle(cells, facts, flow.V, flow.Q)
            self.clotting.unpack(cells, facts)
        return state.unpack_averages(cells, flow.V, flow.Q, facts["recorded"])


__all__ = ["COLUMNS", "Timeline"]
