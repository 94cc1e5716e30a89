"""Surfaces made elsewhere (STL, PLY, OBJ, VTP, VTK): read as they are, then made sound.

A vessel's surface may be open at its ends, capped there or blunt. What is mended is said; what
would be a guess is refused.
"""

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from core.errors import CaseError, MeshError
from meshes import topology
from meshes.ends import caps
from meshes.meshing.apart import apart
from meshes.surface import Surface, boundary_rings, compact, from_vtk, largest

Array = NDArray[Any]

READERS = {
    ".stl": "vtkSTLReader",
    ".ply": "vtkPLYReader",
    ".obj": "vtkOBJReader",
    ".vtp": "vtkXMLPolyDataReader",
    ".vtk": "vtkPolyDataReader",
}

SPECKS = 0.02
"""Loose pieces up to this part of the whole area are dropped, and said."""

SMALL_HOLE = 0.3
"""A hole narrower than this part of the narrowest opening is a flaw and is closed, and said."""


@dataclass(frozen=True)
class Shell:
    """A sound surface [mm]: closed, and the same with the holes of its ends and their middles.

    ``holed`` is the closed one where all ends are blunt; then there are no ``holes``.
    """

    closed: Surface
    holed: Surface
    holes: Array
    changed: tuple[str, ...]


def is_surface(path: Path) -> bool:
    """Whether the file name is one of a surface; legacy VTK may be either, so it is looked at."""
    if path.suffix.lower() == ".vtk":
        with path.open("rb") as file:
            return b"POLYDATA" in file.read(400).upper()
    return path.suffix.lower() in READERS


def read(path: Path) -> Surface:
    """The triangles in a file, or in all VTP files of a folder, in their own unit."""
    files = sorted(path.rglob("*.vtp")) if path.is_dir() else [path]
    if not files:
        raise CaseError("the folder has no surfaces", where=str(path), do="name a surface file")
    parts = [_read_one(file) for file in files]
    offsets = np.cumsum([0, *(len(part.points) for part in parts)])
    return Surface(
        np.concatenate([part.points for part in parts]),
        np.concatenate([p.triangles + at for p, at in zip(parts, offsets, strict=False)]),
        np.concatenate([part.tags for part in parts]),
    )


def read_safely(path: Path) -> Surface:
    """`read` in a process of its own: VTK's readers may end the one that reads a damaged file."""
    return apart(read, path)


def _read_one(path: Path) -> Surface:
    import vtk

    kind = path.suffix.lower()
    if kind not in READERS:
        raise CaseError(
            "this is no surface file", where=str(path), do=f"known: {', '.join(READERS)}"
        )
    reader = getattr(vtk, READERS[kind])()
    problems: list[int] = []
    for source in (reader, vtk.vtkOutputWindow.GetInstance()):
        source.AddObserver("ErrorEvent", lambda *_: problems.append(1))
    reader.SetFileName(str(path))
    reader.Update()
    data = reader.GetOutput()
    if data.GetNumberOfPoints() == 0 or data.GetNumberOfCells() == 0:
        # VTK gives up on an STL file without its last line, meshio does not
        return _read_meshio(path)
    if problems:
        raise CaseError("the surface file is damaged", where=str(path), do="write it anew")
    return from_vtk(data)


def _read_meshio(path: Path) -> Surface:
    import meshio

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            mesh = meshio.read(path)
        triangles = np.asarray(mesh.cells_dict["triangle"]).astype(np.int64)
    except (Exception, SystemExit) as error:
        raise CaseError(
            "the surface file has no triangles or is damaged", where=str(path), do="write it anew"
        ) from error
    return Surface(np.asarray(mesh.points, dtype=float), triangles, np.zeros(len(triangles)))


def mended(raw: Surface, at: dict[str, Array]) -> Shell:
    """``raw`` [mm] made sound, its ends nearest to the openings ``at`` [mm].

    Raises `MeshError` for what no safe repair mends.
    """
    surface, said = joined(raw)
    flat = _flat_ends(surface, at)
    holed = compact(surface.points, surface.triangles[~flat], surface.tags[~flat])
    rings = boundary_rings(holed.triangles)
    ends, flaws = _ends_among(holed, rings, at)
    holed = _filled(holed, flaws)
    if flaws:
        said.append(f"surface: closed {len(flaws)} small holes")
    closed = _filled(holed, ends)
    if not ends:
        return Shell(closed, closed, np.zeros((0, 3)), tuple(said))
    middles = np.array([holed.points[ring].mean(axis=0) for ring in ends])
    return Shell(closed, holed, middles, tuple(said))


def joined(raw: Surface) -> tuple[Surface, list[str]]:
    """``raw`` as one consistently oriented piece, normals out, ends as they are; what changed."""
    said: list[str] = []
    surface = _oriented(_one_piece(_clean(raw, said), said), said)
    lids = _filled(surface, boundary_rings(surface.triangles))
    if lids.volume < 0:
        said.append("surface: all normals pointed inwards and were turned")
        surface = Surface(surface.points, surface.triangles[:, ::-1], surface.tags)
    return surface, said


def _clean(raw: Surface, said: list[str]) -> Surface:
    """Points merged that coincide, triangles dropped that are doubled or have no area."""
    if len(raw.triangles) == 0:
        raise MeshError("the surface has no triangles", do="write it anew")
    if raw.triangles.min() < 0 or raw.triangles.max() >= len(raw.points):
        raise MeshError(
            "triangles refer to points that are not there", do="write the surface anew"
        )
    bad = ~np.isfinite(raw.points).all(axis=1)
    if bad.any():
        raise MeshError(
            f"{int(bad.sum())} points of the surface have coordinates that are not numbers",
            where=f"point {int(np.flatnonzero(bad)[0])}",
            do="write the surface anew",
        )
    size = float(np.linalg.norm(np.ptp(raw.points, axis=0)))
    _, first, place = np.unique(
        np.round(raw.points / max(1e-7 * size, 1e-12)), axis=0, return_index=True,
        return_inverse=True,
    )  # fmt: skip
    triangles = place.ravel()[raw.triangles]
    corners = np.sort(triangles, axis=1)
    sound = (corners[:, 0] < corners[:, 1]) & (corners[:, 1] < corners[:, 2])
    _, unique = np.unique(corners, axis=0, return_index=True)
    once = np.zeros(len(triangles), dtype=bool)
    once[unique] = True
    if lost := int((~(sound & once)).sum()):
        said.append(f"surface: dropped {lost} triangles without area or given twice")
    keep = sound & once
    return compact(raw.points[first], triangles[keep], raw.tags[keep])


def _one_piece(surface: Surface, said: list[str]) -> Surface:
    unique, count, _ = topology.edges(surface.triangles)
    if (count > 2).any():
        place = surface.points[unique[count > 2][0]].mean(axis=0)
        raise MeshError(
            f"{int((count > 2).sum())} edges of the surface have more than two triangles",
            where=f"near {np.round(place, 2).tolist()} mm",
            do="give the lumen's surface alone, without inner walls or touching vessels",
        )
    kept = largest(surface)
    area = [
        np.linalg.norm(topology.facet_vectors(s.points, s.triangles), axis=1).sum()
        for s in (surface, kept)
    ]
    lost = 1 - area[1] / area[0] if area[0] > 0 else 0.0
    if lost > SPECKS:
        raise MeshError(
            f"the surface is in pieces; {lost:.0%} of its area does not hang together",
            do="join the pieces, or give one vessel's surface alone",
        )
    if len(kept.triangles) < len(surface.triangles):
        said.append(f"surface: dropped loose specks ({lost:.2%} of the area)")
    return kept


def _oriented(surface: Surface, said: list[str]) -> Surface:
    """All triangles turned the same way. Raises `MeshError` for a one-sided surface.

    Each triangle is two nodes, as it is and turned; neighbours join the nodes that agree. A
    surface that can be oriented falls into two halves.
    """
    count = len(surface.triangles)
    pairs = topology.neighbours(surface.triangles)
    sides = surface.triangles[:, [[0, 1], [1, 2], [2, 0]]]
    agree = np.ones(len(pairs), dtype=bool)
    for a in range(3):
        for b in range(3):
            one, other = sides[pairs[:, 0], a], sides[pairs[:, 1], b]
            agree &= ~(one == other).all(axis=1)
    way = np.where(agree, 0, count)
    rows = np.concatenate([pairs[:, 0], pairs[:, 0] + count])
    columns = np.concatenate([pairs[:, 1] + way, (pairs[:, 1] + count + way) % (2 * count)])
    graph = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(2 * count,) * 2)
    _, half = csgraph.connected_components(graph, directed=False)
    if (half[:count] == half[count:]).any():
        raise MeshError("the surface has one side only: it encloses nothing", do="repair it")
    turned = half[:count] != half[0]
    if not turned.any():
        return surface
    said.append(f"surface: turned {min(int(turned.sum()), int((~turned).sum()))} triangles")
    triangles = np.where(turned[:, None], surface.triangles[:, ::-1], surface.triangles)
    return Surface(surface.points, triangles, surface.tags)


def _flat_ends(surface: Surface, at: dict[str, Array]) -> Array:
    """Which triangles are flat caps that an opening names."""
    flat = np.zeros(len(surface.triangles), dtype=bool)
    for cap in caps.find(surface.points, surface.triangles):
        if any(np.linalg.norm(cap.centre - point) <= cap.radius for point in at.values()):
            flat[cap.rows] = True
    return flat


def _ends_among(
    surface: Surface, rings: list[Array], at: dict[str, Array]
) -> tuple[list[Array], list[Array]]:
    """The rings that are vessel ends, and those that are flaws. Raises for what is neither."""
    middle = [surface.points[ring].mean(axis=0) for ring in rings]
    width = [
        float(np.linalg.norm(surface.points[ring] - centre, axis=1).mean())
        for ring, centre in zip(rings, middle, strict=True)
    ]
    meant = {
        k
        for point in at.values()
        for k, (centre, radius) in enumerate(zip(middle, width, strict=True))
        if np.linalg.norm(centre - point) <= 1.5 * radius
    }
    least = min((width[k] for k in meant), default=0.0)
    for k in set(range(len(rings))) - meant:
        if not meant or width[k] > SMALL_HOLE * least:
            raise MeshError(
                "the surface is open at a place that no opening names",
                where=f"around {np.round(middle[k], 1).tolist()} mm, radius {width[k]:.1f} mm",
                do="add an opening there, or close the hole",
            )
    ends = [rings[k] for k in sorted(meant)]
    return ends, [ring for k, ring in enumerate(rings) if k not in meant]


def _filled(surface: Surface, rings: list[Array]) -> Surface:
    """The surface with each ring closed by triangles to its middle."""
    points, triangles = [surface.points], [surface.triangles]
    for number, ring in enumerate(rings, start=len(surface.points)):
        points.append(surface.points[ring].mean(axis=0)[None])
        after = np.roll(ring, -1)
        triangles.append(np.stack([after, ring, np.full(len(ring), number)], axis=1))
    every = np.concatenate(triangles)
    return Surface(np.concatenate(points), every, np.zeros(len(every), dtype=np.int32))
