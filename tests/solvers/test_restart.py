"""Runs that were cut off go on to the same bits; what they leave behind can be read."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

from mpi4py import MPI

import h5py
import numpy as np
import pytest

from core.errors import CaseError, TryAgain
from core.record import ROOT
from core.store import Results
from solvers.storage import checkpoint
from tests.solvers.chain import Interrupted, Until, interrupt, run, write_mesh

COMM = MPI.COMM_WORLD
FLOW_WORDS = 7
"""Words of progress of the flow: two for each of three cycles of 20 steps, and one at the end."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    if COMM.rank == 0:
        write_mesh(tmp_path)
    COMM.Barrier()
    return tmp_path


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The case run without a break, on as many ranks as the tests have."""
    folder = COMM.bcast(tmp_path_factory.mktemp("whole"))
    if COMM.rank == 0:
        write_mesh(folder)
    COMM.Barrier()
    run(COMM, folder)
    return folder


@pytest.fixture(scope="module")
def clot_words(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many words of progress the clot stage says."""
    folder = COMM.bcast(tmp_path_factory.mktemp("words"))
    if COMM.rank == 0:
        shutil.copytree(finished, folder, dirs_exist_ok=True)
        checkpoint.forget(folder / "checkpoint" / "clot.h5")
    COMM.Barrier()
    progress = Until(0, interrupt)
    run(COMM, folder, "clot", progress)
    assert progress.said > 8
    return progress.said


def datasets(path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}

    def note(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(path, "r", locking=False) as file:
        file.visititems(note)
    return found


def assert_same(folder: Path, finished: Path) -> None:
    COMM.Barrier()
    one, other = datasets(folder / "results.h5"), datasets(finished / "results.h5")
    assert set(one) == set(other)
    different = [name for name in one if one[name].tobytes() != other[name].tobytes()]
    assert not different


@pytest.mark.mpi
@pytest.mark.parametrize("word", [2, 3, 6])  # in the second cycle, at its end, in the recorded one
def test_flow_goes_on_to_the_same_bits(word: int, folder: Path, finished: Path) -> None:
    with pytest.raises(Interrupted):
        run(COMM, folder, "flow", Until(word, interrupt))
    after = Until(0, interrupt)
    run(COMM, folder, "flow", after)
    # whole cycles that were saved are not run again
    assert after.said == FLOW_WORDS - 2 * ((word - 1) // 2)
    run(COMM, folder, "clot")
    assert_same(folder, finished)


@pytest.mark.mpi
@pytest.mark.parametrize("share", [0.1, 0.4, 0.7, 0.95])
def test_clot_goes_on_to_the_same_bits(
    share: float, folder: Path, finished: Path, clot_words: int
) -> None:
    run(COMM, folder, "flow")
    with pytest.raises(Interrupted):
        run(COMM, folder, "clot", Until(round(share * clot_words), interrupt))
    run(COMM, folder, "clot")
    assert_same(folder, finished)


@pytest.mark.mpi
def test_a_request_to_stop_leaves_a_state_to_go_on_from(folder: Path, finished: Path) -> None:
    # as Slurm asks shortly before the time limit; the handler is the run's own
    with pytest.raises(TryAgain, match="stopped on request") as stopped:
        run(COMM, folder, "flow", Until(3, lambda: signal.raise_signal(signal.SIGUSR1)))
    assert stopped.value.exit_code == 85
    run(COMM, folder)
    assert_same(folder, finished)


def test_clot_without_a_flow_is_refused(folder: Path) -> None:
    run(MPI.COMM_SELF, folder, "flow")
    shutil.rmtree(folder / "checkpoint")
    with pytest.raises(CaseError, match="no periodic flow"):
        run(MPI.COMM_SELF, folder, "clot")


def test_checkpoint_of_another_mesh_is_refused(folder: Path, finished: Path) -> None:
    from core.settings import read
    from meshes.sources.tube import Tube

    shutil.copytree(finished / "checkpoint", folder / "checkpoint")
    other = {"radius": "5 mm", "length": "12 mm", "size": "2 mm"}
    read(Tube, other, "test").build(folder).save(folder / "mesh.h5")
    with pytest.raises(CaseError, match="of another mesh"):
        run(MPI.COMM_SELF, folder, "flow")


def killed(folder: Path, flow: int, clot: int) -> None:
    """The case in a process that ends itself by SIGKILL at a word of the flow or of the clot."""
    command = [
        sys.executable,
        "-P",
        "-m",
        "tests.solvers.chain",
        str(folder),
        str(flow),
        str(clot),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr


def finite(path: Path, steps: int) -> None:
    """``steps`` stored times are whole, in our reader."""
    with Results(path) as results:
        assert len(results.times()) == steps
        for step in range(steps):
            assert np.abs(results.viewed("velocity", step)).max() > 1e-3
            assert results.viewed("pressure", step).max() > 790.0
        assert not results.attributes("clot" if results.has("clot") else "flow")["complete"]


@pytest.mark.parametrize(("word", "steps"), [(6, 1), (7, 2)])
def test_killed_flow_leaves_a_readable_file(
    word: int, steps: int, folder: Path, finished: Path
) -> None:
    # the recorded third cycle says its 5th word at half time, its 6th at the end
    killed(folder, word - 1, -1)
    finite(folder / "results.h5", steps)
    run(MPI.COMM_SELF, folder)
    assert_same(folder, finished)


def test_killed_clot_leaves_a_readable_file(folder: Path, finished: Path, clot_words: int) -> None:
    killed(folder, 0, round(0.8 * clot_words))
    with Results(folder / "results.h5") as results:
        done = len(results.times())
    assert 2 <= done < 5
    finite(folder / "results.h5", done)
    run(MPI.COMM_SELF, folder, "clot")
    assert_same(folder, finished)


def test_stored_times(finished: Path) -> None:
    with Results(finished / "results.h5") as results:
        assert results.times() == pytest.approx([1.0, 2.0, 7200.0, 14400.0, 21600.0])
