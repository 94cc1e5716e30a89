"""Checkpoints that are damaged are never taken for good ones; inside a cycle nothing is lost."""

import logging
import resource
import shutil
import signal
from pathlib import Path

from mpi4py import MPI

import numpy as np
import pytest

from core.errors import CaseError, TryAgain
from core.record import digest_file
from meshes import vessel as vessels
from solvers.elements.cells import Geometry, Space
from solvers.storage import checkpoint
from solvers.storage.layout import Layout
from tests.solvers.chain import Interrupted, Until, interrupt, run
from tests.solvers.test_restart import FLOW_WORDS, assert_same, clot_words, finished, folder

COMM = MPI.COMM_WORLD
__all__ = ["clot_words", "finished", "folder"]


@pytest.fixture
def layout(folder: Path) -> Layout:
    vessel = vessels.load(COMM, folder / "mesh.h5")
    geometry = Geometry(vessel.mesh)
    return Layout(vessel, geometry, Space(geometry, 1))


def state(layout: Layout, number: float) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    cells = np.sin(number + layout.cell_rows.astype(float))
    walls = np.cos(number + layout.wall_rows.astype(float))
    return {"flow/u": cells, "wall/mean/tawss": walls}, {"steps": number}


def save(path: Path, layout: Layout, *numbers: float) -> None:
    for number in numbers:
        checkpoint.save(path, layout, "k", *state(layout, number))


def steps(path: Path, layout: Layout) -> float | None:
    """What the restored state says of itself, after a look at every value."""
    found = checkpoint.restore(path, layout, "k")
    if found is None:
        return None
    whole = state(layout, found[1]["steps"])[0]
    assert all(np.array_equal(found[0][name], whole[name]) for name in whole)
    return found[1]["steps"]


@pytest.mark.mpi
def test_the_last_two_are_kept(layout: Layout, tmp_path: Path) -> None:
    path = tmp_path / "flow.h5"
    assert checkpoint.restore(path, layout, "k") is None
    save(path, layout, 1.0, 2.0, 3.0)
    COMM.Barrier()
    names = sorted(one.name for one in tmp_path.glob("flow*"))
    assert names == ["flow.h5", "flow.previous.h5"]
    assert steps(path, layout) == 3.0
    assert checkpoint.restore(path, layout, "another key") is None
    assert steps(checkpoint.previous(path), layout) == 2.0


@pytest.mark.mpi
@pytest.mark.parametrize("damage", ["cut", "empty", "flip", "gone"])
def test_a_damaged_one_gives_way_with_a_warning(
    damage: str, layout: Layout, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "flow.h5"
    save(path, layout, 1.0, 2.0)
    if COMM.rank == 0:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 4
        new = {"cut": content[:-1], "empty": b"", "flip": content, "gone": None}[damage]
        path.unlink()
        if new is not None:
            path.write_bytes(new)
    COMM.Barrier()
    with caplog.at_level(logging.WARNING):
        assert steps(path, layout) == 1.0
        if COMM.rank == 0 and damage != "gone":
            assert "flow.h5 is damaged" in caplog.text
    if COMM.rank == 0 and damage != "gone":
        checkpoint.previous(path).write_bytes(b"")
    COMM.Barrier()
    if damage != "gone":
        with caplog.at_level(logging.WARNING):
            assert steps(path, layout) is None
            assert COMM.rank or "starts from its beginning" in caplog.text


def test_no_flipped_bit_makes_another_state(layout: Layout, tmp_path: Path) -> None:
    path = tmp_path / "flow.h5"
    save(path, layout, 1.0)
    whole, random = path.read_bytes(), np.random.default_rng(0)
    told = 0
    for place in random.integers(0, len(whole), 150):
        content = bytearray(whole)
        content[place] ^= 1 << int(random.integers(8))
        path.write_bytes(content)
        told += steps(path, layout) is None  # `steps` looks at every value of what is restored
    assert told > 75  # the rest are bytes that hold nothing


def test_a_full_disk_keeps_what_was_saved(layout: Layout, tmp_path: Path) -> None:
    path = tmp_path / "flow.h5"
    save(path, layout, 1.0, 2.0)
    known = digest_file(path), digest_file(checkpoint.previous(path))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(path.read_bytes()) // 2, hard))
    try:
        with pytest.raises((OSError, RuntimeError)):
            save(path, layout, 3.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert known == (digest_file(path), digest_file(checkpoint.previous(path)))
    save(path, layout, 4.0)
    assert steps(path, layout) == 4.0


# ---------------------------------------------------------------------- inside a cycle


@pytest.mark.mpi
@pytest.mark.parametrize("word", [3, 5])  # in a cycle that is not recorded, in the one that is
def test_a_stop_loses_no_step_of_the_flow(word: int, folder: Path, finished: Path) -> None:
    with pytest.raises(TryAgain, match="stopped on request"):
        run(COMM, folder, "flow", Until(word, lambda: signal.raise_signal(signal.SIGUSR1)))
    after = Until(0, interrupt)
    run(COMM, folder, "flow", after)
    assert after.said == FLOW_WORDS - word
    run(COMM, folder, "clot")
    assert_same(folder, finished)


@pytest.mark.mpi
def test_a_stop_loses_no_step_of_the_clot(folder: Path, finished: Path, clot_words: int) -> None:
    run(COMM, folder, "flow")
    said = 0
    for share in (0.2, 0.55):
        progress = Until(round(share * clot_words), lambda: signal.raise_signal(signal.SIGUSR1))
        with pytest.raises(TryAgain, match="stopped on request"):
            run(COMM, folder, "clot", progress)
        said += progress.said
    after = Until(0, interrupt)
    run(COMM, folder, "clot", after)
    assert said + after.said == clot_words
    assert_same(folder, finished)


def test_the_clock_asks_for_checkpoints(folder: Path, finished: Path) -> None:
    with pytest.raises(Interrupted):
        run(MPI.COMM_SELF, folder, "flow", Until(6, interrupt), interval=0.0)
    assert (folder / "checkpoint" / "flow-cycle.h5").exists()
    after = Until(0, interrupt)
    run(MPI.COMM_SELF, folder, "flow", after)
    assert after.said == 2  # the step of the sixth word again, and the end
    run(MPI.COMM_SELF, folder, "clot")
    assert_same(folder, finished)


def test_a_lost_results_file_costs_the_recorded_cycle(folder: Path, finished: Path) -> None:
    with pytest.raises(TryAgain):
        run(MPI.COMM_SELF, folder, "flow", Until(5, lambda: signal.raise_signal(signal.SIGTERM)))
    (folder / "results.h5").unlink()
    after = Until(0, interrupt)
    run(MPI.COMM_SELF, folder, "flow", after)
    assert after.said == 3
    run(MPI.COMM_SELF, folder, "clot")
    assert_same(folder, finished)


def test_results_cut_off_are_told_to_the_clot(folder: Path, finished: Path) -> None:
    shutil.copytree(finished, folder, dirs_exist_ok=True)
    checkpoint.forget(folder / "checkpoint" / "clot.h5")
    content = (folder / "results.h5").read_bytes()
    (folder / "results.h5").write_bytes(content[: len(content) // 10])
    with pytest.raises(CaseError, match="results file is damaged"):
        run(MPI.COMM_SELF, folder, "clot")


def test_another_growth_shows_nothing_of_the_last(folder: Path, finished: Path) -> None:
    from core.store import Results

    shutil.copytree(finished, folder, dirs_exist_ok=True)
    checkpoint.forget(folder / "checkpoint" / "clot.h5")
    with pytest.raises(Interrupted):
        run(MPI.COMM_SELF, folder, "clot", Until(2, interrupt))
    with Results(folder / "results.h5") as results:
        assert len(results.times()) == 2
        assert not results.attributes("clot")["complete"]
