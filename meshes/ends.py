"""From the openings' points of a case to the cuts and centrelines of a closed surface [mm]."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from core.errors import MeshError
from meshes.openings import End, end_of
from meshes.surface import Surface
from meshes.vmtk_lines import Line, trace

Array = NDArray[Any]

FAR = 10.0
"""An opening farther from the vessel than this [mm] was meant for something else."""


def ends_of(
    surface: Surface, at: dict[str, Array], root: str, trim: float
) -> tuple[list[End], list[Line]]:
    """The cuts at all openings, the root's first, and the centrelines from each to the root."""
    tips = _tips(surface, at)
    others = [name for name in tips if name != root]
    lines = trace(surface, tips[root], np.array([tips[name] for name in others]))
    heart = Line(lines[0].points[::-1], lines[0].radius[::-1])
    starts = {root: heart, **dict(zip(others, lines, strict=True))}
    ends = [end_of(surface, name, line, at[name], trim) for name, line in starts.items()]
    return ends, lines


def _tips(surface: Surface, at: dict[str, Array]) -> dict[str, Array]:
    """The surface point nearest to each opening. Raises `MeshError` where there is none near."""
    tree = cKDTree(surface.points)
    tips = {}
    for name, point in at.items():
        distance, nearest = tree.query(point)
        if distance > FAR:
            raise MeshError(
                f"the opening {name!r} is {distance:.0f} mm away from the vessel",
                where=f"mesh.openings.{name}.at; nearest wall at "
                f"{np.round(surface.points[nearest], 1).tolist()} mm",
                do="coordinates are the image's own (LPS); Slicer's are RAS: x and y change sign",
            )
        tips[name] = surface.points[nearest]
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
