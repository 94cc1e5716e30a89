"""The groups of a results file that ParaView opens (VTKHDF): the lumen, and the wall's surface.

All stored times are known beforehand, so every dataset has its final size from the start and
later only raw data is written: a kill at any time leaves the file whole. A time that has not been
stored points to a block of NaN behind the last time's; storing it moves one offset of 8 bytes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from core.fields import VIEWED, WALL_SHEAR_STRESS
from solvers.storage.blocks import Blocks, put
from solvers.storage.layout import Layout

Array = NDArray[Any]
TETRAHEDRON = 10


class View:
    """One such group: its fields have values at ``blocks``' rows, at every stored time."""

    def __init__(self, group: "h5py.Group", blocks: Blocks, support: str) -> None:
        self._values, self._blocks = group[f"{support}Data"], blocks
        self._offsets = group[f"Steps/{support}DataOffsets"]

    def write(self, step: int, fields: Mapping[str, Array]) -> None:
        """Write local values of stored time ``step``; nobody sees them yet. Collective."""
        for name, values in fields.items():
            block = self._blocks.to_file(values.astype(np.float32))
            start = step * self._blocks.total
            data = self._values[name]
            with data.collective:
                data[start + self._blocks.start : start + self._blocks.stop] = block

    def announce(self, step: int, names: Sequence[str]) -> None:
        """Let readers see ``names`` at stored time ``step``. Collective."""
        for name in names:
            with self._offsets[name].collective:
                self._offsets[name][step] = step * self._blocks.total

    def withdraw(self, first: int) -> None:
        """Show NaN again at the stored times from number ``first`` on. Collective."""
        for name in self._values:
            offsets, values = self._offsets[name], self._values[name]
            times = len(offsets)
            if len(values) > times * self._blocks.total:  # changes with time
                with offsets.collective:
                    offsets[first:] = times * self._blocks.total


def create_lumen(group: "h5py.Group", layout: Layout, times: Sequence[float]) -> None:
    """The tetrahedra, with room for `VIEWED` at the points. Collective."""
    corners, cells = layout.space.per_cell, layout.cells.total
    _identify(group, "UnstructuredGrid")
    put(group, "Points", layout.points, layout.space.coordinates[: layout.space.owned])
    put(group, "Connectivity", layout.cells, layout.point_rows[layout.space.dofs], flat=True)
    group["Offsets"] = np.arange(cells + 1, dtype=np.int64) * corners
    group["Types"] = np.full(cells, TETRAHEDRON, dtype=np.uint8)
    group["NumberOfPoints"] = np.array([layout.points.total], dtype=np.int64)
    group["NumberOfCells"] = np.array([cells], dtype=np.int64)
    group["NumberOfConnectivityIds"] = np.array([cells * corners], dtype=np.int64)
    _steps(group, times, topologies=1)
    for field in VIEWED:
        _room(group, "Point", field.name, field.unit, field.components, layout.points)


def create_wall(
    group: "h5py.Group", lumen: "h5py.Group", layout: Layout, times: Sequence[float]
) -> None:
    """The wall's triangles on the points of the ``lumen``, with room for the wall shear stress of
    each. Collective.
    """
    _identify(group, "PolyData")
    for name in ("Points", "NumberOfPoints"):
        group[name] = lumen[name]
    for name in ("Vertices", "Lines", "Polygons", "Strips"):
        kind = group.create_group(name)
        count = layout.walls.total if name == "Polygons" else 0
        kind["NumberOfCells"] = np.array([count], dtype=np.int64)
        kind["NumberOfConnectivityIds"] = np.array([3 * count], dtype=np.int64)
        kind["Offsets"] = np.arange(count + 1, dtype=np.int64) * 3
        if count:
            put(kind, "Connectivity", layout.walls, layout.facet_points(layout.wall), flat=True)
        else:
            kind["Connectivity"] = np.zeros(0, dtype=np.int64)
    _steps(group, times, topologies=4)
    field = WALL_SHEAR_STRESS
    _room(group, "Cell", field.name, field.unit, field.components, layout.walls)
    put(group["CellData"], "region", layout.walls, layout.wall_region)
    group["Steps/CellDataOffsets/region"] = np.zeros(len(times), dtype=np.int64)


def size(layout: Layout, times: int) -> int:
    """Bytes that the fields of both groups take at so many stored times. Collective at first."""
    width = sum(field.components for field in VIEWED)
    points, facets = width * layout.points.total, WALL_SHEAR_STRESS.components * layout.walls.total
    return 4 * (times + 1) * (points + facets)


def _identify(group: "h5py.Group", kind: str) -> None:
    group.attrs["Version"] = np.array([2, 1], dtype="i8")
    # VTK before 9.7 refuses text of variable length
    group.attrs.create("Type", np.bytes_(kind.encode()), dtype=f"S{len(kind)}")


def _steps(group: "h5py.Group", times: Sequence[float], *, topologies: int) -> None:
    """The stored times, all with the same geometry. `Values` must have `NSteps` entries."""
    count = len(times)
    steps = group.create_group("Steps")
    steps.attrs["NSteps"] = np.int64(count)
    steps["Values"] = np.asarray(times, dtype=float)
    for name in ("PartOffsets", "PointOffsets"):
        steps[name] = np.zeros(count, dtype=np.int64)
    steps["NumberOfParts"] = np.ones(count, dtype=np.int64)
    for name in ("CellOffsets", "ConnectivityIdOffsets"):
        steps[name] = np.zeros((count, topologies), dtype=np.int64)


def _room(
    group: "h5py.Group", support: str, name: str, unit: str, components: int, blocks: Blocks
) -> None:
    """Room for a field at every stored time, and the block of NaN that all times point to."""
    times = len(group["Steps/Values"])
    shape = ((times + 1) * blocks.total,) + ((components,) if components > 1 else ())
    data = group.create_dataset(f"{support}Data/{name}", shape, dtype="f4")
    data.attrs["units"] = unit
    start = times * blocks.total
    nothing = np.full((blocks.stop - blocks.start, *shape[1:]), np.nan, dtype=np.float32)
    with data.collective:  # a single number would be written row by row, unequally often
        data[start + blocks.start : start + blocks.stop] = nothing
    offsets = np.full(times, start, dtype=np.int64)
    group[f"Steps/{support}DataOffsets/{name}"] = offsets
