"""The clot that a growth starts with: another run's last, less what was taken out of it.

Clot is taken from the middle outwards, as a device in the lumen takes it: what stays is the part
of the volume ∫ φ that is nearest to the wall.
"""

from pathlib import Path
from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from core.errors import CaseError
from core.store import Results
from solvers.elements.cells import Space
from solvers.settings import StartSettings

Array = NDArray[Any]
HALVINGS = 40
"""Steps of the search for the depth that leaves the wanted volume."""


def residual(space: Space, wall: Array, start: StartSettings, folder: Path) -> Array:
    """φ at the points of ``space``, of the run that ``start`` names.

    ``folder`` holds the checkpoints of this run, ``wall`` the middles (f, 3) of this rank's wall
    facets. Points take the value of the nearest point of that run's mesh. Raises `CaseError`.
    Collective.
    """
    comm = space.geometry.comm
    found: tuple[Array, Array] | CaseError | None = None
    if comm.rank == 0:
        try:
            found = _last(folder.resolve().parent / start.run / "results.h5", start.key)
        except CaseError as error:
            found = error
    found = comm.bcast(found)
    if isinstance(found, CaseError):
        raise found
    assert found is not None
    points, fraction = found
    mine = fraction[cKDTree(points).query(space.coordinates)[1]]
    walls = np.concatenate(comm.allgather(wall))
    depth = cKDTree(walls).query(space.coordinates)[0]
    return np.where(depth <= _depth(space, mine, depth, 1.0 - start.removed), mine, 0.0)


def _last(path: Path, key: str) -> tuple[Array, Array]:
    with Results(path) as results:
        if not results.has("clot/fraction") or results.attributes("clot").get("key") != key:
            raise CaseError(
                "the run to start from holds another clot, or none",
                where=str(path),
                do="compute that run first, then derive this one again: `dvtwin compare`",
            )
        return results.points(), results.array("clot/fraction")[-1]


def _depth(space: Space, fraction: Array, depth: Array, kept: float) -> float:
    """The distance from the wall [m] within which the share ``kept`` of the clot lies."""
    comm, geometry = space.geometry.comm, space.geometry

    def volume(reach: float) -> float:
        inside = np.where(depth <= reach, fraction, 0.0)
        return geometry.total(inside[space.dofs].mean(axis=1))

    high = float(comm.allreduce(float(depth.max(initial=0.0)), MPI.MAX))
    if kept >= 1.0:
        return high
    if kept <= 0.0:
        return -1.0
    low, whole = 0.0, volume(high)
    for _ in range(HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if volume(middle) < kept * whole else (low, middle)
    return high


__all__ = ["residual"]
