"""The state of flow and averages as cell arrays, for checkpoints."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.averages import Averages
from solvers.cells import Space
from solvers.schemes.projection import Projection

Array = NDArray[Any]


def pack_flow(scheme: Projection) -> tuple[dict[str, Array], dict[str, Any]]:
    """All that the next step depends on."""
    V, Q = scheme.V, scheme.Q
    cells = {
        "flow/u": scheme.u[V.dofs],
        "flow/u_old": scheme.u_old[V.dofs],
        "flow/p": scheme.p[Q.dofs],
        "flow/f": scheme.f.T,
        "flow/f_old": scheme.f_old.T,
        "flow/w_correction": scheme.w_correction.T,
        "flow/drag": scheme.drag,
    }
    return cells, {"time": scheme.time, "steps": scheme.steps}


def unpack_flow(scheme: Projection, cells: dict[str, Array], facts: dict[str, Any]) -> None:
    """Set the scheme to a packed state."""
    scheme.u = to_dofs(scheme.V, cells["flow/u"])
    scheme.u_old = to_dofs(scheme.V, cells["flow/u_old"])
    scheme.p = to_dofs(scheme.Q, cells["flow/p"])
    scheme.f, scheme.f_old = cells["flow/f"].T, cells["flow/f_old"].T
    scheme.w_correction = cells["flow/w_correction"].T
    scheme.time, scheme.steps = facts["time"], facts["steps"]
    scheme.set_drag(cells["flow/drag"])
    scheme.forget()


def pack_averages(averages: Averages, V: Space, Q: Space) -> dict[str, Array]:
    """The cycle means."""
    return {
        "mean/velocity": averages.velocity[V.dofs],
        "mean/pressure": averages.pressure[Q.dofs],
        "mean/carrier": averages.carrier,
        "mean/shear_rate": averages.shear_rate,
        "wall/tawss": averages.tawss,
        "wall/traction": averages.traction,
    }


def unpack_averages(cells: dict[str, Array], V: Space, Q: Space, steps: int) -> Averages:
    """The cycle means of a checkpoint."""
    return Averages(
        to_dofs(V, cells["mean/velocity"]),
        to_dofs(Q, cells["mean/pressure"]),
        cells["mean/carrier"],
        cells["mean/shear_rate"],
        cells["wall/tawss"],
        cells["wall/traction"],
        steps,
    )


def to_dofs(space: Space, values: Array) -> Array:
    """Nodal values (dofs, …) from values by cell (c, n, …), where cells agree."""
    nodal = np.zeros((space.local, *values.shape[2:]))
    nodal[space.dofs] = values
    return nodal
