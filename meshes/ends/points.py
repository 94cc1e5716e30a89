"""From the openings' points of a case to the cuts and centrelines of a closed surface [mm]."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from core.errors import MeshError
from meshes.ends.openings import End, end_of
from meshes.ends.vmtk_lines import Line, trace
from meshes.surface import Surface, boundary_rings

Array = NDArray[Any]

EVEN = 0.05
"""An end that is flat to this part of its radius can be kept."""

FAR = 10.0
"""An opening farther from the vessel than this [mm] was meant for something else."""


def ends_of(
    surface: Surface,
    at: dict[str, Array],
    root: str,
    trim: float,
    holed: Surface | None = None,
    holes: Array | None = None,
) -> tuple[list[End], list[Line]]:
    """The cuts at all openings, the root's first, and the centrelines from each to the root.

    ``surface`` is closed. Where it came with open ends, ``holed`` still has them and ``holes``
    are their middles: lines are better traced there, as flat lids mislead VMTK.
    """
    opened = holed is not None and holes is not None and len(holes) == len(at)
    tips = _tips(holes if opened and holes is not None else surface.points, at)
    others = [name for name in tips if name != root]
    traced = holed if opened and holed is not None else surface
    lines = trace(traced, tips[root], np.array([tips[name] for name in others]))
    heart = Line(lines[0].points[::-1], lines[0].radius[::-1])
    starts = {root: heart, **dict(zip(others, lines, strict=True))}
    if trim == 0:
        return [_rough(name, line) for name, line in starts.items()], lines
    ends = [end_of(surface, name, line, at[name], trim) for name, line in starts.items()]
    return ends, lines


def _rough(name: str, line: Line) -> End:
    """About where a vessel ends and which way it goes, where its own end is kept."""
    outward = line.points[0] - line.points[min(len(line.points) - 1, 4)]
    outward /= np.linalg.norm(outward)
    return End(name, line.points[0], outward, float(line.radius[0]), line.points[0])


def kept_ends(holed: Surface, ends: list[End]) -> list[End]:
    """The surface's own open ends, flat as they are. Raises `MeshError` for one that is not."""
    rings = boundary_rings(holed.triangles)
    if len(rings) != len(ends):
        raise MeshError(
            f"the surface has {len(rings)} open or flat ends for {len(ends)} openings",
            where="mesh.openings",
            do="set trim = 0.5 to have every end cut",
        )
    places = [holed.points[ring] for ring in rings]
    found = []
    for end in ends:
        ring = min(places, key=lambda p: float(np.linalg.norm(p.mean(axis=0) - end.point)))
        centre = ring.mean(axis=0)
        normal = np.linalg.svd(ring - centre, full_matrices=False)[2][-1]
        normal = normal if normal @ end.outward > 0 else -normal
        radius = float(np.linalg.norm(ring - centre, axis=1).mean())
        uneven = float(np.abs((ring - centre) @ normal).max())
        if uneven > EVEN * radius:
            raise MeshError(
                f"the end at opening {end.name!r} is not flat: {uneven:.2f} mm off",
                where=f"mesh.openings.{end.name}",
                do="set trim = 0.5 to have it cut",
            )
        found.append(End(end.name, centre, normal, radius, centre))
    return found


def _tips(candidates: Array, at: dict[str, Array]) -> dict[str, Array]:
    """The one of ``candidates`` nearest to each opening. Raises `MeshError` where none is near."""
    tree = cKDTree(candidates)
    tips = {}
    for name, point in at.items():
        distance, nearest = tree.query(point)
        if distance > FAR:
            raise MeshError(
                f"the opening {name!r} is {distance:.0f} mm away from the vessel",
                where=f"mesh.openings.{name}.at; nearest wall at "
                f"{np.round(candidates[nearest], 1).tolist()} mm",
                do="coordinates are the image's own (LPS); Slicer's are RAS: x and y change sign",
            )
        tips[name] = candidates[nearest]
    names = list(tips)
    for i, one in enumerate(names):
        for other in names[:i]:
            if np.linalg.norm(tips[one] - tips[other]) < 1.0:
                raise MeshError(
                    f"openings {other!r} and {one!r} are the same end of the vessel",
                    where="mesh.openings",
                    do="give each opening its own vessel's end",
                )
    return tips
