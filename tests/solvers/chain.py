"""A small case of both stages: `python3 -m tests.solvers.chain FOLDER FLOW_KILL CLOT_KILL`
runs it.

FOLDER holds `mesh.h5`. The process ends itself by SIGKILL at the given word of progress of a
stage, as at the loss of a node; 0 means never.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mpi4py import MPI

from core.errors import TwinError
from core.log import Progress
from core.settings import read
from meshes.sources.tube import Tube
from solvers.runs import run_clot, run_flow
from solvers.settings import ClotSettings, FlowSettings
from solvers.stop import INTERVAL

MESH = {"radius": "5 mm", "length": "16 mm", "size": "2 mm"}
FLOW: dict[str, Any] = {
    "rheology": {"kind": "carreau"},
    "scheme": {"element": "P1/P1", "dt": "100 ms", "tolerances": "tight"},
    "period": "2 s",
    "cycles": 3,
    "periodic": 1e-9,
    "snapshots": 2,
    "boundary": {
        "inlet": {
            "kind": "flow_rate",
            "mean": "60 mL/min",
            "waveform": {"kind": "breath", "swing": 0.5},
        },
        "outlet": {"kind": "pressure", "pressure": "6 mmHg"},
    },
}
CLOT: dict[str, Any] = {
    "until": "6 h",
    "stored": 3,
    "growth_width": "4 mm",
    "refresh_volume": "0.005 mL",
    "model": {
        "kind": "growth",
        "front_speed": "60 um/min",
        "age_threshold": "0.3 s",
        "shear_threshold": "100 1/s",
        "injury": [{"at": ["0 mm", "5 mm", "8 mm"], "radius": "4 mm"}],
    },
}


class Interrupted(TwinError):
    """Stands for whatever ends a run before its time."""


class Until(Progress):
    """Progress that does ``then`` at its ``last`` word."""

    def __init__(self, last: int, then: Callable[[], None]) -> None:
        super().__init__(None)
        self.said, self._last, self._then = 0, last, then

    def say(self, stage: str, done: float, **values: Any) -> None:
        self.said += 1
        if self.said == self._last:
            self._then()


def interrupt() -> None:
    raise Interrupted("the run was interrupted")


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def write_mesh(folder: Path) -> None:
    """`mesh.h5` of the small tube."""
    folder.mkdir(parents=True, exist_ok=True)
    read(Tube, MESH, "test").build(folder).save(folder / "mesh.h5")


def settings(flow: dict[str, Any] | None = None) -> tuple[FlowSettings, ClotSettings]:
    return read(FlowSettings, {**FLOW, **(flow or {})}, "test"), read(ClotSettings, CLOT, "test")


def run(
    comm: MPI.Comm,
    folder: Path,
    stages: str = "flow clot",
    progress: Progress | None = None,
    flow: dict[str, Any] | None = None,
    interval: float = INTERVAL,
) -> None:
    """Run the named stages in ``folder``. Collective."""
    flow_settings, clot_settings = settings(flow)
    paths = {
        "mesh": folder / "mesh.h5",
        "results": folder / "results.h5",
        "checkpoint": folder / "checkpoint",
    }
    progress = progress or Progress(None)
    if "flow" in stages:
        run_flow(
            comm,
            **paths,
            flow=flow_settings,
            clot=clot_settings,
            key="flow",
            case_text="",
            record={},
            progress=progress,
            interval=interval,
        )
    if "clot" in stages:
        run_clot(
            comm,
            **paths,
            flow=flow_settings,
            clot=clot_settings,
            key="clot",
            progress=progress,
            interval=interval,
        )


if __name__ == "__main__":
    for stage, word in zip(("flow", "clot"), sys.argv[2:], strict=True):
        if int(word) >= 0:
            run(MPI.COMM_WORLD, Path(sys.argv[1]), stage, Until(int(word), kill))
