"""The same answer on any number of ranks; states that move between them."""

import os
import subprocess
import sys
from pathlib import Path

from mpi4py import MPI

import numpy as np
import pytest

from core.record import ROOT
from core.store import Results
from meshes import vessel as vessels
from solvers.diagnostics.traction import WallShear
from solvers.flow import Flow
from solvers.storage import checkpoint, state
from solvers.storage.blocks import Blocks
from solvers.storage.layout import Layout
from tests.solvers.chain import settings, write_mesh
from tests.verification.tubes import flow_settings, inflow, tube

COMM = MPI.COMM_WORLD
DOUBLE = [
    "flow/mean/velocity",
    "flow/mean/pressure",
    "flow/mean/age",
    "flow/mean/shear_rate",
    "flow/wall/tawss",
    "flow/wall/traction_mean",
    "flow/series/flow_rate",
    "flow/series/pressure",
    "clot/mean/velocity",
    "clot/mean/pressure",
    "clot/mean/age",
    "clot/wall/tawss",
    "clot/series/time",
    "clot/series/volume",
    "clot/series/refreshed",
    "clot/series/pressure_drop",
    "wall/area",
    "wall/centre",
    "wall/normal",
]
SINGLE = ["clot/fraction", "flow/wall/traction"]


def launch(ranks: int, module: str, *arguments: object) -> None:
    """Run ``module`` on a number of ranks, as a batch job would."""
    command = [sys.executable, "-P", "-m", module, *map(str, arguments)]
    if ranks > 1:
        mapping = ["--bind-to", "none", "--map-by", ":OVERSUBSCRIBE"]
        command = ["mpirun", "-n", str(ranks), *mapping, *command]
    known = {"PYTHONPATH": str(ROOT), "OMPI_MCA_topo": "basic", "SCOTCH_PTHREAD_NUMBER": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **known}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ranks1")
    write_mesh(folder)
    launch(1, "tests.solvers.chain", folder, 0, 0)
    return folder


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Largest difference over the largest value."""
    assert one.shape == other.shape
    return float(np.abs(one - other).max(initial=0.0) / np.abs(one).max(initial=1e-300))


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_same_answer_on_more_ranks(ranks: int, serial: Path, tmp_path: Path) -> None:
    os.link(serial / "mesh.h5", tmp_path / "mesh.h5")
    launch(ranks, "tests.solvers.chain", tmp_path, 0, 0)
    with Results(serial / "results.h5") as one, Results(tmp_path / "results.h5") as other:
        assert np.array_equal(one.cells(), other.cells())
        assert difference(one.points(), other.points()) < 1e-14
        assert one.array("clot/fraction").max() > 0.7  # there is a clot to compare
        assert one.array("clot/series/refreshed").sum() >= 3  # and it met the flow
        apart = {name: difference(one.array(name), other.array(name)) for name in DOUBLE}
        # linear solves to 1e-12; the order of sums differs between ranks
        assert max(apart.values()) < 1e-8, apart
        for name in SINGLE:  # stored in single precision: 6e-8 of a value, and one unit more
            assert difference(one.array(name), other.array(name)) < 2e-7
        for name in one.names("boundaries"):
            facets = [np.sort(r.array(f"boundaries/{name}/facets"), axis=1) for r in (one, other)]
            assert np.array_equal(facets[0], facets[1])


@pytest.mark.mpi
@pytest.mark.parametrize("element", ["P1/P1", "P2/P1"])
def test_wall_shear_does_not_know_the_ranks(element: str) -> None:
    """Area, force, square and largest value of τ, of all ranks and of each rank alone."""
    mesh = COMM.bcast(tube("16 mm", "1.6 mm"))
    found = []
    for comm in (COMM, MPI.COMM_SELF):
        vessel = vessels.distribute(comm, mesh if comm.rank == 0 else None)
        scheme = {"element": element, "dt": "40 ms", "tolerances": "tight"}
        flow = Flow(vessel, flow_settings(inflow("100 mL/min"), scheme=scheme))
        wall = Layout(vessel, flow.geometry, flow.Q).wall
        rim = np.concatenate([flow.V.dofs_on(f.numbers) for f in flow.patches.values()])
        shear = WallShear(flow.scheme, wall, rim)
        for _ in range(3):
            flow.step()
        tau, area = shear(), wall.area
        size = np.sqrt((tau**2).sum(axis=1))
        sums = np.array([area.sum(), area @ tau[:, 2], area @ size**2])
        sums = np.append(comm.allreduce(sums), comm.allreduce(size.max(initial=0.0), MPI.MAX))
        found.append(sums)
    assert found[0][2] > 0.0
    assert found[0] == pytest.approx(found[1], rel=1e-9)


@pytest.mark.mpi
@pytest.mark.parametrize("shape", [(), (3,), (4, 3)])
@pytest.mark.parametrize("kind", [np.float64, np.int64, np.float32])
def test_blocks_there_and_back(shape: tuple[int, ...], kind: type) -> None:
    total = 103
    owner = np.random.default_rng(7).integers(0, COMM.size, total)
    rows = np.random.default_rng(11).permutation(total)
    mine = rows[owner[rows] == COMM.rank]
    blocks = Blocks(COMM, mine, total)
    whole = (np.arange(total * int(np.prod(shape))) / 4).reshape(total, *shape).astype(kind)
    block = blocks.to_file(whole[mine])
    assert block.dtype == kind
    assert np.array_equal(block, whole[blocks.start : blocks.stop])
    assert np.array_equal(blocks.from_file(block), whole[mine])


@pytest.mark.mpi
def test_blocks_of_fewer_rows_than_ranks() -> None:
    mine = np.arange(1) if COMM.rank == COMM.size - 1 else np.arange(0)
    blocks = Blocks(COMM, mine, 1)
    whole = COMM.allgather(blocks.to_file(np.full(len(mine), 7.0)))
    assert np.concatenate(whole).tolist() == [7.0]


def _saved(comm: MPI.Comm, folder: Path, steps: int) -> tuple[Flow, Layout]:
    """The small case's flow after a few steps, and its layout."""
    flow_settings, _ = settings()
    flow = Flow(vessels.load(comm, folder / "mesh.h5"), flow_settings)
    layout = Layout(flow.vessel, flow.geometry, flow.Q)
    for _ in range(steps):
        flow.step()
    return flow, layout


@pytest.mark.mpi
def test_checkpoint_gives_back_every_bit(tmp_path: Path) -> None:
    if COMM.rank == 0:
        write_mesh(tmp_path)
    COMM.Barrier()
    flow, layout = _saved(COMM, tmp_path, 3)
    cells, facts = state.pack_flow(flow.scheme)
    tau = np.arange(3.0 * len(layout.wall.area)).reshape(-1, 3)
    arrays = {**cells, "wall/traction": tau}
    checkpoint.save(tmp_path / "c.h5", layout, "key", arrays, {**facts, "rows": [[1.5, 2.0]]})
    assert checkpoint.restore(tmp_path / "c.h5", layout, "another key") is None
    assert checkpoint.restore(tmp_path / "none.h5", layout, "key") is None
    again = checkpoint.restore(tmp_path / "c.h5", layout, "key")
    assert again is not None
    assert again[1] == {**facts, "rows": [[1.5, 2.0]]}
    assert set(again[0]) == set(arrays)
    for name, values in arrays.items():
        assert np.array_equal(again[0][name], values), name
    flow.step()
    expected = flow.scheme.u.copy(), flow.scheme.p.copy()
    resumed, _ = _saved(COMM, tmp_path, 0)
    state.unpack_flow(resumed.scheme, *again)
    resumed.step()
    assert np.array_equal(resumed.scheme.u, expected[0])
    assert np.array_equal(resumed.scheme.p, expected[1])


@pytest.mark.slow
@pytest.mark.parametrize(("saved_on", "read_on"), [(1, 3), (3, 2), (2, 1)])
def test_checkpoint_moves_between_ranks(saved_on: int, read_on: int, tmp_path: Path) -> None:
    """The flow's steps 1 to 5 on one number of ranks, 6 to 10 on another."""
    write_mesh(tmp_path)
    launch(1, "tests.solvers.steps", tmp_path, "whole", 10)
    launch(saved_on, "tests.solvers.steps", tmp_path, "first", 5)
    launch(read_on, "tests.solvers.steps", tmp_path, "second", 5, "first")
    _, layout = _saved(MPI.COMM_SELF, tmp_path, 0)
    whole = checkpoint.restore(tmp_path / "whole.h5", layout, "k")
    moved = checkpoint.restore(tmp_path / "second.h5", layout, "k")
    assert whole is not None
    assert moved is not None
    assert moved[1] == whole[1]
    for name, values in whole[0].items():
        # the sums' order differs; the small pressure corrections lose most digits
        bound = 1e-5 if name == "flow/w_correction" else 1e-8
        assert difference(values, moved[0][name]) < bound, name
