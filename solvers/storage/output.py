"""Writing the results file in parallel: a kill at any time leaves it readable.

The layout is `core.store`'s. The file is made under another name and renamed when it is whole.
What ParaView opens is written as raw data only (`solvers.storage.view`). A group of our own is
made apart, flushed, and then linked in the place of its predecessor: readers see one or the other.
`tests/solvers/test_output_crash.py` looks at what a kill leaves at every single write.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mpi4py import MPI

import h5py
import numpy as np
from h5py import h5g
from numpy.typing import NDArray

from core.errors import CaseError, JobError, TwinError
from core.fields import WALL_SHEAR_STRESS
from core.store import OWN, SCHEMA, VIEW, WALL_VIEW
from solvers.elements.facets import Facets
from solvers.storage import view
from solvers.storage.blocks import Blocks, put
from solvers.storage.disk import publish
from solvers.storage.layout import Layout
from solvers.storage.view import View

Array = NDArray[Any]
SLACK = 1 << 20
"""Room [bytes] for what HDF5 writes about the datasets of a group."""
PARTS, BEHIND = ("boundaries", "flow", "clot"), "PARTS"
"""Groups of ours that are replaced as a whole are links to /PARTS/NAME/now: a group with a single
link is so small that replacing it is a single write.
"""


class Writer:
    """A results file open for parallel writing; every method is collective."""

    def __init__(self, path: Path, layout: Layout, mode: str) -> None:
        self.layout, self.comm, self._path = layout, layout.vessel.comm, path
        self.file = _open(path, mode, self.comm)

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
        """A new file with room for the viewed fields at ``times`` [s]. Raises `JobError`."""
        _check_room(path, layout, len(times))
        partial = path.with_name(f".{path.name}.partial")
        writer = cls(partial, layout, "w")
        lumen, wall = (writer.file.create_group(name) for name in (VIEW, WALL_VIEW))
        view.create_lumen(lumen, layout, times)
        view.create_wall(wall, lumen, layout, times)
        own = writer.file.create_group(OWN)
        own.attrs.update(schema=SCHEMA, case=case, record=json.dumps(dict(record)))
        own.create_dataset("steps_done", data=np.zeros(1, dtype=np.int64))
        own.create_group("mesh").attrs.update(mesh)
        for name in PARTS:
            writer.file.create_group(f"{BEHIND}/{name}")
            own[name] = h5py.SoftLink(f"/{BEHIND}/{name}/now")
        writer._create_wall()
        writer.boundaries({})
        sections = own.create_group("sections")
        for name in ("branch", "arc", "centre", "tangent", "radius"):
            sections.create_dataset(name, data=getattr(layout.vessel.sections, name))
        writer.file.flush()
        publish(writer.comm, partial, path)
        writer._path = path
        if writer.comm.rank == 0:
            _link_wall(path)
        return writer

    def _create_wall(self) -> None:
        layout, wall = self.layout, self.layout.wall
        group = self.file[OWN].create_group("wall")
        put(group, "facets", layout.walls, layout.facet_points(wall))
        for name, values in (
            ("area", wall.area),
            ("centre", wall.centre),
            ("normal", wall.normal),
            ("region", layout.wall_region),
        ):
            put(group, name, layout.walls, values)

    # ------------------------------------------------------------------ what ParaView opens

    @property
    def _lumen(self) -> View:
        return View(self.file[VIEW], self.layout.points, "Point")

    @property
    def _surface(self) -> View:
        return View(self.file[WALL_VIEW], self.layout.walls, "Cell")

    def view(self, step: int, fields: Mapping[str, Array], wall: Array | None = None) -> None:
        """Write viewed fields (points, or (points, 3)) and the wall shear stress of the facets
        (f, 3) as stored time ``step``, then announce them.
        """
        on_wall = {} if wall is None else {WALL_SHEAR_STRESS.name: wall}
        owned = self.layout.space.owned
        self._lumen.write(step, {name: values[:owned] for name, values in fields.items()})
        self._surface.write(step, on_wall)
        self.file.flush()
        self.comm.Barrier()
        self._lumen.announce(step, list(fields))
        self._surface.announce(step, list(on_wall))
        self._set_done(max(step + 1, int(self.file[OWN]["steps_done"][0])))

    def withdraw(self, first: int) -> None:
        """Take back the stored times from number ``first`` on: they are of another run."""
        self._set_done(min(first, int(self.file[OWN]["steps_done"][0])))
        self._lumen.withdraw(first)
        self._surface.withdraw(first)
        self.file.flush()

    def _set_done(self, steps: int) -> None:
        data = self.file[OWN]["steps_done"]
        self.comm.Barrier()  # all ranks have read what is changed here
        with data.collective:
            data[:] = steps

    def is_viewed(self, data: "h5py.Dataset", name: str, first: int) -> bool:
        """Whether a history holds just the viewed field ``name`` from stored time ``first`` on:
        both were written apart, so damage to either shows.
        """
        points, viewed = self.layout.points, self.file[VIEW]["PointData"][name]
        same = True
        for row in range(len(data)):
            start = (first + row) * points.total
            here = viewed[start + points.start : start + points.stop]
            same &= here.tobytes() == data[row, points.start : points.stop].tobytes()
        return bool(self.comm.allreduce(same, MPI.LAND))

    # ------------------------------------------------------------------ groups of our own

    @contextmanager
    def part(self, name: str, **attributes: Any) -> Iterator["h5py.Group"]:
        """One of `PARTS`, to be filled: it takes the place of the old one when it is whole."""
        group = h5py.Group(h5g.create(self.file.id, None))
        group.attrs.update(attributes)
        yield group
        sizes: list[int] = []
        group.visititems(
            lambda _, item: (
                sizes.append(item.id.get_storage_size())
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
        self._flush_longer(sum(sizes))
        place = self.file[BEHIND][name]
        if "now" in place:
            del place["now"]
        place["now"] = group
        self._flush_longer(0)

    def _flush_longer(self, more: int) -> None:
        """Flush what takes ``more`` bytes, and what HDF5 writes about it.

        HDF5 writes down a greater length before the file has it, and refuses to open such a file:
        so it gets that length beforehand.
        """
        self.comm.Barrier()
        if self.comm.rank == 0:
            os.truncate(self._path, self._path.stat().st_size + more + SLACK)
        self.comm.Barrier()
        self.file.flush()

    def boundaries(self, roles: Mapping[str, str]) -> None:
        """Write the openings, with their roles ("inlet", "outlet") once these are known."""
        layout = self.layout
        with self.part("boundaries") as group:
            for name, patch in layout.vessel.openings.items():
                facets = Facets(layout.geometry, layout.vessel.facets(patch.tag))
                corners = np.concatenate(self.comm.allgather(layout.facet_points(facets)))
                one = group.create_group(name)
                one.attrs.update(area=patch.area, centre=patch.centre, normal=patch.normal)
                if name in roles:
                    one.attrs["role"] = roles[name]
                one.create_dataset("facets", data=corners[np.lexsort(np.sort(corners, axis=1).T)])

    def points(self, group: "h5py.Group", name: str, values: Array) -> None:
        """Write nodal values (local points, …) in the order of the file."""
        put(group, name, self.layout.points, values[: self.layout.space.owned])

    def cells(self, group: "h5py.Group", name: str, values: Array) -> None:
        """Write one value a cell in the order of the file."""
        put(group, name, self.layout.cells, values)

    def wall(self, group: "h5py.Group", name: str, values: Array) -> None:
        """Write one value a wall facet in the order of the file."""
        put(group, name, self.layout.walls, values)

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


def _open(path: Path, mode: str, comm: MPI.Comm) -> "h5py.File":
    try:
        return h5py.File(path, mode, driver="mpio", comm=comm, libver=("v110", "v110"))
    except OSError as error:
        if error.errno is not None:
            raise
        raise CaseError(
            "the results file is damaged",
            where=str(path),
            do="delete it and run the same command again: the flow is computed anew",
        ) from error


def _check_room(path: Path, layout: Layout, times: int) -> None:
    """Room is taken as times are stored; that it will not do had better be known beforehand."""
    need, comm = view.size(layout, times), layout.vessel.comm
    free = comm.bcast(shutil.disk_usage(path.parent).free if comm.rank == 0 else None)
    if free < need:
        raise JobError(
            f"the results need {need / 1e6:,.0f} MB of disk, {free / 1e6:,.0f} MB are free",
            where=str(path.parent),
            do="make room, or store fewer times (flow.snapshots, clot.stored)",
        )


def _link_wall(results: Path) -> None:
    """`wall.vtkhdf`: a file of a few bytes by which ParaView opens the wall's surface."""
    path = results.with_name("wall.vtkhdf")
    partial = path.with_name(f".{path.name}.partial")
    with h5py.File(partial, "w", libver="earliest", locking=False) as file:
        file["VTKHDF"] = h5py.ExternalLink(results.name, f"/{WALL_VIEW}")
    partial.replace(path)
