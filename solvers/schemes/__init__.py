"""Schemes that advance blood flow; one file a scheme."""

from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray

from solvers.elements.cells import Geometry, Space
from solvers.rheology import Rheology

Array = NDArray[Any]


@dataclass(frozen=True)
class StepLog:
    """What one step says of itself: time [s], largest |u|Δt/h, linear iterations for the velocity
    (of a coupled scheme: for all), those for the pressure (of a coupled scheme: linearisations),
    and the share of the throughput of the open ends that comes back.
    """

    time: float
    cfl: float
    iterations: int
    pressure_iterations: int
    backflow: float


class Scheme(Protocol):
    """Flow on one mesh from step to step: what all schemes share.

    Nodal ``u`` (dofs of V, d) [m/s] and ``p`` (points, the dofs of Q) [Pa] incl. ghosts, and the
    velocity before. ``u`` at nodes less ``w_correction`` (d, c) in each cell conserves mass;
    ``velocities`` and ``potentials`` name the nodal fields that the next step depends on.
    ``drag`` (c) is μ/K [Pa s/m²] and ``viscosity`` (c) [Pa s]. ``fixed_u`` are the dofs with
    imposed velocities, ``fixed_p`` the points with imposed pressures.
    """

    velocities: tuple[str, ...]
    potentials: tuple[str, ...]
    geometry: Geometry
    V: Space
    Q: Space
    density: float
    rheology: Rheology
    dt: float
    time: float
    steps: int
    cfl: float
    u: Array
    u_old: Array
    p: Array
    w_correction: Array
    drag: Array
    viscosity: Array
    fixed_u: Array
    fixed_p: Array

    def set_drag(self, drag: Array) -> None:
        """Set μ/K [Pa s/m²] of each cell, from the next step on."""

    def step(self, velocity: Array, pressure: Array) -> StepLog:
        """Advance by Δt with imposed velocities (fixed dofs, d) and pressures (fixed points).

        Raises `Diverged`. Collective.
        """

    def carrier(self) -> Array:
        """The velocity that conserves mass, cell by cell (c, d) [m/s]: ∫ w·∇q = 0 inside."""

    def correction_in(self, cells: Array) -> Array:
        """`w_correction` in the given cells only (d, cells) [m/s]."""

    def cell_shear_rate(self) -> Array:
        """γ̇ at the middle of each cell (c) [1/s]."""


__all__ = ["Scheme", "StepLog"]
