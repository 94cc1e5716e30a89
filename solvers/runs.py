"""The flow stage and the clot stage: from `mesh.h5` to their parts of `results.h5`, resumable."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mpi4py import MPI

import h5py
import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError
from core.fields import AGE, CLOT, PRESSURE, VELOCITY, WALL_SHEAR_STRESS
from core.log import Progress
from core.record import digest_file
from meshes import vessel as vessels
from solvers.age import blood_age, entrances
from solvers.cycle import Cycles
from solvers.diagnostics.averages import Averages
from solvers.flow import Flow
from solvers.settings import ClotSettings, FlowSettings, TherapySettings
from solvers.start import begin
from solvers.stop import INTERVAL, StopRequest
from solvers.storage import checkpoint as checkpoints
from solvers.storage.flow_checkpoints import FlowCheckpoints
from solvers.storage.layout import Layout
from solvers.storage.output import Writer
from solvers.timeline import Timeline

Array = NDArray[Any]


def view_times(flow: FlowSettings, clot: ClotSettings | None) -> list[float]:
    """Stored times [s]: the last cycle's snapshots, up to one period, then the growth clock."""
    times = [flow.period * (k + 1) / flow.snapshots for k in range(flow.snapshots)]
    if clot is not None:
        times += [clot.until * (k + 1) / clot.stored for k in range(clot.stored)]
    return times


def run_flow(
    comm: MPI.Comm,
    *,
    mesh: Path,
    results: Path,
    checkpoint: Path,
    flow: FlowSettings,
    clot: ClotSettings | None,
    key: str,
    case_text: str,
    record: Mapping[str, Any],
    progress: Progress,
    interval: float = INTERVAL,
) -> None:
    """Pulsatile flow until it is periodic, then one recorded cycle into ``results``. Collective.

    Checkpoints in the folder ``checkpoint`` are made after every cycle and, inside a cycle, after
    every ``interval`` [s] of wall time and before a stop. Raises `TwinError`.
    """
    problem, layout = _problem(comm, mesh, flow)
    cycles = Cycles(problem, layout, progress, StopRequest(comm, interval))
    begun = comm.bcast(_is_begun(results, key) if comm.rank == 0 else None)
    saved = FlowCheckpoints(checkpoint, cycles, key, recorded=begun)
    begin(problem)
    while (
        not saved.recording
        and saved.done < flow.cycles - 1
        and not (saved.done > 1 and saved.change <= flow.periodic)
    ):
        saved.change, _ = cycles.run("flow", saved.done / flow.cycles, 1.0 / flow.cycles)
        saved.done += 1
        saved.save()
    if saved.recording:
        writer = Writer(results, layout, "r+")
    else:
        facts = comm.bcast(_of_mesh(mesh, layout) if comm.rank == 0 else None)
        if comm.rank == 0:
            # a growth that was begun belongs to the results file that is replaced here
            for name in ("clot.h5", "clot-cycle.h5"):
                checkpoints.forget(checkpoint / name)
        times = view_times(flow, clot)
        writer = Writer.create(results, layout, times, case=case_text, record=record, mesh=facts)
        with writer.part("flow", key=key, complete=0, **_facts(flow)) as group:
            shape = (flow.snapshots, layout.walls.total, 3)
            writer.stack(group.create_group("wall"), "traction", shape)
        saved.recording = True
    with writer:
        _record(writer, problem, saved, flow)
    progress.say("flow", 1.0)


def _record(writer: Writer, problem: Flow, saved: FlowCheckpoints, flow: FlowSettings) -> None:
    """Compute and store the last cycle, its means and the history of the flow. Collective."""
    cycles, history = saved.cycles, writer.file["dvtwin/flow/wall/traction"]
    change, averages = cycles.run(
        "flow",
        saved.done / flow.cycles,
        1.0 / flow.cycles,
        snapshot=Recorder(writer, history, problem, flow),
        record=True,
    )
    saved.done, saved.change = saved.done + 1, change
    saved.finish(averages)
    age = blood_age(problem, averages)
    for k in range(flow.snapshots):
        writer.view(k, {AGE.name: age})
    inward = entrances(problem, averages)
    writer.boundaries({n: "inlet" if n in inward else "outlet" for n in problem.patches})
    marks = {"periodicity": change, "cycles": saved.done, **_facts(flow)}
    with writer.part("flow", key=saved.key, complete=1, **marks) as group:
        write_means(writer, group, problem, averages, age)
        group["wall/traction"] = history
        series = group.create_group("series")
        series.attrs["boundaries"] = list(cycles.series.names)
        writer.table(series, cycles.series.table())


def run_clot(
    comm: MPI.Comm,
    *,
    mesh: Path,
    results: Path,
    checkpoint: Path,
    flow: FlowSettings,
    clot: ClotSettings,
    key: str,
    progress: Progress,
    therapy: TherapySettings | None = None,
    interval: float = INTERVAL,
) -> None:
    """Clot growth over hours from the periodic flow, written into ``results``. Collective.

    Goes on from a checkpoint of the same ``key``. Raises `TwinError`.
    """
    problem, layout = _problem(comm, mesh, flow)
    cycles = Cycles(problem, layout, progress, StopRequest(comm, interval))
    drugs = therapy.drug if therapy is not None else ()
    timeline = Timeline(cycles, clot, checkpoint, key, drugs)
    marks = {"key": key, "growth_width": clot.growth_width}
    with Writer(results, layout, "r+") as writer:
        writer.withdraw(flow.snapshots + timeline.stored)
        if timeline.stored == 0:
            with writer.part("clot", complete=0, **marks) as group:
                writer.stack(group, "fraction", (clot.stored, layout.points.total))
        fraction = writer.file["dvtwin/clot/fraction"]
        for time, averages in timeline.run():
            row = timeline.stored
            nodal = timeline.edge.fraction
            writer.stack_row(fraction, row, layout.points, nodal[: problem.Q.owned])
            writer.view(
                flow.snapshots + row,
                {
                    VELOCITY.name: at_points(problem, averages.velocity),
                    PRESSURE.name: averages.pressure,
                    WALL_SHEAR_STRESS.name: wall_to_points(layout, averages.traction),
                    CLOT.name: nodal,
                    AGE.name: timeline.age,
                },
                averages.traction,
            )
            progress.say("clot", time / clot.until, hours=round(time / 3600.0, 3))
        if not writer.is_viewed(fraction, CLOT.name, flow.snapshots):
            raise CaseError(
                "the results file was damaged while the clot grew",
                where=str(results),
                do="delete it and run the same command again: the flow is computed anew",
            )
        marks |= {"mesh_size": timeline.largest_edge, "periodicity": timeline.largest_change}
        with writer.part("clot", complete=1, **marks) as group:
            group["fraction"] = fraction
            times = [clot.until * (k + 1) / clot.stored for k in range(clot.stored)]
            writer.table(group, {"time": times})
            write_means(writer, group, problem, timeline.averages, timeline.age)
            writer.table(group.create_group("series"), timeline.series())
            for name, values in timeline.clotting.fields().items():
                writer.points(group.require_group("species"), name, values)
    progress.say("clot", 1.0)


class Recorder:
    """Stores evenly spaced snapshots of the recorded cycle: viewed fields and wall shear
    stress.
    """

    def __init__(self, writer: Writer, history: Any, problem: Flow, flow: FlowSettings) -> None:
        self.writer, self.problem, self._history = writer, problem, history
        every = flow.steps_per_cycle / flow.snapshots
        self._at = {round((k + 1) * every): k for k in range(flow.snapshots)}

    def __call__(self, step: int, tau: Array) -> None:
        """Store step ``step`` if it is one of the snapshots. Collective."""
        if (k := self._at.get(step)) is None:
            return
        layout, scheme = self.writer.layout, self.problem.scheme
        self.writer.stack_row(self._history, k, layout.walls, tau)
        self.writer.view(
            k,
            {
                VELOCITY.name: at_points(self.problem, scheme.u),
                PRESSURE.name: scheme.p,
                WALL_SHEAR_STRESS.name: wall_to_points(layout, tau),
                CLOT.name: np.zeros(self.problem.Q.local),
            },
            tau,
        )


def write_means(writer: Writer, group: Any, problem: Flow, averages: Averages, age: Array) -> None:
    """Write cycle means into ``group``/mean and ``group``/wall. Collective."""
    mean = group.create_group("mean")
    writer.points(mean, "velocity", at_points(problem, averages.velocity))
    writer.points(mean, "pressure", averages.pressure)
    writer.points(mean, "age", age)
    writer.cells(mean, "shear_rate", averages.shear_rate)
    wall = group.require_group("wall")
    writer.wall(wall, "tawss", averages.tawss)
    writer.wall(wall, "traction_mean", averages.traction)


def at_points(problem: Flow, values: Array) -> Array:
    """Velocity-space values at the mesh points, which are each cell's first dofs."""
    nodal = np.zeros((problem.Q.local, *values.shape[1:]))
    nodal[problem.Q.dofs] = values[problem.V.dofs[:, : problem.Q.per_cell]]
    return nodal


def wall_to_points(layout: Layout, values: Array) -> Array:
    """Area-weighted means of wall facet vectors (f, 3) at the points, 0 off the wall.
    Collective.
    """
    space, wall = layout.space, layout.wall
    corners = layout.facet_places(wall)
    dofs = np.take_along_axis(space.dofs[wall.cells], corners, axis=1)
    columns = []
    for weighted in [wall.area, *(wall.area * values.T)]:
        share = np.zeros(space.local)
        np.add.at(share, dofs, weighted[:, None])
        columns.append(np.array(space.sum(share)))
    area = np.where(columns[0] > 0.0, columns[0], 1.0)
    return np.column_stack(columns[1:]) / area[:, None]


def _problem(comm: MPI.Comm, mesh: Path, flow: FlowSettings) -> tuple[Flow, Layout]:
    vessel = vessels.load(comm, mesh)
    problem = Flow(vessel, flow)
    return problem, Layout(vessel, problem.geometry, problem.Q)


def _facts(flow: FlowSettings) -> dict[str, Any]:
    words = " ".join(
        f"{k}={v:g}" for k, v in flow.rheology.model_dump().items() if isinstance(v, float)
    )
    return {
        "density": flow.density,
        "period": flow.period,
        "dt": flow.dt,
        "element": flow.scheme.element,
        "viscosity": f"{flow.rheology.kind} ({words}, SI)",  # type: ignore[attr-defined]
    }


def _of_mesh(mesh: Path, layout: Layout) -> dict[str, Any]:
    return {"sha256": digest_file(mesh), **layout.vessel.quality}


def _is_begun(results: Path, key: str) -> bool:
    """Whether the recorded cycle of this flow was begun there, and not ended."""
    try:
        with h5py.File(results, "r", locking=False) as file:
            attributes = file["dvtwin/flow"].attrs
            return str(attributes["key"]) == key and not attributes["complete"]
    except (OSError, KeyError, RuntimeError):
        return False
