"""From a vessel tree's closed surface, its cuts and centrelines to the arrays of a tagged mesh."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import MeshError
from meshes import topology
from meshes.ends.openings import End, capped
from meshes.ends.vmtk_lines import Line
from meshes.meshing.fill import filled
from meshes.meshing.layers import layered
from meshes.meshing.remesh import remeshed, sizes
from meshes.sources import Ball, Zone
from meshes.surface import Surface
from meshes.tagged import LUMEN_CELLS

Array = NDArray[Any]
MM = 1e3

MOST_TRIANGLES = 3e6
"""A wall of more stands for some 60 million cells."""

FEWEST_TRIANGLES = 60
"""A wall of fewer is no vessel."""


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
    """Points [m], cells, tags and names; the cut ``surface``, ``ends``, ``lines`` are in mm."""
    closed, names, normals = capped(surface, ends, extend)
    wanted, radius = sizes(closed.points, lines, fine.size * MM, fine.across, fine.balls)
    _affordable(closed, wanted)
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


def _affordable(surface: Surface, wanted: Array) -> None:
    """Raises `MeshError` for a mesh that no one can have meant, before hours are spent on it."""
    vectors = topology.facet_vectors(surface.points, surface.triangles)
    area = np.linalg.norm(vectors, axis=1)
    # an equilateral triangle of edge h has √3/4 h² of area
    number = float((area / (0.433 * wanted[surface.triangles].mean(axis=1) ** 2)).sum())
    if number > MOST_TRIANGLES or number < FEWEST_TRIANGLES:
        size = np.ptp(surface.points, axis=0)
        raise MeshError(
            f"the wall would have about {number:,.0f} triangles",
            where=f"a vessel of {' × '.join(f'{x:.4g}' for x in size)} mm, mesh.size",
            do="check `unit` and `size`",
        )


def _flat_caps(skin: Surface, names: Any, normals: Any) -> Surface:
    """The surface with every cap's points put exactly into its plane."""
    points = skin.points.copy()
    for tag, name in names.items():
        if name in normals:
            on = np.unique(skin.triangles[skin.tags == tag])
            centre = points[on].mean(axis=0)
            points[on] -= np.outer((points[on] - centre) @ normals[name], normals[name])
    return Surface(points, skin.triangles, skin.tags)
