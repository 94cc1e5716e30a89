"""Two clocks: cycles of the flow in seconds, growth of the clot in hours.

The clot grows in a frozen cycle-mean flow by steps in which its fraction changes by at most a
tenth. When its volume has changed by more than a set share, the flow is computed anew with the
clot's drag for one cycle, and the growth goes on in the new means.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError
from solvers import checkpoint as checkpoints
from solvers import state
from solvers.averages import Averages
from solvers.cycle import Cycles
from solvers.edge import ClotEdge
from solvers.facets import Facets
from solvers.settings import ClotSettings
from solvers.transport import SteadyTransport

Array = NDArray[Any]
COLUMNS = ("time", "volume", "refreshed", "change", "pressure_drop")


class Timeline:
    """Clot growth coupled to the flow; `run` yields at each stored time."""

    def __init__(self, cycles: Cycles, settings: ClotSettings, folder: Path, key: str) -> None:
        self.cycles, self.settings, self.model = cycles, settings, settings.model
        self.flow, self.layout = cycles.flow, cycles.layout
        self.edge = ClotEdge(self.flow.Q, settings.growth_width)
        self._path, self._key, self._periodic = folder / "clot.h5", key, folder / "periodic.h5"
        points = self.flow.Q.coordinates
        self._chi = self._on_wall() * self.model.injured(points)
        self._injured = self.model.injured(self.layout.wall.centre)
        self.edge_length = self._largest_edge()
        if self.flow.geometry.comm.allreduce(float(self._injured.sum()), MPI.SUM) == 0.0:
            raise CaseError(
                "no wall of the mesh lies in an injured zone, so no clot can start",
                where="clot.model.injury",
                do="move the zone onto the vein's wall or enlarge it",
            )
        self.time, self._stored, self._flow_volume = 0.0, 0, 0.0
        self._rows: list[list[float]] = []

    # ------------------------------------------------------------------ the run

    def run(self) -> Iterator[tuple[float, Averages]]:
        """Advance to the end; yields (growth time, cycle means) at each stored time.
        Collective.
        """
        averages, fractions = self._resume()
        self._freeze(averages)
        for row in range(self.settings.stored):
            target = self.settings.until * (row + 1) / self.settings.stored
            if row < self._stored:
                self.edge.fraction, ahead = fractions[row], self.edge.fraction
                yield target, averages
                self.edge.fraction = ahead
                continue
            while self.time < target * (1.0 - 1e-12):
                self._grow(target)
                if self._is_stale():
                    averages = self._refresh()
                    self._save(averages, fractions)
            fractions.append(self.edge.fraction.copy())
            self._stored = row + 1
            self._save(averages, fractions)
            yield target, averages

    def series(self) -> dict[str, Array]:
        """Growth history: time, volume, whether the flow was renewed, its change, pressure
        drop.
        """
        rows = np.asarray(self._rows, dtype=float).reshape(-1, len(COLUMNS))
        return {name: rows[:, i] for i, name in enumerate(COLUMNS)}

    def _grow(self, target: float) -> None:
        """One growth step, no further than ``target``."""
        model = self.model
        coagulant = self._coagulant()
        rate = model.rate(self.edge.width) * np.minimum(1.0, self._chi + self.edge.indicator())
        rate = rate * self._gate * model.coagulating(coagulant)
        fastest = self.flow.geometry.comm.allreduce(float(rate.max(initial=0.0)), MPI.MAX)
        step = min(target - self.time, self.settings.until / 24.0)
        if fastest > 0.0:
            step = min(step, self.settings.largest_change / fastest)
        self.edge.grow(step, rate, model.lysis_rate())
        self.time = target if target - self.time - step < 1e-9 * target else self.time + step
        self._rows.append([self.time, self.edge.volume(), 0.0, 0.0, self._drop])

    def _coagulant(self) -> Array:
        source = self.model.coagulant().production * self.edge.cells() * self._gate_cells
        return self._transport.solve(source, self.layout.wall, self._wall_flux)

    def _is_stale(self) -> bool:
        change = abs(self.edge.amount() - self._flow_volume)
        return change > max(
            self.settings.refresh_volume, self.settings.refresh_at * self._flow_volume
        )

    def _refresh(self) -> Averages:
        """The flow anew, with the clot as it is: one cycle, and its means."""
        flow, limit = self.flow, 1.0 / self.settings.permeability
        inverse = np.minimum(self.model.inverse_permeability(self.edge.cells()), limit)
        flow.scheme.set_drag(flow.scheme.clot_viscosity * inverse)
        self._flow_volume = self.edge.amount()
        share = self.time / self.settings.until
        change, averages = self.cycles.run("clot", share, 0.0, record=True)
        self._freeze(averages)
        self._rows[-1][2:] = [1.0, change, self._drop]
        return averages

    def _freeze(self, averages: Averages) -> None:
        """All that follows from the cycle means: blood age, gates, the coagulant's operator."""
        from solvers.runs import blood_age

        flow, model = self.flow, self.model
        self.age = blood_age(flow, averages)
        shear = self._to_points(averages.shear_rate)
        self._gate = model.gate(shear, self.age)
        self._gate_cells = self._gate[flow.Q.dofs].mean(axis=1)
        self._wall_flux = self._injured * model.wall_flux(
            averages.shear_rate[self.layout.wall.cells]
        )
        inlets = np.concatenate([flow.Q.dofs_on(flow.patches[n].numbers) for n in flow.inlets])
        openings = Facets(
            flow.geometry, np.concatenate([flow.patches[n].numbers for n in flow.outlets])
        )
        self._transport = SteadyTransport(
            flow.Q,
            averages.carrier,
            diffusivity=model.coagulant().diffusivity,
            decay=model.coagulant().decay,
            inlets=inlets,
            openings=openings,
        )
        self._drop = self._pressure_drop()

    def _pressure_drop(self) -> float:
        """Highest mean pressure of an inlet less the lowest of an outlet [Pa]. Collective."""
        means = self.flow.pressures()
        return max(means[n] for n in self.flow.inlets) - min(means[n] for n in self.flow.outlets)

    # ------------------------------------------------------------------ geometry and memory

    def _on_wall(self) -> Array:
        on = np.zeros(self.flow.Q.local)
        on[self.flow.Q.dofs_on(self.layout.wall.numbers)] = 1.0
        return on

    def _to_points(self, cells: Array) -> Array:
        """Volume-weighted means at the points of one value a cell. Collective."""
        linear, volume = self.flow.scheme.linear, self.flow.geometry.volume
        total = np.array(self.flow.Q.sum(linear.spread(volume * cells)))
        return np.asarray(total / self.flow.Q.sum(linear.spread(volume)))

    def _largest_edge(self) -> float:
        """Largest edge length [m] of the cells in an injured zone. Collective."""
        geometry = self.flow.geometry
        inside = self.model.injured(geometry.vertices.mean(axis=1)) > 0.0
        local = float(geometry.size[inside].max(initial=0.0))
        return float(geometry.comm.allreduce(local, MPI.MAX))

    def _save(self, averages: Averages, fractions: list[Array]) -> None:
        flow = self.flow
        cells, facts = state.pack_flow(flow.scheme)
        cells |= state.pack_averages(averages, flow.V, flow.Q)
        cells["clot/fraction"] = self.edge.fraction[flow.Q.dofs]
        for k, fraction in enumerate(fractions):
            cells[f"clot/stored{k:04d}"] = fraction[flow.Q.dofs]
        facts |= {
            "recorded": averages.steps,
            "growth": self.time,
            "stored": len(fractions),
            "flow_volume": self._flow_volume,
            "rows": self._rows,
        }
        checkpoints.save(self._path, self.layout, self._key, cells, facts)

    def _resume(self) -> tuple[Averages, list[Array]]:
        """Cycle means and stored fractions of the last checkpoint, or of the flow stage.
        Collective.
        """
        flow = self.flow
        found = checkpoints.restore(self._path, self.layout, self._key)
        fractions: list[Array] = []
        if found is None:
            found = checkpoints.restore(self._periodic, self.layout, None)
            if found is None:
                raise CaseError(
                    "there is no periodic flow to grow a clot in",
                    where=str(self._periodic),
                    do="run the flow stage again",
                )
        cells, facts = found
        state.unpack_flow(flow.scheme, cells, facts)
        if "growth" in facts:
            self.time, self._stored = facts["growth"], facts["stored"]
            self._flow_volume, self._rows = facts["flow_volume"], facts["rows"]
            self.edge.fraction = state.to_dofs(flow.Q, cells["clot/fraction"])
            fractions = [
                state.to_dofs(flow.Q, cells[f"clot/stored{k:04d}"]) for k in range(facts["stored"])
            ]
        return state.unpack_averages(cells, flow.V, flow.Q, facts["recorded"]), fractions


__all__ = ["COLUMNS", "Timeline"]
