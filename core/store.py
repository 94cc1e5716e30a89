"""The contract of the results file: its layout by name, and reading it without MPI.

    /VTKHDF             opens in ParaView: the mesh and `core.fields.VIEWED` over time (float32)
    /WALL               the wall's facets and their shear stress over time; by way of wall.vtkhdf
    /dvtwin             schema, case (TOML text), record (JSON text), steps_done
        mesh/           attrs sha256 and the quality figures of `mesh.h5`
        wall/           facets (F,3) point ids, area, centre, normal, region (F): 1 wall, 2
        extension
        boundaries/NAME attrs role, area, centre, normal; facets (n,3)
        sections/       centreline planes: branch, arc, centre, tangent, radius
        flow/           attrs key, complete, density, period, dt, periodicity, cycles, …
            mean/       velocity (N,3), pressure (N), age (N), shear_rate (C): cycle means
            wall/       tawss (F), traction_mean (F,3), traction (K,F,3) over the last cycle
            series/     attrs boundaries (B names); time (n), flow_rate (n,B), pressure (n,B),
                        imbalance, nodal_imbalance, momentum_residual, energy_residual (n),
                        cfl, backflow (n), backflow_share, backflow_power (n,B), kinetic_energy,
                        power_in, dissipation, drag_power (n), momentum, opening_force,
                        wall_force, drag_force (n,3)
        clot/           attrs key, complete, growth_width, mesh_size, periodicity
            fraction (K,N), time (K)            at the stored growth times [s]
            mean/, wall/                        as in flow, at the end of growth
            series/     time (n), volume (n), refreshed (n), change (n), pressure_drop (n)

All SI; point, cell and facet order is that of `mesh.h5`, whatever the number of ranks was.
`Steps/Values` is the growth clock in seconds; the flow's last cycle comes first, up to one period.
A viewed field is NaN at times that have not been stored.

``schema`` goes up by one with every change that an older reader would misunderstand. A reader
knows its own and each that `MIGRATIONS` leads from, and refuses all others.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError

SCHEMA = 2
VIEW = "VTKHDF"
WALL_VIEW = "WALL"
OWN = "dvtwin"

Array = NDArray[Any]
Names = dict[str, str]


def _without_wall_view(names: Names) -> None:
    """1 → 2: the wall's shear stress is seen at every stored time, not only in the last cycle."""
    names["wall"] = f"{OWN}/flow/wall/traction"


MIGRATIONS: dict[int, Callable[[Names], None]] = {1: _without_wall_view}
"""What to change in the places of things to read a file of this schema as one of the next."""


class Results:
    """A results file opened for reading; every array comes back whole, in SI."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.file = h5py.File(path, "r", locking=False)
            schema = int(self.file[OWN].attrs["schema"])
        except (OSError, KeyError, RuntimeError) as error:
            raise self._damaged() from error
        if schema not in {*MIGRATIONS, SCHEMA}:
            self.file.close()
            raise CaseError(
                f"results file has layout {schema}, this program reads {SCHEMA} and older",
                where=str(path),
                do="use the version of dvtwin that made it, or run the case again with this one",
            )
        self._names: Names = {"wall": f"{WALL_VIEW}/CellData/wss"}
        for old in range(schema, SCHEMA):
            MIGRATIONS[old](self._names)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.file.close()

    def has(self, name: str) -> bool:
        """Whether ``name`` ("clot/fraction") is in the file."""
        # a part that has not been written yet is a link to nothing
        return self.file.get(f"{OWN}/{name}") is not None

    def array(self, name: str) -> Array:
        """The dataset ``name`` below our group, e.g. ``"flow/wall/tawss"``."""
        return self._read(f"{OWN}/{name}")

    def attributes(self, name: str = "") -> Mapping[str, Any]:
        """The attributes of the group ``name`` below ours."""
        return dict(self.file[f"{OWN}/{name}"].attrs)

    def names(self, group: str) -> list[str]:
        """What is in ``group`` below ours, in order of name."""
        return sorted(name for name in self.file[f"{OWN}/{group}"] if self.has(f"{group}/{name}"))

    def record(self) -> dict[str, Any]:
        """The record of provenance."""
        return dict(json.loads(self.file[OWN].attrs["record"]))

    def points(self) -> Array:
        """Mesh points (N, 3) [m]."""
        return self._read(f"{VIEW}/Points")

    def cells(self) -> Array:
        """Tetrahedra (C, 4), as point numbers."""
        return self._read(f"{VIEW}/Connectivity").reshape(-1, 4)

    def times(self) -> Array:
        """Stored times [s] of the viewed fields that have been written."""
        done = int(self.file[f"{OWN}/steps_done"][0])
        return np.asarray(self.file[f"{VIEW}/Steps/Values"][:done])

    def viewed(self, field: str, step: int) -> Array:
        """A viewed field at stored step ``step``: (N,) or (N, 3)."""
        count = len(self.file[f"{VIEW}/Points"])
        return self._read(f"{VIEW}/PointData/{field}", slice(step * count, (step + 1) * count))

    def wall_shear_stress(self, step: int) -> Array:
        """Wall shear stress (F, 3) [Pa] of the wall's facets at stored step ``step``."""
        data = self.file[self._names["wall"]]
        if data.ndim == 3:
            return self._read(data.name, step)
        count = len(self.file[f"{OWN}/wall/facets"])
        return self._read(data.name, slice(step * count, (step + 1) * count))

    def _read(self, name: str, part: Any = ()) -> Array:
        """The dataset ``name``. Raises `CaseError` where its checksums do not fit."""
        try:
            return np.asarray(self.file[name][part])
        except OSError as error:
            raise self._damaged(name) from error

    def _damaged(self, name: str = "") -> CaseError:
        return CaseError(
            "this is no dvtwin results file, or it is damaged" + (f" in {name}" if name else ""),
            where=str(self.path),
            do="delete it and run the case again: `dvtwin run CASE.toml`",
        )
