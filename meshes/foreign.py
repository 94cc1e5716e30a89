"""Meshes made elsewhere, read as they are: numbers in their own unit, tags and names as found."""

import contextlib
import io
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from core.errors import CaseError, MeshError
from meshes import split

Array = NDArray[Any]

NONE = np.zeros((0, 3), dtype=np.int64)
KINDS = {
    "tetra": (4, ""), "tetra10": (4, ""), "wedge": (6, "wedge"), "pyramid": (5, "pyramid"),
    "hexahedron": (8, "hexahedron"), "triangle": (3, ""), "triangle6": (3, ""), "quad": (4, "quad"),
}
"""Corners of each kind of cell and how it is split; curved cells are read as straight ones."""

VTK_KINDS = {
    10: "tetra", 24: "tetra10", 13: "wedge", 14: "pyramid", 12: "hexahedron",
    5: "triangle", 22: "triangle6", 9: "quad",
}
IGNORED = ("vertex", "line", "line3")

TAG_ARRAYS = (
    "gmsh:physical", "CellEntityIds", "ModelFaceID", "medit:ref", "cell_tags", "facet_tags",
    "boundary_tags", "tags", "tag", "boundary", "region",
)


@dataclass(frozen=True)
class Foreign:
    """What a file holds: points, tetrahedra, and boundary triangles with a tag each, if it has any."""

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
    with _as_case_error(path):
        if path.is_dir():
            found = _read_folder(path)
        elif path.suffix in (".vtu", ".vtk", ".pvtu"):
            found = _from_grid(_vtk_grid(path), tags)
        else:
            found = _read_meshio(path, tags)
    if len(found.points) == 0 or len(found.cells) == 0:
        raise MeshError(
            "the file has no tetrahedra", where=str(path),
            do="give a volume mesh; a surface or image must be meshed first (kind = \"mask\")",
        )
    return found


@contextlib.contextmanager
def _as_case_error(path: Path) -> Any:
    """Readers fail in many ways, meshio even by SystemExit: all mean that the file is not readable."""
    try:
        yield
    except (CaseError, MeshError):
        raise
    except (Exception, SystemExit) as error:
        raise CaseError(
            f"cannot read this mesh file: {error or type(error).__name__}", where=str(path),
            do="known: gmsh .msh, .vtu, .vtk, .xdmf, .med, .mesh, OpenFOAM and mesh-complete folders",
        ) from error


def _read_folder(path: Path) -> Foreign:
    volumes = sorted(path.glob("*.mesh.vtu"))
    if volumes and (path / "mesh-surfaces").is_dir():
        return _read_mesh_complete(volumes[0], path / "mesh-surfaces")
    for poly in (path, path / "polyMesh", path / "constant" / "polyMesh"):
        if any((poly / name).exists() for name in ("owner", "owner.gz")):
            return _read_openfoam(poly)
    raise CaseError(
        "this folder is neither a mesh-complete nor an OpenFOAM case", where=str(path),
        do="name the folder that holds `constant/polyMesh` or `mesh-surfaces`",
    )


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
        rows = np.arange(len(corners))
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
            f"the file has no cell array {wanted!r}", where="mesh.tags",
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
        (block.type, np.asarray(block.data), np.asarray(mesh.cell_data[array][k]) if array else None)
        for k, block in enumerate(mesh.cells) if block.type not in IGNORED
    ]
    names = {int(tag): name for name, (tag, dim) in mesh.field_data.items() if dim == 2}
    return _assembled(np.asarray(mesh.points, dtype=float)[:, :3], blocks, names)


def _vtk_grid(path: Path) -> Any:
    import vtk

    readers = {".vtu": "XMLUnstructuredGrid", ".pvtu": "XMLPUnstructuredGrid", ".vtk": "UnstructuredGrid"}
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


def _from_grid(grid: Any, tags: str | None) -> Foreign:
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


def _polygons(data: Any) -> list[Array]:
    """The polygons of VTK polydata, by number of corners."""
    from vtk.util.numpy_support import vtk_to_numpy

    offsets = vtk_to_numpy(data.GetPolys().GetOffsetsArray())
    corners = vtk_to_numpy(data.GetPolys().GetConnectivityArray()).astype(np.int64)
    sizes = np.diff(offsets)
    return [
        corners[offsets[:-1][sizes == size][:, None] + np.arange(size)] for size in np.unique(sizes)
    ]


def _read_mesh_complete(volume: Path, surfaces: Path) -> Foreign:
    """SimVascular: one volume and a file for each face, linked by GlobalNodeID."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    grid = _vtk_grid(volume)
    body = _from_grid(grid, None)
    ids = grid.GetPointData().GetArray("GlobalNodeID")
    if ids is None:
        raise CaseError("the volume has no GlobalNodeID", where=str(volume), do="export mesh-complete anew")
    numbers = vtk_to_numpy(ids).astype(np.int64)
    place = np.full(numbers.max() + 1, -1, dtype=np.int64)
    place[numbers] = np.arange(len(numbers))
    facets, marks, names = [], [], {}
    for tag, file in enumerate(sorted(surfaces.glob("*.vtp")), start=1):
        reader = vtk.vtkXMLPolyDataReader()
        reader.SetFileName(str(file))
        reader.Update()
        face = reader.GetOutput()
        own = vtk_to_numpy(face.GetPointData().GetArray("GlobalNodeID")).astype(np.int64)
        corners = vtk_to_numpy(face.GetPolys().GetConnectivityArray()).reshape(-1, 3)
        facets.append(place[own[corners]])
        marks.append(np.full(len(corners), tag))
        names[tag] = file.stem
    return Foreign(body.points, body.cells, np.concatenate(facets), np.concatenate(marks), None, names)


def _read_openfoam(poly: Path) -> Foreign:
    """An OpenFOAM polyMesh, ASCII or binary, packed or not; patches are named whatever their type."""
    with tempfile.TemporaryDirectory(prefix="dvtwin-foam-") as folder:
        case = Path(folder)
        shutil.copytree(poly, case / "constant" / "polyMesh")
        (case / "system").mkdir()
        (case / "system" / "controlDict").write_text(CONTROL)
        return _from_foam(case)


CONTROL = """FoamFile { version 2.0; format ascii; class dictionary; object controlDict; }
application none; startFrom startTime; startTime 0; stopAt endTime; endTime 1; deltaT 1;
writeControl timeStep; writeInterval 1; writeFormat ascii; timeFormat general;
"""
"""VTK's reader wants a control file; a mesh alone has none."""


def _from_foam(case: Path) -> Foreign:
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    (case / "case.foam").touch()
    reader = vtk.vtkOpenFOAMReader()
    reader.SetFileName(str(case / "case.foam"))
    reader.UpdateInformation()
    reader.EnableAllPatchArrays()
    reader.Update()
    blocks = reader.GetOutput()
    body, patches = None, {}
    for name, data in _leaves(blocks):
        if data.IsA("vtkUnstructuredGrid"):
            body = _from_grid(data, None)
        elif data.IsA("vtkPolyData"):
            patches[name] = data
    if body is None:
        raise CaseError("the OpenFOAM mesh cannot be read", where=str(case), do="check polyMesh")
    tree = cKDTree(body.points)
    facets, marks, names = [], [], {}
    for tag, (name, patch) in enumerate(patches.items(), start=1):
        if patch.GetNumberOfCells() == 0:
            continue
        # a patch has points of its own: the same numbers, so the same place
        place = tree.query(vtk_to_numpy(patch.GetPoints().GetData()).astype(float))[1]
        fans = [triangles for polygons in _polygons(patch) for triangles in split.fan(place[polygons])]
        facets += fans
        marks += [np.full(len(triangles), tag) for triangles in fans]
        names[tag] = name
    return Foreign(body.points, body.cells, np.concatenate(facets), np.concatenate(marks), None, names)


def _leaves(blocks: Any) -> list[tuple[str, Any]]:
    import vtk

    found = []
    for number in range(blocks.GetNumberOfBlocks()):
        block = blocks.GetBlock(number)
        if block is None:
            continue
        if block.IsA("vtkMultiBlockDataSet"):
            found += _leaves(block)
        else:
            found.append((blocks.GetMetaData(number).Get(vtk.vtkCompositeDataSet.NAME()) or "", block))
    return found
