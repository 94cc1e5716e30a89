"""Clot behind a step, as imaged by MRI: M2 in the plane between floor and roof of the channel.

Whole blood at 0.229 m/s in a channel of 7.5 mm (Re 490), a step of S = 2.5 mm; clot length and
height over S from 5 to 30 minutes of the real-time series of bovine and human blood (Penn State;
numbers in `DVTWIN_DATA`/validation/bfs_thrombus_mri). The computation
begins at the step with developed flow and is two-dimensional, so volumes are not compared. The
foreign surface's activation is stood for by tissue factor on floor and step, chosen by when clot
begins; with 0.3 to 10 per µm² the lengths are not met.
"""

import csv
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from dolfinx import mesh
from numpy.typing import NDArray

from benchmarks import _shapes as shapes
from core.record import ROOT
from core.settings import read
from solvers import laws
from solvers.clots.coagulation import Coagulation
from solvers.clotting.coagulation import Coagulating
from solvers.elements.cells import Geometry, Space
from solvers.elements.edge import ClotEdge
from solvers.elements.facets import Facets
from solvers.rheology.newtonian import Newtonian
from solvers.schemes.coupled import Coupled

Array = NDArray[Any]
Row = dict[str, Any]
STEP, HEIGHT, LENGTH, SPEED = 2.5e-3, 10e-3, 50e-3, 0.229
"""Step, channel behind it, its computed length [m], mean speed before it [m/s]."""
VISCOSITY, DENSITY = 3.71e-3, 1060.0
ACTIVATION = "1 1/um^2"
"""Tissue factor of floor and step: clot begins after four minutes."""
WIDTH, PERMEABILITY = 1e-3, 1e-10
RENEWED = 0.2
"""Share of the clot by which it grows before the flow is computed anew, and of `LEAST`."""
LEAST = 5e-6
"""Clot [m²] that counts as the first."""
MINUTES = (5, 10, 15, 20, 25, 30)


class StepClot:
    """The channel, its flow and its clot; ``counts`` are cells along and across."""

    def __init__(self, counts: tuple[int, int] = (80, 20), **model: Any) -> None:
        domain = shapes.rectangle([0.0, 0.0], [LENGTH, HEIGHT], counts)
        self.geometry = geometry = Geometry(domain)
        self.V, self.Q = Space(geometry, 2), Space(geometry, 1)
        facets = mesh.exterior_facet_indices(domain.topology)
        out = mesh.locate_entities_boundary(domain, 1, lambda x: np.isclose(x[0], LENGTH))
        fixed = self.V.dofs_on(np.setdiff1d(facets, out))
        self.flow = Coupled(
            geometry,
            density=DENSITY,
            rheology=Newtonian.model_construct(mu=VISCOSITY),
            dt=1.0,
            velocity_dofs=fixed,
            pressure_dofs=self.Q.dofs_on(out),
            open_facets=out,
            velocity_space=self.V,
            pressure_space=self.Q,
        )
        x = self.V.coordinates[fixed]
        across = (x[:, 1] - STEP) / (HEIGHT - STEP)
        inside = np.isclose(x[:, 0], 0.0) & (across > 0.0)
        self._inflow = np.zeros((len(fixed), 2))
        self._inflow[:, 0] = np.where(inside, 6.0 * SPEED * across * (1.0 - across), 0.0)
        low = mesh.locate_entities_boundary(
            domain,
            1,
            lambda x: np.isclose(x[1], 0.0) | (np.isclose(x[0], 0.0) & (x[1] < STEP + 1e-9)),
        )
        zone = {"at": ["0 mm", "0 mm", "0 mm"], "radius": "1 m", "tissue_factor": ACTIVATION}
        table = {"kind": "coagulation", "injury": [zone], "resolved": "2 h", **model}
        table.setdefault("tolerance", 0.03)
        y = self.Q.coordinates
        ends = np.isclose(y[:, 0], LENGTH) | (np.isclose(y[:, 0], 0.0) & (y[:, 1] > STEP - 1e-9))
        self.clot = Coagulating.bare(
            read(Coagulation, table, "clot behind a step"),
            ClotEdge(self.Q, WIDTH),
            Facets(geometry, low),
            np.flatnonzero(ends),
            largest_change=0.3,
        )
        self.time, self.renewals = 0.0, 0
        self.renew()

    def renew(self) -> None:
        """The steady flow with the clot as it is."""
        cells = self.clot.edge.cells()
        inverse = np.minimum(laws.carman_kozeny(cells), 1.0 / PERMEABILITY)
        self.flow.set_drag(VISCOSITY * inverse)
        self.flow.steady(self._inflow, np.zeros(len(self.flow.fixed_p)))
        volume = self.geometry.volume
        tall = self.Q.gather @ np.tile(volume * self.flow.cell_shear_rate(), 3)
        shear = tall / (self.Q.gather @ np.tile(volume, 3))
        self.clot.carry(self.flow.carrier(), shear, np.zeros(self.Q.local))
        self._grown, self.renewals = self.clot.edge.amount(), self.renewals + 1

    def run(self, until: float) -> None:
        """Grow to ``until`` [s]."""
        while self.time < until * (1.0 - 1e-9):
            self.time += self.clot.advance(self.time, until - self.time)
            amount = self.clot.edge.amount()
            if abs(amount - self._grown) > RENEWED * max(self._grown, LEAST):
                self.renew()

    def sizes(self) -> tuple[float, float]:
        """Length and height over the step of clot with φ > ½."""
        places = self.Q.coordinates[self.clot.edge.fraction > 0.5]
        if not len(places):
            return 0.0, 0.0
        return float(places[:, 0].max() / STEP), float(places[:, 1].max() / STEP)


def measured() -> dict[str, Array]:
    """Rows (minute, L/S, its error, H/S, its error) by series; empty without the data."""
    data = Path(os.environ.get("DVTWIN_DATA", ROOT.parent / "shared" / "data"))
    path = data / "validation" / "bfs_thrombus_mri" / "bfs_thrombus_size.csv"
    found: dict[str, list[list[float]]] = {}
    if path.exists():
        for line in csv.DictReader(path.read_text().splitlines()):
            names = ("time_min", "L_over_S", "L_err", "H_over_S", "H_err")
            found.setdefault(line["series"], []).append([float(line[name]) for name in names])
    return {name: np.array(rows) for name, rows in found.items()}


def run() -> list[Row]:
    """Length and height at each time, beside both real-time series."""
    start, series = time.perf_counter(), measured()
    clot, rows = StepClot(), []
    for minute in MINUTES:
        clot.run(60.0 * minute)
        sizes = clot.sizes()
        for short, name in (("bfs-bovine", "bovine_realtime"), ("bfs-human", "human_realtime")):
            known = series.get(name)
            line = known[known[:, 0] == minute][0] if known is not None else None
            for k, what in enumerate(("length", "height")):
                rows.append(_row(f"{short}.{what}-{minute}min", sizes[k], line, k))
    rows.append(_row("bfs.flow-renewals", clot.renewals, None, 0))
    for row in rows:
        row["seconds"] = (time.perf_counter() - start) / len(rows)
    return rows


def _row(name: str, value: float, line: Array | None, k: int) -> Row:
    row: Row = {"bench": "clot-step", "id": name, "value": float(value), "unit": "S", "ok": None}
    row["source"] = "MRI, Penn State; two standard deviations; 2D; chosen: tissue factor"
    if line is not None:
        reference, deviation = line[1 + 2 * k], line[2 + 2 * k]
        row |= {"reference": reference, "tolerance": 2.0 * deviation / reference}
        row["ok"] = bool(abs(value - reference) <= 2.0 * deviation)
    return row
