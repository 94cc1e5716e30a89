"""The ends of a vessel surface [mm]: cut square to the centreline, extended, capped, named."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import vtk
from numpy.typing import NDArray
from vtk.util.numpy_support import vtk_to_numpy

from core.errors import MeshError
from meshes.ends.vmtk_lines import Line
from meshes.surface import Surface, boundary_rings, from_vtk, largest, to_vtk

Array = NDArray[Any]

WALL_TAG = 1
EXTENSION_TAG = 2
FIRST_OPENING = 10


@dataclass(frozen=True)
class End:
    """Where and how a vessel is cut: a point of the plane, its normal out of the vessel, the
    vessel's radius there, and the tip that goes away. [mm]
    """

    name: str
    point: Array
    outward: Array
    radius: float
    tip: Array


def end_of(surface: Surface, name: str, line: Line, at: Array, trim: float) -> End:
    """The cut at the vessel's end near ``at``, square to the vessel there.

    The line's first radii depend on where exactly ``at`` is, so the vessel's axis is taken
    behind them and carried on straight to where it leaves the vessel; the cut lies ``trim``
    radii before that, or at ``at`` where the vessel goes on for more than two radii.
    """
    arc = line.arc
    radius = _calibre(arc, line.radius)
    if arc[-1] < AXIS[1] * radius:
        raise MeshError(
            f"the vessel at opening {name!r} is only {arc[-1]:.1f} mm long, {radius:.1f} mm wide",
            where=f"mesh.openings.{name}",
            do="segment more of it, or leave this opening out",
        )
    here, there = (
        np.array([np.interp(s * radius, arc, line.points[:, i]) for i in range(3)]) for s in AXIS
    )
    outward = (here - there) / np.linalg.norm(here - there)
    leaves = _leaves(surface, here, outward, name)
    asked = float((at - here) @ outward)
    goes_on = leaves - asked > 2 * radius
    place = asked if goes_on else leaves - trim * radius
    tip = here + (place + 0.5 * radius if goes_on else leaves) * outward
    return End(name, here + place * outward, outward, radius, tip)


AXIS = (0.8, 2.4)
"""Where a vessel's axis at its end is taken, in radii along the line from its start."""


def _calibre(arc: Array, radius: Array) -> float:
    """The vessel's radius near its end, without the line's first millimetres [mm]."""
    size = float(radius[0])
    for _ in range(5):
        window = (arc >= size) & (arc <= 3 * size)
        if window.any():
            size = float(np.median(radius[window]))
    return size


def _leaves(surface: Surface, start: Array, way: Array, name: str) -> float:
    """How far from ``start`` a ray first crosses the surface [mm] (Möller and Trumbore)."""
    a, b, c = (surface.points[surface.triangles[:, i]] for i in range(3))
    e, f = b - a, c - a
    h = np.cross(way, f)
    det = np.einsum("ij,ij->i", e, h)
    det = np.where(np.abs(det) < 1e-12, np.inf, det)
    s = start - a
    u = np.einsum("ij,ij->i", s, h) / det
    q = np.cross(s, e)
    v = q @ way / det
    distance = np.einsum("ij,ij->i", f, q) / det
    hit = distance[(u >= 0) & (v >= 0) & (u + v <= 1) & (distance > 0)]
    if len(hit) == 0:
        raise MeshError(
            f"the vessel at opening {name!r} bends too sharply to find its end",
            where=f"mesh.openings.{name}",
            do="move the opening towards the middle of the vessel's end",
        )
    return float(hit.min())


def cut(surface: Surface, end: End) -> Surface:
    """The surface without what lies beyond the end's plane and hangs together with its tip.

    A plane cuts other branches too: those parts are put back.
    """
    plane = vtk.vtkPlane()
    plane.SetOrigin(*end.point)
    plane.SetNormal(*end.outward)
    clip = vtk.vtkClipPolyData()
    clip.SetInputData(to_vtk(surface))
    clip.SetClipFunction(plane)
    clip.GenerateClippedOutputOn()
    clip.Update()
    beyond, kept = clip.GetOutput(), clip.GetClippedOutput()
    if beyond.GetNumberOfCells() == 0:
        raise MeshError(
            f"nothing lies beyond the cut of opening {end.name!r}",
            where=f"mesh.openings.{end.name}",
            do="move its point to the vessel's end",
        )
    joined = vtk.vtkAppendPolyData()
    joined.AddInputData(kept)
    for part in _parts_without(beyond, end.tip):
        joined.AddInputData(part)
    joined.Update()
    clean = vtk.vtkCleanPolyData()
    clean.SetInputData(joined.GetOutput())
    clean.ToleranceIsAbsoluteOn()
    clean.SetAbsoluteTolerance(1e-5)
    clean.Update()
    return from_vtk(clean.GetOutput())


def _parts_without(beyond: "vtk.vtkPolyData", tip: Array) -> list["vtk.vtkPolyData"]:
    """The connected parts of ``beyond`` but the one nearest to ``tip``."""
    colour = vtk.vtkPolyDataConnectivityFilter()
    colour.SetInputData(beyond)
    colour.SetExtractionModeToAllRegions()
    colour.ColorRegionsOn()
    colour.Update()
    coloured = colour.GetOutput()
    region = vtk_to_numpy(coloured.GetPointData().GetArray("RegionId"))
    points = vtk_to_numpy(coloured.GetPoints().GetData())
    gone = region[np.argmin(np.linalg.norm(points - tip, axis=1))]
    parts = []
    for number in range(colour.GetNumberOfExtractedRegions()):
        if number != gone:
            one = vtk.vtkPolyDataConnectivityFilter()
            one.SetInputData(beyond)
            one.SetExtractionModeToSpecifiedRegions()
            one.AddSpecifiedRegion(number)
            one.Update()
            part = vtk.vtkPolyData()
            part.DeepCopy(one.GetOutput())
            parts.append(part)
    return parts


def cut_all(surface: Surface, ends: list[End]) -> Surface:
    """The surface cut at all ``ends``, in one piece."""
    for end in ends:
        surface = cut(surface, end)
    return largest(surface)


def capped(
    surface: Surface, ends: list[End], extend: float
) -> tuple[Surface, Mapping[int, str], Mapping[str, Array]]:
    """The closed surface with a flat cap at each end, the name of each tag, the caps' normals.

    ``extend`` lengthens every end by that many radii, turning its section into a circle of equal
    area. Tags: 1 wall, 2 wall of extensions, 10 and up the openings in the order of ``ends``.
    """
    rings = _ring_of_each(surface, ends)
    points, triangles, tags = (
        [surface.points],
        [surface.triangles],
        [np.full(len(surface.triangles), WALL_TAG)],
    )
    count = len(surface.points)
    for number, end in enumerate(ends):
        ring, place = rings[end.name], surface.points[rings[end.name]]
        if extend > 0:
            added, strips = _extension(place, end, extend)
            triangles.append(_renumbered(strips, ring, count))
            tags.append(np.full(len(strips), EXTENSION_TAG))
            points.append(added)
            ring = np.arange(count + len(added) - len(ring), count + len(added))
            place = added[-len(ring) :]
            count += len(added)
        lid = _ears(place)
        triangles.append(ring[lid][:, ::-1])
        tags.append(np.full(len(lid), FIRST_OPENING + number))
    names = {WALL_TAG: "wall", **({EXTENSION_TAG: "wall_ext"} if extend > 0 else {})}
    names |= {FIRST_OPENING + number: end.name for number, end in enumerate(ends)}
    whole = Surface(
        np.concatenate(points), np.concatenate(triangles), np.concatenate(tags).astype(np.int32)
    )
    return whole, names, {end.name: end.outward for end in ends}


def _ring_of_each(surface: Surface, ends: list[End]) -> dict[str, Array]:
    rings = boundary_rings(surface.triangles)
    if len(rings) != len(ends):
        raise MeshError(
            f"cutting {len(ends)} openings left {len(rings)} holes",
            where="mesh.openings",
            do="two openings may mean the same end of a vessel, or lie too near to a confluence",
        )
    centres = np.array([surface.points[ring].mean(axis=0) for ring in rings])
    found: dict[str, Array] = {}
    taken: dict[int, str] = {}
    for end in ends:
        nearest = int(np.argmin(np.linalg.norm(centres - end.point, axis=1)))
        if nearest in taken:
            raise MeshError(
                f"openings {taken[nearest]!r} and {end.name!r} come out at the same end",
                where="mesh.openings",
                do="give each opening its own vessel's end",
            )
        taken[nearest] = end.name
        found[end.name] = rings[nearest]
    return found


def _extension(ring: Array, end: End, length: float) -> tuple[Array, Array]:
    """Points of rings beyond ``ring``, triangles between; corner −k−1 is point k of ``ring``."""
    centre = ring.mean(axis=0)
    flat = ring - centre - np.outer((ring - centre) @ end.outward, end.outward)
    area = np.linalg.norm(np.cross(flat, np.roll(flat, -1, axis=0)).sum(axis=0)) / 2
    radius = np.sqrt(area / np.pi)
    circle = radius * flat / np.linalg.norm(flat, axis=1)[:, None]
    layers = max(int(np.ceil(length * 4)), 2)
    n, rows, strips = len(ring), [], []
    for layer in range(1, layers + 1):
        way = layer / layers
        blend = np.clip(2 * way, 0, 1)
        blend = blend * blend * (3 - 2 * blend)
        rows.append(
            centre + (1 - blend) * flat + blend * circle + way * length * radius * end.outward
        )
        below = -1 - np.arange(n) if layer == 1 else np.arange(n) + (layer - 2) * n
        above = np.arange(n) + (layer - 1) * n
        # the ring runs as its wall triangle does: the strip runs it the other way
        a, b = np.roll(below, -1), np.roll(above, -1)
        strips += [np.stack([a, below, above], axis=1), np.stack([a, above, b], axis=1)]
    return np.concatenate(rows), np.concatenate(strips)


def _renumbered(strips: Array, ring: Array, count: int) -> Array:
    return np.where(strips >= 0, strips + count, ring[np.where(strips < 0, -strips - 1, 0)])


def _ears(ring: Array) -> Array:
    """Triangles of a flat polygon, running as it does."""
    points = vtk.vtkPoints()
    points.SetDataTypeToDouble()  # in single precision the shortest edges' ears look folded
    polygon = vtk.vtkPolygon()
    for k, point in enumerate(ring):
        points.InsertNextPoint(*point)
        polygon.GetPointIds().InsertNextId(k)
    polygon.GetPoints().DeepCopy(points)
    ids = vtk.vtkIdList()
    if not polygon.EarCutTriangulation(ids):
        raise MeshError(
            "the cut end of a vessel is not a simple outline",
            where=f"around {np.round(ring.mean(axis=0), 1).tolist()} mm",
            do="move the opening along its vessel",
        )
    return np.array([ids.GetId(k) for k in range(ids.GetNumberOfIds())]).reshape(-1, 3)
