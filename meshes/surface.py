"""Triangle surfaces as arrays in millimetres: contoured, smoothed, handed to and from VTK."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from core.errors import MeshError
from meshes import topology

Array = NDArray[Any]


@dataclass(frozen=True)
class Surface:
    """Points (N, 3) [mm], triangles (T, 3) with normals out of the lumen, and a tag for each."""

    points: Array
    triangles: Array
    tags: Array

    @property
    def volume(self) -> float:
        """Enclosed volume [mm³]; meaningful where the surface is closed."""
        a, b, c = (self.points[self.triangles[:, i]] for i in range(3))
        return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def compact(points: Array, triangles: Array, tags: Array) -> Surface:
    """A surface without points that no triangle uses."""
    used, flat = np.unique(triangles, return_inverse=True)
    return Surface(points[used], flat.reshape(-1, 3), tags)


def to_vtk(surface: Surface) -> "vtk.vtkPolyData":
    """The surface as VTK polygons, in double precision."""
    points = vtk.vtkPoints()
    points.SetDataTypeToDouble()
    points.SetData(numpy_to_vtk(np.ascontiguousarray(surface.points, dtype=float), deep=1))
    # fixed-size storage (SetData with a number) breaks filters that insert larger polygons
    offsets = np.arange(0, 3 * len(surface.triangles) + 1, 3, dtype=np.int64)
    corners = np.ascontiguousarray(surface.triangles, dtype=np.int64).ravel()
    cells = vtk.vtkCellArray()
    cells.SetData(
        numpy_to_vtk(offsets, deep=1, array_type=vtk.VTK_ID_TYPE),
        numpy_to_vtk(corners, deep=1, array_type=vtk.VTK_ID_TYPE),
    )
    data = vtk.vtkPolyData()
    data.SetPoints(points)
    data.SetPolys(cells)
    return data


def from_vtk(data: "vtk.vtkPolyData") -> Surface:
    """Triangles of VTK polygons and strips, all with tag 0."""
    split = vtk.vtkTriangleFilter()
    split.SetInputData(data)
    split.PassLinesOff()
    split.PassVertsOff()
    split.Update()
    data = split.GetOutput()
    if data.GetNumberOfCells() == 0:
        return Surface(
            np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64), np.zeros(0, dtype=np.int32)
        )
    points = vtk_to_numpy(data.GetPoints().GetData()).astype(float)
    triangles = (
        vtk_to_numpy(data.GetPolys().GetConnectivityArray()).reshape(-1, 3).astype(np.int64)
    )
    return Surface(points, triangles, np.zeros(len(triangles), dtype=np.int32))


def contour(
    values: Array, level: float, to_mm: Callable[[Array], Array], *, smooth: bool
) -> Surface:
    """The closed surface between voxels above ``level`` (inside) and below, largest piece only.

    ``to_mm`` maps voxel indices to millimetres before smoothing, which is isotropic that way.
    Windowed sinc, 30 iterations, pass band 0.01: a phantom's volume is kept to 0.1 %, its
    narrowest radius to 0.01 mm; Laplacian smoothing shrinks it.
    """
    image = vtk.vtkImageData()
    image.SetDimensions(values.shape)
    image.GetPointData().SetScalars(
        numpy_to_vtk(np.ascontiguousarray(values.ravel(order="F")), deep=1)
    )
    edges = vtk.vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, level)
    edges.ComputeNormalsOff()
    edges.ComputeGradientsOff()
    edges.Update()
    raw = from_vtk(edges.GetOutput())
    if len(raw.triangles) == 0:
        raise MeshError("there is no surface in the image", do="check the labels")
    found = outwards(largest(Surface(to_mm(raw.points), raw.triangles, raw.tags)))
    return _windowed_sinc(found) if smooth else found


def _windowed_sinc(surface: Surface) -> Surface:
    sinc = vtk.vtkWindowedSincPolyDataFilter()
    sinc.SetInputData(to_vtk(surface))
    sinc.SetNumberOfIterations(30)
    sinc.SetPassBand(0.01)
    sinc.NormalizeCoordinatesOn()
    sinc.BoundarySmoothingOff()
    sinc.FeatureEdgeSmoothingOff()
    sinc.NonManifoldSmoothingOn()
    sinc.Update()
    points = vtk_to_numpy(sinc.GetOutput().GetPoints().GetData()).astype(float)
    return Surface(points, surface.triangles, surface.tags)


def largest(surface: Surface) -> Surface:
    """The piece with the most triangles."""
    number, piece = topology.pieces(topology.neighbours(surface.triangles), len(surface.triangles))
    if number == 1:
        return surface
    keep = piece == np.argmax(np.bincount(piece))
    return compact(surface.points, surface.triangles[keep], surface.tags[keep])


def outwards(surface: Surface) -> Surface:
    """The closed surface turned, where needed, so that its normals point out."""
    if surface.volume >= 0:
        return surface
    return Surface(surface.points, surface.triangles[:, ::-1], surface.tags)


def boundary_rings(triangles: Array) -> list[Array]:
    """The loops of edges that have one triangle, each in the direction in which that one runs it.

    Raises `MeshError` where loops touch.
    """
    sides = triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    _, count, inverse = topology.edges(triangles)
    free = sides[count[inverse.ravel()] == 1]
    after = dict(free.tolist())
    if len(after) != len(free):
        raise MeshError("cut edges of the surface touch", do="move the opening along its vessel")
    rings = []
    while after:
        first, at = after.popitem()
        ring = [first]
        while at != first:
            ring.append(at)
            at = after.pop(at)
        rings.append(np.array(ring))
    return rings


def check_closed(surface: Surface) -> None:
    """Raises `MeshError` where the surface has holes, is not manifold or is not oriented."""
    unique, count, _ = topology.edges(surface.triangles)
    if (count != 2).any():
        where = surface.points[unique[count != 2][0]].mean(axis=0)
        raise MeshError(
            f"the surface is not closed: {int((count != 2).sum())} edges have not two triangles",
            where=f"near {np.round(where, 2).tolist()} mm",
            do="repair the surface or label there",
        )
    sides = surface.triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    if len(np.unique(sides, axis=0)) != len(sides):
        raise MeshError("the surface is not consistently oriented", do="repair the surface")
