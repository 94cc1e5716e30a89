"""The clot that a growth starts with: the other run's, less what is taken from the middle."""

from pathlib import Path

from mpi4py import MPI

import numpy as np
import pytest

from core.errors import CaseError
from core.settings import read
from meshes.sources.tube import Tube
from meshes.vessel import distribute
from solvers import residual as residual_
from solvers.elements.cells import Geometry, Space
from solvers.elements.facets import Facets
from solvers.settings import StartSettings

RADIUS = 5e-3
TABLE = {"radius": "5 mm", "length": "20 mm", "size": "1.5 mm"}


@pytest.fixture(scope="module")
def tube() -> tuple[Space, np.ndarray, np.ndarray]:
    """Points of a tube, its wall's middles, and all points of its mesh."""
    comm = MPI.COMM_WORLD
    mesh = read(Tube, TABLE, "test").build(Path()) if comm.rank == 0 else None
    points = comm.bcast(mesh.points if mesh is not None else None)
    vessel = distribute(comm, mesh)
    geometry = Geometry(vessel.mesh)
    wall = Facets(geometry, vessel.facets(*vessel.walls))
    return Space(geometry, 1), wall.centre, points


def start(removed: float) -> StartSettings:
    return StartSettings(run="../run", key="k", removed=removed)


@pytest.mark.mpi
@pytest.mark.parametrize("removed", [0.0, 0.5, 0.9, 1.0])
def test_so_much_of_the_volume_is_taken_from_the_middle(
    tube, removed: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, wall, points = tube
    # a plug from z = 5 to 15 mm that fills the lumen
    before = ((points[:, 2] > 5e-3) & (points[:, 2] < 15e-3)).astype(float)
    monkeypatch.setattr(residual_, "_last", lambda path, key: (points, before))
    left = residual_.residual(space, wall, start(removed), Path("x/checkpoint"))
    whole = residual_.residual(space, wall, start(0.0), Path("x/checkpoint"))
    geometry = space.geometry

    def volume(fraction: np.ndarray) -> float:
        return geometry.total(fraction[space.dofs].mean(axis=1))

    # whole points leave one by one: the share is met to one point's volume
    one = (1.5e-3) ** 3 / volume(whole)
    assert volume(left) / volume(whole) == pytest.approx(1 - removed, abs=2 * one)
    depth = RADIUS - np.linalg.norm(space.coordinates[:, :2], axis=1)
    kept, gone = depth[(whole > 0) & (left > 0)], depth[(whole > 0) & (left == 0)]
    if 0.0 < removed < 1.0:
        comm = geometry.comm
        deepest = comm.allreduce(float(kept.max(initial=0.0)), MPI.MAX)
        shallowest = comm.allreduce(float(gone.min(initial=1.0)), MPI.MIN)
        # distance to the middles of facets is a little more than that to the wall
        assert deepest < shallowest + 0.8e-3


@pytest.mark.mpi
def test_another_clot_is_refused_on_all_ranks(tube, monkeypatch: pytest.MonkeyPatch) -> None:
    space, wall, _ = tube

    def refuse(path: Path, key: str) -> None:
        raise CaseError("the run to start from holds another clot, or none")

    monkeypatch.setattr(residual_, "_last", refuse)
    with pytest.raises(CaseError, match="another clot"):
        residual_.residual(space, wall, start(0.5), Path("x/checkpoint"))
