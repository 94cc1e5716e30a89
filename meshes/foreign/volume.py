"""Meshes made elsewhere, read as they are: numbers in their own unit, tags and names as found."""

import contextlib
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError, MeshError
from meshes.meshing import split
from meshes.meshing.apart import apart

Array = NDArray[Any]

NONE = np.zeros((0, 3), dtype=np.int64)
KINDS = {
    "tetra": (4, ""),
    "tetra10": (4, ""),
    "wedge": (6, "wedge"),
    "pyramid": (5, "pyramid"),
    "hexahedron": (8, "hexahedron"),
    "triangle": (3, ""),
    "triangle6": (3, ""),
    "quad": (4, "quad"),
}
"""Corners of each kind of cell and how it is split; curved cells are read as straight ones."""

VTK_KINDS = {
    10: "tetra",
    24: "tetra10",
    13: "wedge",
    14: "pyramid",
    12: "hexahedron",
    5: "triangle",
    22: "triangle6",
    9: "quad",
}
IGNORED = ("vertex", "line", "line3")

TAG_ARRAYS = (
    "gmsh:physical",
    "CellEntityIds",
    "ModelFaceID",
    "medit:ref",
    "cell_tags",
    "facet_tags",
    "boundary_tags",
    "tags",
    "tag",
    "boundary",
    "region",
)


@dataclass(frozen=True)
class Foreign:
    """What a file holds: points, tetrahedra, and tagged boundary triangles if it has any."""

    points: Array
    cells: Array
    facets: Array = field(default_factory=lambda: NONE)
    facet_tags: Array = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    cell_tags: Array | None = None
    names: dict[int, str] = field(default_factory=dict)


def read(path: Path, tags: str | None = None) -> Foreign:
    """The mesh in ``path``; ``tags`` names the array of boundary tags where there are several.

    Raises `CaseError` for what cannot be read, `MeshError` for what has no tetrahedra.
    """
    from meshes.foreign import dolfin

    with _as_case_error(path):
        if path.is_dir():
            from meshes.foreign.folders import read_folder

            found = read_folder(path)
        elif path.suffix in (".vtu", ".vtk", ".pvtu"):
            found = from_grid(vtk_grid(path), tags)
        elif dolfin.is_dolfin(path):
            found = dolfin.read(path)
        else:
            found = _read_meshio(path, tags)
    if len(found.points) == 0 or len(found.cells) == 0:
        raise MeshError(
            "the file has no tetrahedra",
            where=str(path),
            do='give a volume mesh; surfaces are kind = "surface", images kind = "mask"',
        )
    return found


def read_safely(path: Path, tags: str | None = None) -> Foreign:
    """`read` in a process of its own where VTK's readers are used: a damaged file may end them."""
    by_vtk = path.is_dir() or path.suffix in (".vtu", ".vtk", ".pvtu")
    return apart(read, path, tags) if by_vtk else read(path, tags)


@contextlib.contextmanager
def _as_case_error(path: Path) -> Any:
    """Readers fail in many ways, meshio even by SystemExit: all mean an unreadable file."""
    try:
        yield
    except (CaseError, MeshError):
        raise
    except (Exception, SystemExit) as error:
        raise CaseError(
            f"cannot read this mesh file: {error or type(error).__name__}",
            where=str(path),
            do="known: .msh, .vtu, .vtk, .xdmf, .med, .mesh, DOLFIN .h5 and .xml, "
            "OpenFOAM and mesh-complete folders",
        ) from error


Block = tuple[str, Array, Array | None]
"""Cells of one kind, by point numbers, and the tag of each if there are tags."""


def _assembled(points: Array, blocks: list[Block], names: dict[int, str]) -> Foreign:
    """All solid cells as tetrahedra, all tagged flat ones as triangles."""
    solid, solid_tags, flat, flat_tags = [], [], [], []
    for kind, corners, tags in blocks:
        if kind not in KINDS:
            raise MeshError(
                f"the mesh has {len(corners)} cells of kind {kind}",
                do="split them: tetrahedra, prisms, pyramids and hexahedra are understood",
            )
        number, how = KINDS[kind]
        corners = corners[:, :number].astype(np.int64)
        rows: Array = np.arange(len(corners))
        if kind.startswith(("triangle", "quad")):
            if tags is not None:
                fans = split.fan(corners)
                flat += fans
                flat_tags += [tags] * len(fans)
            continue
        if how:
            corners, rows = split.tetrahedra(points, corners, how)
        solid.append(corners)
        solid_tags.append(np.zeros(len(rows), dtype=np.int64) if tags is None else tags[rows])
    return Foreign(
        points,
        np.concatenate(solid) if solid else np.zeros((0, 4), dtype=np.int64),
        np.concatenate(flat) if flat else NONE,
        np.concatenate(flat_tags).astype(np.int64) if flat else np.zeros(0, dtype=np.int64),
        np.concatenate(solid_tags) if solid else None,
        names,
    )


def _tag_array(there: list[str], wanted: str | None) -> str | None:
    """The array of tags to use: the one asked for, else the first of the customary ones."""
    if wanted is not None and wanted not in there:
        raise CaseError(
            f"the file has no cell array {wanted!r}",
            where="mesh.tags",
            do=f"it has: {', '.join(there) or 'none'}",
        )
    return wanted or next((name for name in TAG_ARRAYS if name in there), None)


def _read_meshio(path: Path, tags: str | None) -> Foreign:
    import meshio

    # meshio prints its warnings, and its errors before it exits
    with contextlib.redirect_stdout(io.StringIO()):
        mesh = meshio.read(path)
    array = _tag_array(list(mesh.cell_data), tags)
    blocks: list[Block] = [
        (
            block.type,
            np.asarray(block.data),
            np.asarray(mesh.cell_data[array][k]) if array else None,
        )
        for k, block in enumerate(mesh.cells)
        if block.type not in IGNORED
    ]
    names = {int(tag): name for name, (tag, dim) in mesh.field_data.items() if dim == 2}
    return _assembled(np.asarray(mesh.points, dtype=float)[:, :3], blocks, names)


def vtk_grid(path: Path) -> Any:
    """The unstructured grid in a VTK file, read by VTK itself."""
    import vtk

    readers = {
        ".vtu": "XMLUnstructuredGrid",
        ".pvtu": "XMLPUnstructuredGrid",
        ".vtk": "UnstructuredGrid",
    }
    reader = getattr(vtk, f"vtk{readers[path.suffix]}Reader")()
    reader.SetFileName(str(path))
    problems: list[str] = []
    reader.AddObserver("ErrorEvent", lambda *_: problems.append("its contents are damaged"))
    reader.Update()
    if problems:
        raise CaseError(
            f"cannot read this mesh file: {problems[0]}", where=str(path), do="write it anew"
        )
    return reader.GetOutput()


def from_grid(grid: Any, tags: str | None) -> Foreign:
    """What a VTK unstructured grid holds."""
    from vtk.util.numpy_support import vtk_to_numpy

    if grid.GetNumberOfPoints() == 0:
        return Foreign(np.zeros((0, 3)), np.zeros((0, 4), dtype=np.int64))
    kinds = vtk_to_numpy(grid.GetCellTypes())
    offsets = vtk_to_numpy(grid.GetCells().GetOffsetsArray())
    corners = vtk_to_numpy(grid.GetCells().GetConnectivityArray())
    data = grid.GetCellData()
    array = _tag_array([data.GetArrayName(i) for i in range(data.GetNumberOfArrays())], tags)
    values = vtk_to_numpy(data.GetArray(array)) if array else None
    blocks: list[Block] = []
    for kind in np.unique(kinds):
        rows = np.flatnonzero(kinds == kind)
        if kind in (1, 2, 3, 4, 21):
            continue
        size = int(offsets[rows[0] + 1] - offsets[rows[0]])
        block = corners[offsets[rows][:, None] + np.arange(size)]
        title = VTK_KINDS.get(int(kind), f"VTK {kind}")
        blocks.append((title, block, None if values is None else values[rows]))
    return _assembled(vtk_to_numpy(grid.GetPoints().GetData()).astype(float), blocks, {})
