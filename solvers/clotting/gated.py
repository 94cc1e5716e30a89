"""M1 at work: growth by gates of the frozen mean flow and a steady coagulant."""

from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from solvers.age import to_points, transport
from solvers.clots.growth import Growth
from solvers.clotting import Clotting, Vein
from solvers.diagnostics.averages import Averages

Array = NDArray[Any]


class Gated(Clotting):
    """Steps of M1, in each of which φ changes by at most ``vein.largest_change``."""

    def __init__(self, model: Growth, vein: Vein) -> None:
        self.model, self.vein = model, vein
        space = vein.flow.Q
        on_wall = np.zeros(space.local)
        on_wall[space.dofs_on(vein.wall.numbers)] = 1.0
        self._chi = on_wall * model.injured(space.coordinates)
        self._injured = model.injured(vein.wall.centre)

    def renew(self, averages: Averages, age: Array) -> None:
        """Gates and the coagulant's operator. Collective."""
        flow, model = self.vein.flow, self.model
        self._gate = model.gate(to_points(flow, averages.shear_rate), age)
        self._gate_cells = self._gate[flow.Q.dofs].mean(axis=1)
        near = averages.shear_rate[self.vein.wall.cells]
        self._wall_flux = self._injured * model.wall_flux(near)
        self._transport = transport(
            flow, averages, diffusivity=model.diffusivity, decay=model.decay
        )

    def advance(self, time: float, longest: float) -> float:  # noqa: ARG002
        """One growth step. Collective."""
        vein, model, edge = self.vein, self.model, self.vein.edge
        coagulant = self._coagulant()
        rate = model.rate(edge.width) * np.minimum(1.0, self._chi + edge.indicator())
        rate = rate * self._gate * model.coagulating(coagulant)
        local = float((rate * (1.0 - edge.fraction)).max(initial=0.0))
        fastest = vein.flow.geometry.comm.allreduce(local, MPI.MAX)
        step = min(longest, vein.until / 24.0)
        if fastest > 0.0:
            step = min(step, vein.largest_change / fastest)
        edge.grow(step, rate, model.lysis)
        return step

    def _coagulant(self) -> Array:
        source = self.model.production * self.vein.edge.cells() * self._gate_cells
        return self._transport.solve(source, self.vein.wall, self._wall_flux)
