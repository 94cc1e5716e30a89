"""From a vessel tree's closed surface, its cuts and centrelines to the arrays of a tagged mesh."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meshes.fill import filled
from meshes.openings import End, capped, cut_all
from meshes.remesh import remeshed, sizes
from meshes.sources import Zone
from meshes.surface import Surface
from meshes.tagged import LUMEN_CELLS
from meshes.vmtk_lines import Line

Array = NDArray[Any]
MM = 1e3


def mesh_tree(
    surface: Surface,
    ends: list[End],
    lines: list[Line],
    *,
    size: float,
    across: int,
    refine: Sequence[Zone],
    extend: float,
) -> dict[str, Any]:
    """Points [m], cells, tags and names; ``surface``, ``ends`` and ``lines`` are in mm."""
    balls = [(np.array(z.at) * MM, z.radius * MM, z.size * MM) for z in refine]
    closed, names, normals = capped(cut_all(surface, ends), ends, extend)
    wanted, radius = sizes(closed.points, lines, size * MM, across, balls)
    skin = remeshed(closed, wanted, radius)
    skin = _flat_caps(skin, names, normals)
    points, cells, facets, tags = filled(skin, size * MM, balls)
    return {
        "points": points / MM,
        "cells": cells,
        "cell_tags": np.full(len(cells), LUMEN_CELLS, dtype=np.int32),
        "facets": facets,
        "facet_tags": tags.astype(np.int32),
        "names": dict(names),
    }


def _flat_caps(skin: Surface, names: Any, normals: Any) -> Surface:
    """The surface with every cap's points put exactly into its plane."""
    points = skin.points.copy()
    for tag, name in names.items():
        if name in normals:
            on = np.unique(skin.triangles[skin.tags == tag])
            centre = points[on].mean(axis=0)
            points[on] -= np.outer((points[on] - centre) @ normals[name], normals[name])
    return Surface(points, skin.triangles, skin.tags)
