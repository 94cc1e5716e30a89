"""The flow stage and the clot stage: from `mesh.h5` to their parts of `results.h5`, resumable."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from core.fields import AGE, CLOT, PRESSURE, VELOCITY, WALL_SHEAR_STRESS
from core.log import Progress
from core.record import digest_file
from meshes import vessel as vessels
from solvers import checkpoint as checkpoints
from solvers import state
from solvers.age import blood_age, entrances
from solvers.averages import Averages
from solvers.cycle import Cycles
from solvers.flow import Flow
from solvers.layout import Layout
from solvers.output import Writer
from solvers.settings import ClotSettings, FlowSettings
from solvers.stop import StopRequest
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
) -> None:
    """Pulsatile flow until it is periodic, then one recorded cycle into ``results``. Collective.

    A checkpoint in the folder ``checkpoint`` is kept after every cycle. Raises `TwinError`.
    """
    problem, layout = _problem(comm, mesh, flow)
    cycles = Cycles(problem, layout, progress, StopRequest(comm))
    facts = {
        "sha256": comm.bcast(digest_file(mesh) if comm.rank == 0 else None),
        **layout.vessel.quality,
    }
    saved = checkpoint / "flow.h5"
    done, change = _resume_flow(saved, cycles, key)
    while done < flow.cycles - 1 and not (done > 1 and change <= flow.periodic):
        change, _ = cycles.run("flow", done / flow.cycles, 1.0 / flow.cycles)
        done += 1
        _save_flow(saved, cycles, key, done, change)
    times = view_times(flow, clot)
    if comm.rank == 0:
        # a growth that was begun belongs to the results file that is replaced here
        (checkpoint / "clot.h5").unlink(missing_ok=True)
    with Writer.create(
        results, layout, times, case=case_text, record=record, mesh=facts
    ) as writer:
        group = writer.group("flow", key=key, complete=0, **_facts(flow))
        recorder = Recorder(writer, group, problem, flow)
        change, averages = cycles.run(
            "flow", done / flow.cycles, 1.0 / flow.cycles, snapshot=recorder, record=True
        )
        _save_flow(saved.with_name("periodic.h5"), cycles, key, done + 1, change, averages)
        age = blood_age(problem, averages)
        for k in range(flow.snapshots):
            writer.view(k, {AGE.name: age}, announce=False)
        _say_roles(writer, problem, averages)
        write_means(writer, group, problem, averages, age)
        series = group.create_group("series")
        series.attrs["boundaries"] = list(cycles.series.names)
        writer.table(series, cycles.series.table())
        group.attrs.update(periodicity=change, cycles=done + 1, complete=1)
    progress.say("flow", 1.0)


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
) -> None:
    """Clot growth over hours from the periodic flow, written into ``results``. Collective.

    Goes on from a checkpoint of the same ``key``. Raises `TwinError`.
    """
    problem, layout = _problem(comm, mesh, flow)
    cycles = Cycles(problem, layout, progress, StopRequest(comm))
    timeline = Timeline(cycles, clot, checkpoint, key)
    with Writer(results, layout, "r+") as writer:
        if timeline.stored == 0:
            group = writer.group("clot", key=key, complete=0, growth_width=clot.growth_width)
            fraction = writer.stack(group, "fraction", (clot.stored, layout.points.total))
        else:
            group = writer.file["dvtwin/clot"]
            fraction = group["fraction"]
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
            )
            progress.say("clot", time / clot.until, hours=round(time / 3600.0, 3))
        for part in ("time", "mean", "wall", "series"):
            if part in group:
                del group[part]
        times = [clot.until * (k + 1) / clot.stored for k in range(clot.stored)]
        writer.table(group, {"time": times})
        write_means(writer, group, problem, timeline.averages, timeline.age)
        writer.table(group.create_group("series"), timeline.series())
        group.attrs.update(
            mesh_size=timeline.largest_edge, periodicity=timeline.largest_change, complete=1
        )
    progress.say("clot", 1.0)


class Recorder:
    """Stores evenly spaced snapshots of the recorded cycle: viewed fields and wall shear
    stress.
    """

    def __init__(self, writer: Writer, group: Any, problem: Flow, flow: FlowSettings) -> None:
        self.writer, self.problem = writer, problem
        every = flow.steps_per_cycle / flow.snapshots
        self._at = {round((k + 1) * every): k for k in range(flow.snapshots)}
        self._history = writer.stack(
            group.create_group("wall"), "traction", (flow.snapshots, writer.layout.walls.total, 3)
        )

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
            },
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


def _say_roles(writer: Writer, problem: Flow, averages: Averages) -> None:
    inward = entrances(problem, averages)
    for name in problem.patches:
        role = "inlet" if name in inward else "outlet"
        writer.file["dvtwin/boundaries"][name].attrs["role"] = role


def _save_flow(
    path: Path,
    cycles: Cycles,
    key: str,
    done: int,
    change: float,
    averages: Averages | None = None,
) -> None:
    cells, facts = state.pack_flow(cycles.flow.scheme)
    if averages is not None:
        cells |= state.pack_averages(averages, cycles.flow.V, cycles.flow.Q)
        facts["recorded"] = averages.steps
    facts |= {"cycles": done, "change": change, "series": cycles.series.rows}
    checkpoints.save(path, cycles.layout, key, cells, facts)


def _resume_flow(path: Path, cycles: Cycles, key: str) -> tuple[int, float]:
    """Cycles already done and the last change between them. Collective."""
    found = checkpoints.restore(path, cycles.layout, key)
    if found is None:
        return 0, 1.0
    cells, facts = found
    state.unpack_flow(cycles.flow.scheme, cells, facts)
    cycles.series.rows = facts["series"]
    return int(facts["cycles"]), float(facts["change"])
