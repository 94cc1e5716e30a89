"""A column of blood over injured wall, where everything depends on the distance from it."""

from collections.abc import Sequence
from typing import Any

from mpi4py import MPI

import numpy as np
from dolfinx import mesh
from numpy.typing import NDArray

from core.settings import read
from solvers.chemistry.drugs import Drug
from solvers.clots.coagulation import Coagulation
from solvers.clotting.coagulation import Coagulating, State
from solvers.elements.cells import Geometry, Space
from solvers.elements.edge import ClotEdge
from solvers.elements.facets import Facets

Array = NDArray[Any]
STILL = 1e9


class Column:
    """M2 in a strip of ``length`` by cells of ``size``; ``renewed`` [m/s]: blood streams along the
    wall from one open side to the other, faster with the distance, as shear makes it.
    """

    def __init__(
        self,
        *,
        tissue_factor: float = 10.0,
        size: float = 100e-6,
        width: float = 400e-6,
        length: float = 2e-3,
        shear: float = 0.0,
        age: float = STILL,
        drugs: Sequence[Drug] = (),
        largest_change: float = 0.1,
        **more: Any,
    ) -> None:
        counts = (round(length / size), 2)
        self.thick = 2.0 * size
        strip = mesh.create_rectangle(MPI.COMM_WORLD, [(0.0, 0.0), (length, self.thick)], counts)
        geometry = Geometry(strip)
        self.space = Space(geometry, 1)
        strip.topology.create_connectivity(1, 2)
        foot = mesh.locate_entities_boundary(strip, 1, lambda x: np.isclose(x[0], 0.0))
        zone = {"at": ["0 mm", "0 mm", "0 mm"], "radius": "1 m"}
        zone["tissue_factor"] = f"{tissue_factor} 1/um^2"
        table = {"kind": "coagulation", "injury": [zone], **more}
        x = self.space.coordinates
        ends = np.flatnonzero(np.abs(x[:, 1] - 0.5 * self.thick) > 0.499 * self.thick)
        self.clot = Coagulating.bare(
            read(Coagulation, table, "test"),
            ClotEdge(self.space, width),
            Facets(geometry, foot),
            ends if shear else np.zeros(0, dtype=np.int32),
            drugs,
            largest_change,
        )
        w = np.zeros((geometry.count, 2))
        w[:, 1] = shear * geometry.vertices.mean(axis=1)[:, 0]
        local = self.space.local
        self.clot.carry(w, np.full(local, shear), np.full(local, age))
        self.time = 0.0

    def run(self, until: float) -> float:
        """Grow to ``until`` [s]; gives where the clot ends [m]."""
        while self.time < until * (1.0 - 1e-9):
            self.time += self.clot.advance(self.time, until - self.time)
        return self.place

    @property
    def place(self) -> float:
        """Where the clot ends, by its amount [m]."""
        return self.clot.edge.amount() / self.thick

    def fibrin(self, state: State | None = None) -> float:
        """Fibrinogen and fibrin in blood and film [nM m³], less what came with blood."""
        clot, state = self.clot, state or self.clot.state
        owned, found = self.space.owned, 0.0
        volume, area = clot.film.surface.volume[:owned], state.area[:owned]
        for name in ("Fg", "F"):
            row = clot.blood.row(name)
            found += float(state.blood[row, :owned] @ volume)
            held = clot.model.film.thickness * clot.model.film.porosity * area
            found += float(state.film[clot.film.row(name), :owned] @ held)
        found = MPI.COMM_WORLD.allreduce(found, MPI.SUM)
        return found - sum(state.entered[clot.blood.row(name)] for name in ("Fg", "F"))

    def thrombin(self) -> float:
        """Most thrombin of the film [nM]."""
        return float(self.clot.history()[2])
