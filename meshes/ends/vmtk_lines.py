"""Centrelines by VMTK from every opening to the root, with inscribed radii. Millimetres only."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import MeshError
from meshes.meshing.apart import apart
from meshes.surface import Surface, from_vtk, to_vtk

Array = NDArray[Any]

MOST_TRIANGLES = 40_000
"""Finer surfaces are thinned first: the Voronoi diagram's cost grows, the line does not change."""


SHAKE = 1e-3
"""How far points are moved where a surface is too regular to trace [mm]."""


@dataclass(frozen=True)
class Line:
    """A centreline from a peripheral end to the root: points (n, 3) and inscribed radii [mm]."""

    points: Array
    radius: Array

    @property
    def arc(self) -> Array:
        """Arc length from the peripheral end [mm]."""
        step = np.linalg.norm(np.diff(self.points, axis=0), axis=1)
        return np.concatenate([[0.0], np.cumsum(step)])


def trace(surface: Surface, root: Array, ends: Array, limit: float = 300.0) -> list[Line]:
    """A centreline from each of ``ends`` (E, 3) to ``root``.

    On a closed surface the ends are points of it; on an open one they are the nearest holes'.
    Raises `MeshError` where VMTK finds none. VMTK's tolerances are absolute: use millimetres.
    """
    lines = _lines(surface, root, ends, limit)
    if not _whole(lines, ends):
        # points of perfect cylinders lie on common spheres, and the Voronoi diagram breaks down
        shaken = np.random.default_rng(0).normal(scale=SHAKE, size=surface.points.shape)
        shifted = replace(surface, points=surface.points + shaken)
        lines = _lines(shifted, root, ends, limit)
    if not _whole(lines, ends):
        raise MeshError(
            f"found {len(lines)} centrelines for {len(ends)} openings",
            do="check that each opening lies at its own vessel's end",
        )
    for line, end in zip(lines, ends, strict=True):
        for point, place, radius in (
            (line.points[0], end, line.radius[0]),
            (line.points[-1], root, line.radius[-1]),
        ):
            if np.linalg.norm(point - place) > 4 * radius + 2.0:
                raise MeshError(
                    f"a centreline ends {np.linalg.norm(point - place):.0f} mm from its opening",
                    where=f"opening at {np.round(place, 1).tolist()} mm",
                    do="move the opening to the middle of the vessel's end",
                )
    return lines


def _lines(surface: Surface, root: Array, ends: Array, limit: float) -> list[Line]:
    found: list[tuple[Array, Array]] = apart(_trace, surface, root, ends, limit=limit)
    return [Line(points, radius) for points, radius in found]


def _whole(lines: list[Line], ends: Array) -> bool:
    return len(lines) == len(ends) and all(len(line.points) >= 4 for line in lines)


def _trace(surface: Surface, root: Array, ends: Array) -> list[tuple[Array, Array]]:
    import vtk
    from vmtk import vmtkscripts
    from vtk.util.numpy_support import vtk_to_numpy

    vtk.vtkSMPTools.Initialize(1)
    step = 0.5
    if len(surface.triangles) > MOST_TRIANGLES:
        thin = vtk.vtkQuadricDecimation()
        thin.SetInputData(to_vtk(surface))
        thin.SetTargetReduction(1 - MOST_TRIANGLES / len(surface.triangles))
        thin.Update()
        surface = from_vtk(thin.GetOutput())
    task = vmtkscripts.vmtkCenterlines()
    task.Surface = to_vtk(surface)
    holes = _holes(task.Surface)
    if len(holes):
        # flat caps mislead the search for a vertex's Voronoi pole: VMTK caps holes its own way
        task.SeedSelectorName = "profileidlist"
        task.SourceIds = [int(np.argmin(np.linalg.norm(holes - root, axis=1)))]
        task.TargetIds = [int(np.argmin(np.linalg.norm(holes - end, axis=1))) for end in ends]
    else:
        task.SeedSelectorName = "pointlist"
        task.SourcePoints = [float(x) for x in root]
        task.TargetPoints = [float(x) for x in np.ravel(ends)]
    task.AppendEndPoints = 0
    task.Resampling = 1
    task.ResamplingStepLength = step
    task.LogOn = 0
    task.Execute()
    lines = task.Centerlines
    points = vtk_to_numpy(lines.GetPoints().GetData()).astype(float)
    array = lines.GetPointData().GetArray("MaximumInscribedSphereRadius")
    radius = vtk_to_numpy(array).astype(float)
    found = []
    for cell in range(lines.GetNumberOfCells()):
        ids = lines.GetCell(cell).GetPointIds()
        order = [ids.GetId(k) for k in range(ids.GetNumberOfIds())][::-1]
        found.append((points[order], radius[order]))
    return found


def _holes(surface: Any) -> Array:
    """The centres of an open surface's holes, in the order of VMTK's profile numbers."""
    from vmtk import vtkvmtk

    capper = vtkvmtk.vtkvmtkCapPolyData()
    capper.SetInputData(surface)
    capper.SetDisplacement(0.0)
    capper.SetInPlaneDisplacement(0.0)
    capper.Update()
    ids = capper.GetCapCenterIds()
    points = capper.GetOutput().GetPoints()
    found = [points.GetPoint(ids.GetId(k)) for k in range(ids.GetNumberOfIds())]
    return np.array(found).reshape(-1, 3)
