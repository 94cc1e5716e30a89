"""Meshes that are folders: SimVascular's mesh-complete, OpenFOAM's polyMesh (VTK's readers)."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from core.errors import CaseError
from meshes.foreign.volume import Foreign, from_grid, vtk_grid
from meshes.meshing import split

Array = NDArray[Any]


def read_folder(path: Path) -> Foreign:
    """The mesh in a folder. Raises `CaseError` where there is none."""
    volumes = sorted(path.glob("*.mesh.vtu"))
    if volumes and (path / "mesh-surfaces").is_dir():
        return _read_mesh_complete(volumes[0], path / "mesh-surfaces")
    for poly in (path, path / "polyMesh", path / "constant" / "polyMesh"):
        if any((poly / name).exists() for name in ("owner", "owner.gz")):
            return _read_openfoam(poly)
    raise CaseError(
        "this folder is neither a mesh-complete nor an OpenFOAM case",
        where=str(path),
        do="name the folder that holds `constant/polyMesh` or `mesh-surfaces`",
    )


def _read_mesh_complete(volume: Path, surfaces: Path) -> Foreign:
    """SimVascular: one volume and a file for each face, linked by GlobalNodeID."""
    import vtk
    from vtk.util.numpy_support import vtk_to_numpy

    grid = vtk_grid(volume)
    body = from_grid(grid, None)
    ids = grid.GetPointData().GetArray("GlobalNodeID")
    if ids is None:
        raise CaseError(
            "the volume has no GlobalNodeID", where=str(volume), do="export mesh-complete anew"
        )
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
    return Foreign(
        body.points, body.cells, np.concatenate(facets), np.concatenate(marks), None, names
    )


def _read_openfoam(poly: Path) -> Foreign:
    """An OpenFOAM polyMesh, packed or not; patches keep their names, whatever their type."""
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
            body = from_grid(data, None)
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
        fans = [
            triangles for polygons in _polygons(patch) for triangles in split.fan(place[polygons])
        ]
        facets += fans
        marks += [np.full(len(triangles), tag) for triangles in fans]
        names[tag] = name
    return Foreign(
        body.points, body.cells, np.concatenate(facets), np.concatenate(marks), None, names
    )


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
            found.append(
                (blocks.GetMetaData(number).Get(vtk.vtkCompositeDataSet.NAME()) or "", block)
            )
    return found


def _polygons(data: Any) -> list[Array]:
    """The polygons of VTK polydata, by number of corners."""
    from vtk.util.numpy_support import vtk_to_numpy

    offsets = vtk_to_numpy(data.GetPolys().GetOffsetsArray())
    corners = vtk_to_numpy(data.GetPolys().GetConnectivityArray()).astype(np.int64)
    sizes = np.diff(offsets)
    return [
        corners[offsets[:-1][sizes == size][:, None] + np.arange(size)]
        for size in np.unique(sizes)
    ]
