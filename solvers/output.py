"""Writing the results file in parallel: a kill at any time leaves it readable for ParaView.

The layout is `core.store`'s. The viewed fields have their final shape from the start; afterwards
only their raw data is written, and ``steps_done`` is raised after a barrier. Groups of our own
are added at the end of a stage, and count once they carry ``complete``.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from core.errors import TwinError
from core.fields import VIEWED
from core.store import OWN, SCHEMA, VIEW
from solvers.blocks import Blocks
from solvers.facets import Facets
from solvers.layout import Layout

Array = NDArray[Any]
TETRAHEDRON = 10


class Writer:
    """A results file open for parallel writing; every method is collective."""

    def __init__(self, path: Path, layout: Layout, mode: str) -> None:
        self.layout, self.comm = layout, layout.vessel.comm
        self.file = h5py.File(path, mode, driver="mpio", comm=self.comm, libver=("v110", "v110"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        agreed = kind is None or issubclass(kind, TwinError)
        # a rank that fails alone must not wait for the others in a collective close
        if agreed or self.comm.size == 1:
            self.file.close()

    @classmethod
    def create(
        cls,
        path: Path,
        layout: Layout,
        times: Sequence[float],
        *,
        case: str,
        record: Mapping[str, Any],
        mesh: Mapping[str, Any],
    ) -> Self:
        """A new file with room for the viewed fields at ``times`` [s]."""
        writer = cls(path, layout, "w")
        writer._create_view(times)
        own = writer.file.create_group(OWN)
        own.attrs.update(schema=SCHEMA, case=case, record=json.dumps(dict(record)))
        own.create_dataset("steps_done", data=np.zeros(1, dtype=np.int64))
        own.create_group("mesh").attrs.update(mesh)
        writer._create_wall()
        writer._create_boundaries()
        sections = own.create_group("sections")
        for name in ("branch", "arc", "centre", "tangent", "radius"):
            sections.create_dataset(name, data=getattr(layout.vessel.sections, name))
        return writer

    def _create_view(self, times: Sequence[float]) -> None:
        layout, steps = self.layout, len(times)
        count, cells = layout.points.total, layout.cells.total
        corners = layout.space.per_cell
        view = self.file.create_group(VIEW, track_order=True)
        view.attrs["Version"] = np.array([2, 1], dtype="i8")
        kind = b"UnstructuredGrid"
        view.attrs.create("Type", np.bytes_(kind), dtype=f"S{len(kind)}")
        coordinates = layout.space.coordinates[: layout.space.owned]
        self._put(view, "Points", layout.points, coordinates)
        rows = layout.point_rows[layout.space.dofs]
        self._put(view, "Connectivity", layout.cells, rows, flat=True)
        view.create_dataset("Offsets", data=np.arange(cells + 1, dtype=np.int64) * corners)
        view.create_dataset("Types", data=np.full(cells, TETRAHEDRON, dtype=np.uint8))
        for name, value in (
            ("NumberOfPoints", count),
            ("NumberOfCells", cells),
            ("NumberOfConnectivityIds", cells * corners),
        ):
            view.create_dataset(name, data=np.array([value], dtype=np.int64))
        data, time = view.create_group("PointData"), view.create_group("Steps")
        time.attrs["NSteps"] = np.int64(steps)
        time.create_dataset("Values", data=np.asarray(times, dtype=float))
        for name in ("PartOffsets", "PointOffsets"):
            time.create_dataset(name, data=np.zeros(steps, dtype=np.int64))
        time.create_dataset("NumberOfParts", data=np.ones(steps, dtype=np.int64))
        for name in ("CellOffsets", "ConnectivityIdOffsets"):
            time.create_dataset(name, data=np.zeros((steps, 1), dtype=np.int64))
        offsets = time.create_group("PointDataOffsets")
        for field in VIEWED:
            shape = (
                (steps * count,) if field.components == 1 else (steps * count, field.components)
            )
            data.create_dataset(field.name, shape, dtype="f4")
            offsets.create_dataset(field.name, data=np.arange(steps, dtype=np.int64) * count)

    def _create_wall(self) -> None:
        layout, wall = self.layout, self.layout.wall
        group = self.file[OWN].create_group("wall")
        self._put(group, "facets", layout.walls, layout.facet_points(wall))
        for name, values in (
            ("area", wall.area),
            ("centre", wall.centre),
            ("normal", wall.normal),
            ("region", layout.wall_region),
        ):
            self._put(group, name, layout.walls, values)

    def _create_boundaries(self) -> None:
        layout = self.layout
        group = self.file[OWN].create_group("boundaries")
        for name, patch in layout.vessel.openings.items():
            facets = Facets(layout.geometry, layout.vessel.facets(patch.tag))
            corners = np.concatenate(self.comm.allgather(layout.facet_points(facets)))
            one = group.create_group(name)
            one.attrs.update(area=patch.area, centre=patch.centre, normal=patch.normal)
            one.create_dataset("facets", data=corners[np.lexsort(np.sort(corners, axis=1).T)])

    # ------------------------------------------------------------------ after creation

    def view(self, step: int, fields: Mapping[str, Array], *, announce: bool = True) -> None:
        """Write viewed fields (points, or (points, 3)) as stored time ``step``; announce it."""
        points = self.layout.points
        start = step * points.total
        for name, values in fields.items():
            data = self.file[VIEW]["PointData"][name]
            block = points.to_file(values[: self.layout.space.owned].astype(np.float32))
            with data.collective:
                data[start + points.start : start + points.stop] = block
        self.file.flush()
        self.comm.Barrier()
        if not announce:
            return
        done = self.file[OWN]["steps_done"]
        with done.collective:
            done[:] = step + 1
        self.file.flush()

    def group(self, name: str, **attributes: Any) -> "h5py.Group":
        """The group ``name`` below ours, emptied, with ``attributes``."""
        own = self.file[OWN]
        if name in own:
            del own[name]
        group = own.create_group(name)
        group.attrs.update(attributes)
        return group

    def points(self, group: "h5py.Group", name: str, values: Array) -> None:
        """Write nodal values (local points, …) in the order of the file."""
        self._put(group, name, self.layout.points, values[: self.layout.space.owned])

    def cells(self, group: "h5py.Group", name: str, values: Array) -> None:
        """Write one value a cell in the order of the file."""
        self._put(group, name, self.layout.cells, values)

    def wall(self, group: "h5py.Group", name: str, values: Array) -> None:
        """Write one value a wall facet in the order of the file."""
        self._put(group, name, self.layout.walls, values)

    def stack(self, group: "h5py.Group", name: str, shape: tuple[int, ...]) -> "h5py.Dataset":
        """Room for a history (times, …) to be filled by `stack_row`."""
        return group.create_dataset(name, shape, dtype="f4")

    def stack_row(self, data: "h5py.Dataset", row: int, blocks: Blocks, values: Array) -> None:
        """Write one time of a history."""
        block = blocks.to_file(values.astype(np.float32))
        with data.collective:
            data[row, blocks.start : blocks.stop] = block

    def table(self, group: "h5py.Group", series: Mapping[str, Any]) -> None:
        """Write small arrays that are the same on all ranks."""
        for name, values in series.items():
            group.create_dataset(name, data=np.asarray(values))

    def _put(
        self, group: "h5py.Group", name: str, blocks: Blocks, values: Array, *, flat: bool = False
    ) -> None:
        block = blocks.to_file(np.ascontiguousarray(values))
        width = block.shape[1] if flat else 1
        shape = (blocks.total * width,) if flat else (blocks.total, *block.shape[1:])
        data = group.create_dataset(name, shape, dtype=block.dtype)
        with data.collective:
            data[blocks.start * width : blocks.stop * width] = block.reshape(-1) if flat else block
