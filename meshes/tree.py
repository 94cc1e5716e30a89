"""From a vessel tree's closed surface, its cuts and centrelines to the arrays of a tagged mesh."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meshes.fill import filled
from meshes.layers import layered
from meshes.openings import End, capped, cut_all
from meshes.remesh import remeshed, sizes
from meshes.sources import Ball, Zone
from meshes.surface import Surface
from meshes.tagged import LUMEN_CELLS
from meshes.vmtk_lines import Line

Array = NDArray[Any]
MM = 1e3


@dataclass(frozen=True)
class Fineness:
    """How fine a tree is meshed: lengths in metres, as the case gives them."""

    size: float
    across: int
    refine: Sequence[Zone] = ()
    layers: int = 0
    layer_thickness: float = 0.15

    @property
    def balls(self) -> list[Ball]:
        """The refined zones in millimetres."""
        return [(np.array(z.at) * MM, z.radius * MM, z.size * MM) for z in self.refine]


def mesh_tree(
    surface: Surface, ends: list[End], lines: list[Line], fine: Fineness, extend: float = 0.0
) -> dict[str, Any]:
    """Points [m], cells, tags and names; ``surface``, ``ends`` and ``lines`` are in mm."""
    closed, names, normals = capped(cut_all(surface, ends), ends, extend)
    wanted, radius = sizes(closed.points, lines, fine.size * MM, fine.across, fine.balls)
    skin = _flat_caps(remeshed(closed, wanted, radius), names, normals)
    if fine.layers:
        radius = sizes(skin.points, lines, fine.size * MM, fine.across, ())[1]
        parts = layered(
            skin, fine.layer_thickness * radius, fine.layers, fine.size * MM, fine.balls
        )
    else:
        parts = filled(skin, fine.size * MM, fine.balls)
    points, cells, facets, tags = parts
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
