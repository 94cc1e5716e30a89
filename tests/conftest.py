"""What all tests share: folders and reports that suit several ranks, and data to test on."""

import gc
import io
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("DVTWIN_DATA", ROOT.parent / "shared" / "data"))
os.environ["DVTWIN_HISTORY"] = os.devnull  # what tests cost says nothing of real runs
IN_MPI = bool({"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"} & set(os.environ))
PATIENCE = 120.0
"""Seconds that a rank waits for the others after a test before it ends them all."""


def _world() -> Any:
    from mpi4py import MPI

    return MPI.COMM_WORLD


# A communicator of our own: a rank that left a test early must not meet the others' collectives.
COMM = _world().Dup() if IN_MPI else None
RANK = COMM.rank if COMM else 0


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real vessels and reference results (`DVTWIN_DATA`)."""
    return DATA


@pytest.fixture
def tmp_path(tmp_path: Path) -> Path:
    """Pytest's own, the same on every rank."""
    return COMM.bcast(tmp_path) if COMM else tmp_path


@pytest.fixture(autouse=True)
def _together() -> Iterator[None]:
    """No rank goes on before all are done and have let go of their PETSc objects."""
    yield
    if COMM is not None:
        gc.collect()
        _wait()


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    if RANK:  # rank 0 reports; others speak when a test fails (below)
        session.config.get_terminal_writer()._file = io.StringIO()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if RANK and report.failed:
        _say(f"{report.nodeid} failed\n{report.longreprtext}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not DATA.is_dir():
        skip = pytest.mark.skip(reason=f"no real-vessel data in {DATA}: set DVTWIN_DATA")
        for item in items:
            if item.get_closest_marker("data"):
                item.add_marker(skip)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A failure on any rank is everyone's; that no chosen test is marked `mpi` is none."""
    if COMM is not None:
        _wait()
        worst = max(COMM.allgather(int(exitstatus)))
        session.exitstatus = 0 if worst == pytest.ExitCode.NO_TESTS_COLLECTED else worst


def _wait() -> None:
    """Wait for the other ranks, and end them all if one does not come. Collective."""
    assert COMM is not None
    request, start = COMM.Ibarrier(), time.monotonic()
    while not request.Test():
        if time.monotonic() - start > PATIENCE:
            _say("waits for the others in vain: a test failed on some ranks only")
            COMM.Abort(1)
        time.sleep(0.001)


def _say(text: str) -> None:
    print(f"\n[rank {RANK}] {text}", file=sys.stderr, flush=True)
