"""What each stage does, once its process has the case, the folder and the key."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.log import Progress
from core.record import record
from core.settings import rows
from jobs.folder import Folder

if TYPE_CHECKING:
    from jobs.case import Case


@dataclass(frozen=True)
class Task:
    """One stage at work: ``base`` is the folder of the case file, ``comm`` MPI's communicator in
    a parallel stage.
    """

    case: "Case"
    base: Path
    folder: Folder
    key: str
    progress: Progress
    comm: Any = None


def mesh(task: Task) -> None:
    """The case's image or mesh → `mesh.h5`."""
    from meshes.build import build, report

    task.progress.say("mesh", 0.02, doing="building")
    built = build(task.case.mesh, task.base)
    print(report(built), flush=True)  # noqa: T201
    built.save(task.folder.mesh, key=task.key)
    task.progress.say("mesh", 1.0, cells=len(built.cells))


def flow(task: Task) -> None:
    """`mesh.h5` → the flow's part of `results.h5`. Collective."""
    from jobs.case import dump
    from jobs.preflight import match_boundaries
    from solvers.runs import run_flow

    case, folder = task.case, task.folder
    match_boundaries(case, folder.mesh)
    made = None
    if task.comm.rank == 0:
        made = record(case.mesh.inputs(task.base), ranks=task.comm.size)
    run_flow(
        task.comm, mesh=folder.mesh, results=folder.results, checkpoint=folder.checkpoint,
        flow=case.flow, clot=case.clot, key=task.key, case_text=dump(case),
        record=task.comm.bcast(made), progress=task.progress, interval=case.run.checkpoint,
    )


def clot(task: Task) -> None:
    """`mesh.h5` and the flow → the clot's part of `results.h5`. Collective."""
    from solvers.runs import run_clot

    case, folder = task.case, task.folder
    assert case.clot is not None
    run_clot(
        task.comm, mesh=folder.mesh, results=folder.results, checkpoint=folder.checkpoint,
        flow=case.flow, clot=case.clot, key=task.key, progress=task.progress,
        therapy=case.therapy, interval=case.run.checkpoint,
    )


def measure(task: Task) -> None:
    """`results.h5` → `metrics.json`."""
    from postprocess.measure import measure

    task.progress.say("measure", 0.05, doing="measuring")
    measure(task.folder.results, task.folder.metrics, task.case.measure, key=task.key)
    task.progress.say("measure", 1.0)


def report(task: Task) -> None:
    """`metrics.json` and the pictures → `report.json`, `report.pdf` and `report.html`."""
    from jobs.hospital.signing import status_text
    from postprocess.reporting.report import write

    case, folder = task.case, task.folder
    task.progress.say("report", 0.05, doing="drawing and typesetting")
    write(
        folder.metrics, folder.results, folder.path, title=case.title,
        patient=case.patient.model_dump(mode="json"), assumptions=list(rows(case)), key=task.key,
        status=status_text(folder, task.key), settings=case.report,
    )
    task.progress.say("report", 1.0)
