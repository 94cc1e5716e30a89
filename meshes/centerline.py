"""Sections of any tagged mesh: centreline planes with branch, arc, tangent, inscribed radius."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from scipy.spatial import cKDTree

from core.errors import MeshError
from meshes import topology
from meshes.ends.vmtk_lines import Line, trace
from meshes.quality import opening_tags
from meshes.surface import Surface, compact
from meshes.tagged import EXTENSION, Sections, TaggedMesh

Array = NDArray[Any]

Plane = tuple[str, float, Array, Array, float]
"""Branch, arc, centre, tangent, inscribed radius [mm]."""

MM = 1e3
ROOTS = ("cava", "ivc", "outlet", "root")
"""Names that say where blood leaves towards the heart, where a source does not say."""

TOGETHER = 0.6
"""Two lines have met where one runs within this part of the other's inscribed radius."""

OFF_THE_ENDS = 2
SMOOTHING = 2.0
"""Standard deviation of the smoothing along a centreline [mm]: VMTK's zigzag is about 0.5 mm."""


def sections(mesh: TaggedMesh, spacing: float = 1e-3) -> Sections:
    """Planes every ``spacing`` [m] along every branch, two kept off each opening.

    A branch has its peripheral opening's name up to where it meets another ("left"); after that
    the names joined ("left+left_internal"), and the root's name ("cava") once all have met.
    Raises `MeshError` where there is no centreline.
    """
    openings = opening_tags(mesh)
    root = _root(mesh, openings)
    names = sorted(name for name in openings if name != root)
    if not names:
        raise MeshError("a centreline needs two openings")
    wall = ~np.isin(mesh.facet_tags, list(openings.values()))
    surface = compact(mesh.points * MM, mesh.facets[wall], mesh.facet_tags[wall])
    centres = {name: _centre(mesh, tag) * MM for name, tag in openings.items()}
    found = trace(surface, centres[root], np.array([centres[name] for name in names]))
    lines = {
        name: _even(_to_the_caps(line, centres[name], centres[root]))
        for name, line in zip(names, found, strict=True)
    }
    tracts = split(lines, root)
    return _planes(tracts, spacing * MM, surface, mesh, root)


def _root(mesh: TaggedMesh, openings: dict[str, int]) -> str:
    named = mesh.record.get("root")
    if named in openings:
        return str(named)
    for name in ROOTS:
        if name in openings:
            return name
    return max(openings, key=lambda name: _area(mesh, openings[name]))


def _vectors(mesh: TaggedMesh, tag: int) -> tuple[Array, Array]:
    facets = mesh.facets[mesh.facet_tags == tag]
    return facets, topology.facet_vectors(mesh.points, facets)


def _area(mesh: TaggedMesh, tag: int) -> float:
    return float(np.linalg.norm(_vectors(mesh, tag)[1], axis=1).sum())


def _centre(mesh: TaggedMesh, tag: int) -> Array:
    facets, vectors = _vectors(mesh, tag)
    weight = np.linalg.norm(vectors, axis=1)
    return np.asarray(weight @ mesh.points[facets].mean(axis=1) / weight.sum())


def _to_the_caps(line: Line, start: Array, end: Array) -> Line:
    """The line with its ends, which VMTK leaves a radius short of the caps."""
    points = np.concatenate([[start], line.points, [end]])
    return Line(points, np.concatenate([line.radius[:1], line.radius, line.radius[-1:]]))


def _even(line: Line, step: float = 0.5) -> Line:
    """The line resampled evenly and smoothed along itself, its ends kept."""
    arc = line.arc
    at = np.linspace(0, arc[-1], max(int(arc[-1] / step), 4))
    points = np.stack([np.interp(at, arc, line.points[:, i]) for i in range(3)], axis=1)
    width = SMOOTHING / (at[1] - at[0])
    # reflecting through the end keeps the end and its direction
    points = _smooth_through_ends(points, width)
    return Line(points, np.interp(at, arc, line.radius))


def _smooth_through_ends(points: Array, width: float) -> Array:
    pad = min(int(3 * width) + 1, len(points) - 1)
    before = 2 * points[0] - points[pad:0:-1]
    after = 2 * points[-1] - points[-2 : -pad - 2 : -1]
    smooth = gaussian_filter1d(np.concatenate([before, points, after]), width, axis=0)
    return smooth[pad : pad + len(points)]


def split(lines: dict[str, Line], root: str) -> dict[str, Line]:
    """The tree's branches: a line for each set of openings whose blood runs together."""
    names = list(lines)
    trees = {name: cKDTree(line.points) for name, line in lines.items()}
    tracts: dict[str, Line] = {}
    for name in names:
        line = lines[name]
        met = np.stack([_with(line, lines[other], trees[other]) for other in names], axis=1)
        met[:, names.index(name)] = True
        for k in _changes(met):
            members = [other for other, is_met in zip(names, met[k[0]], strict=True) if is_met]
            title = _title(members, names, root)
            if members[0] == name and len(k) > 1 and title not in tracts:
                tracts[title] = Line(line.points[k], line.radius[k])
    return tracts


def _with(line: Line, other: Line, tree: "cKDTree") -> Array:
    """From where on ``line`` runs together with ``other``; once met they stay together."""
    distance, nearest = tree.query(line.points)
    near = distance <= TOGETHER * other.radius[nearest]
    apart = np.flatnonzero(~near)
    met = np.zeros(len(near), dtype=bool)
    met[(apart[-1] + 1 if len(apart) else 0) :] = True
    return met


def _changes(met: Array) -> list[Array]:
    """Runs of rows that are equal, as index arrays."""
    change = np.flatnonzero((met[1:] != met[:-1]).any(axis=1)) + 1
    return np.split(np.arange(len(met)), change)


def _title(members: Sequence[str], names: Sequence[str], root: str) -> str:
    if len(members) == 1:
        return members[0]
    return root if len(members) == len(names) else "+".join(members)


def _planes(
    tracts: dict[str, Line], spacing: float, surface: Surface, mesh: TaggedMesh, root: str
) -> Sections:
    rows: list[Plane] = []
    openings = opening_tags(mesh)
    last = root if root in tracts else next(reversed(tracts))
    for branch, line in tracts.items():
        arc = line.arc
        tangent = np.gradient(line.points, axis=0)
        at = np.arange(0.0, arc[-1], spacing)
        at = at[(OFF_THE_ENDS if branch in openings and branch != root else 0) :]
        at = at[: len(at) - OFF_THE_ENDS] if branch == last else at
        for s in at:
            centre, direction = (
                np.array([np.interp(s, arc, values[:, i]) for i in range(3)])
                for values in (line.points, tangent)
            )
            direction /= np.linalg.norm(direction)
            rows.append((branch, s, centre, direction, float(np.interp(s, arc, line.radius))))
    rows = _outside_extensions(rows, surface, mesh)
    if not rows:
        raise MeshError("the centreline is too short for a section")
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    title, arc, centre, tangent, radius = columns
    return Sections(title.astype("S"), arc / MM, centre / MM, tangent, radius / MM)


def _outside_extensions(rows: list[Plane], surface: Surface, mesh: TaggedMesh) -> list[Plane]:
    """The planes that lie in the vessel, not in an added extension; arcs start at the vessel."""
    added = [tag for tag, name in mesh.names.items() if name == EXTENSION]
    if not added or not rows:
        return rows
    centroid = surface.points[surface.triangles].mean(axis=1)
    _, nearest = cKDTree(centroid).query(np.array([row[2] for row in rows]))
    inside = ~np.isin(surface.tags[nearest], added)
    first = {row[0]: row[1] for row in reversed(rows)}
    kept = [row for row, keep in zip(rows, inside, strict=True) if keep]
    start = {row[0]: row[1] for row in reversed(kept)}
    cut = {branch: arc if arc > first[branch] else 0.0 for branch, arc in start.items()}
    return [(row[0], row[1] - cut[row[0]], row[2], row[3], row[4]) for row in kept]
