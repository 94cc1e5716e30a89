"""The contract of the results file: its layout by name, and reading it without MPI.

    /VTKHDF             opens in ParaView: the mesh and `core.fields.VIEWED` over time (float32)
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
                        imbalance (n), nodal_imbalance (n), cfl (n), backflow (n)
        clot/           attrs key, complete, growth_width, mesh_size, periodicity
            fraction (K,N), time (K)            at the stored growth times [s]
            mean/, wall/                        as in flow, at the end of growth
            series/     time (n), volume (n), refreshed (n), change (n), pressure_drop (n)

All SI; point, cell and facet order is that of `mesh.h5`, whatever the number of ranks was.
`Steps/Values` is the growth clock in seconds; the flow's last cycle comes first, up to one period.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError

SCHEMA = 1
VIEW = "VTKHDF"
OWN = "dvtwin"

Array = NDArray[Any]


class Results:
    """A results file opened for reading; every array comes back whole, in SI."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.file = h5py.File(path, "r", locking=False)
            schema = int(self.file[OWN].attrs["schema"])
        except (OSError, KeyError) as error:
            raise CaseError(
                "this is no dvtwin results file, or it is damaged",
                where=str(path),
                do="run the flow stage again: `dvtwin run CASE.toml`",
            ) from error
        if schema != SCHEMA:
            raise CaseError(
                f"results file has layout {schema}, this program reads {SCHEMA}",
                where=str(path),
                do="run the case again with this version",
            )

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
        return f"{OWN}/{name}" in self.file

    def array(self, name: str) -> Array:
        """The dataset ``name`` below our group, e.g. ``"flow/wall/tawss"``."""
        return np.asarray(self.file[f"{OWN}/{name}"][()])

    def attributes(self, name: str = "") -> Mapping[str, Any]:
        """The attributes of the group ``name`` below ours."""
        return dict(self.file[f"{OWN}/{name}"].attrs)

    def names(self, group: str) -> list[str]:
        """What is in ``group`` below ours, in order of name."""
        return sorted(self.file[f"{OWN}/{group}"])

    def record(self) -> dict[str, Any]:
        """The record of provenance."""
        return dict(json.loads(self.file[OWN].attrs["record"]))

    def points(self) -> Array:
        """Mesh points (N, 3) [m]."""
        return np.asarray(self.file[f"{VIEW}/Points"][()])

    def cells(self) -> Array:
        """Tetrahedra (C, 4), as point numbers."""
        return np.asarray(self.file[f"{VIEW}/Connectivity"][()]).reshape(-1, 4)

    def times(self) -> Array:
        """Stored times [s] of the viewed fields that have been written."""
        done = int(self.file[f"{OWN}/steps_done"][0])
        return np.asarray(self.file[f"{VIEW}/Steps/Values"][:done])

    def viewed(self, field: str, step: int) -> Array:
        """A viewed field at stored step ``step``: (N,) or (N, 3)."""
        count = len(self.points())
        return np.asarray(
            self.file[f"{VIEW}/PointData/{field}"][step * count : (step + 1) * count]
        )
