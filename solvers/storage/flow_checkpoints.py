"""The flow stage's checkpoints: after every cycle, inside one, and the periodic flow at its end.

`flow.h5` is made between cycles; `flow-cycle.h5` inside one, with the means gathered so far;
`periodic.h5` after the recorded cycle, for the clot to grow in.
"""

from pathlib import Path

from solvers.cycle import Cycles
from solvers.diagnostics.averages import Averages
from solvers.storage import checkpoint as checkpoints
from solvers.storage import state


class FlowCheckpoints:
    """How far a flow is, and what it goes on from.

    ``done`` cycles are whole, the last with ``change``; ``recording``: the one under way goes
    into the results file.
    """

    def __init__(self, folder: Path, cycles: Cycles, key: str, *, recorded: bool) -> None:
        """Resume what was begun; ``recorded``: there is a results file to go on with."""
        self.cycles, self.key = cycles, key
        self.done, self.change, self.recording = 0, 1.0, False
        self._between, self._within = folder / "flow.h5", folder / "flow-cycle.h5"
        self._periodic = folder / "periodic.h5"
        self._resume(recorded)
        cycles.save = self._save_within

    def save(self) -> None:
        """Save the state between two cycles. Collective."""
        self._save(self._between)
        self._forget()

    def finish(self, averages: Averages) -> None:
        """Save the periodic flow and its means. Collective."""
        self._save(self._periodic, averages)

    def _forget(self) -> None:
        if self.cycles.layout.vessel.comm.rank == 0:
            checkpoints.forget(self._within)

    def _save_within(self) -> None:
        self._save(self._within)

    def _save(self, path: Path, averages: Averages | None = None) -> None:
        cycles, flow = self.cycles, self.cycles.flow
        cells, facts = state.pack_flow(flow.scheme)
        if averages is not None:
            cells |= state.pack_averages(averages, flow.V, flow.Q)
            facts["recorded"] = averages.steps
        if cycles.cycle is not None:
            more = state.pack_cycle(cycles.cycle, flow.V, flow.Q)
            cells, facts = cells | more[0], facts | more[1]
        facts |= {
            "cycles": self.done,
            "change": self.change,
            "recording": self.recording,
            "series": cycles.series.rows,
        }
        checkpoints.save(path, cycles.layout, self.key, cells, facts)

    def _resume(self, recorded: bool) -> None:
        cycles, flow = self.cycles, self.cycles.flow
        found = checkpoints.latest(cycles.layout, self.key, self._between, self._within)
        if found is not None and found[1]["recording"] and not recorded:
            found = checkpoints.restore(self._between, cycles.layout, self.key)
        if found is None:
            return
        cells, facts = found
        state.unpack_flow(flow.scheme, cells, facts)
        cycles.cycle = state.unpack_cycle(cells, facts, flow.V, flow.Q)
        cycles.series.rows = facts["series"]
        self.done, self.change = int(facts["cycles"]), float(facts["change"])
        self.recording = bool(facts["recording"])
