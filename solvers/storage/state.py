"""The state of flow, averages and a cycle under way as cell arrays, for checkpoints."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.diagnostics.averages import Averages, Cycle
from solvers.elements.cells import Space
from solvers.schemes.projection import Projection

Array = NDArray[Any]


def pack_flow(scheme: Projection) -> tuple[dict[str, Array], dict[str, Any]]:
    """All that the next step depends on."""
    V, Q = scheme.V, scheme.Q
    cells = {
        **{f"flow/{name}": getattr(scheme, name)[V.dofs] for name in scheme.velocities},
        **{f"flow/{name}": getattr(scheme, name)[Q.dofs] for name in scheme.potentials},
        "flow/w_correction": scheme.w_correction.T,
        "flow/drag": scheme.drag,
    }
    facts: dict[str, Any] = {"time": scheme.time, "steps": scheme.steps, "cfl": scheme.cfl}
    if scheme.coupling is not None:
        facts["openings"] = scheme.coupling.memory()
    return cells, facts


def unpack_flow(scheme: Projection, cells: dict[str, Array], facts: dict[str, Any]) -> None:
    """Set the scheme to a packed state."""
    for space, names in ((scheme.V, scheme.velocities), (scheme.Q, scheme.potentials)):
        for name in names:
            setattr(scheme, name, to_dofs(space, cells[f"flow/{name}"]))
    scheme.w_correction = np.ascontiguousarray(cells["flow/w_correction"].T)
    scheme.time, scheme.steps, scheme.cfl = facts["time"], facts["steps"], facts["cfl"]
    scheme.set_drag(cells["flow/drag"])
    if scheme.coupling is not None:
        scheme.coupling.restore(facts["openings"])


def pack_averages(averages: Averages, V: Space, Q: Space, name: str = "mean") -> dict[str, Array]:
    """The means gathered so far, called ``name``; their number of steps is a fact apart."""
    return {
        f"{name}/velocity": averages.velocity[V.dofs],
        f"{name}/pressure": averages.pressure[Q.dofs],
        f"{name}/correction": averages.correction.T,
        f"{name}/shear_rate": averages.shear_rate,
        f"wall/{name}/tawss": averages.tawss,
        f"wall/{name}/traction": averages.traction,
    }


def unpack_averages(
    cells: dict[str, Array], V: Space, Q: Space, steps: int, name: str = "mean"
) -> Averages:
    """The means called ``name`` of a checkpoint."""
    return Averages(
        to_dofs(V, cells[f"{name}/velocity"]),
        to_dofs(Q, cells[f"{name}/pressure"]),
        np.ascontiguousarray(cells[f"{name}/correction"].T),
        cells[f"{name}/shear_rate"],
        cells[f"wall/{name}/tawss"],
        cells[f"wall/{name}/traction"],
        V,
        steps,
    )


def pack_cycle(cycle: Cycle, V: Space, Q: Space) -> tuple[dict[str, Array], dict[str, Any]]:
    """A cycle that is under way, beside the state of its flow."""
    cells = pack_averages(cycle.averages, V, Q, "cycle") | {"cycle/start": cycle.start[V.dofs]}
    return cells, {"cycle": {"step": cycle.step, "gathered": cycle.averages.steps}}


def unpack_cycle(
    cells: dict[str, Array], facts: dict[str, Any], V: Space, Q: Space
) -> Cycle | None:
    """The cycle that was under way at a checkpoint, None between cycles."""
    if (cycle := facts.get("cycle")) is None:
        return None
    averages = unpack_averages(cells, V, Q, cycle["gathered"], "cycle")
    return Cycle(to_dofs(V, cells["cycle/start"]), averages, cycle["step"])


def to_dofs(space: Space, values: Array) -> Array:
    """Nodal values (dofs, …) from values by cell (c, n, …), where cells agree."""
    nodal = np.zeros((space.local, *values.shape[2:]))
    nodal[space.dofs] = values
    return nodal
