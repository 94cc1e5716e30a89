"""Tetrahedra inside a closed tagged surface, which is kept as it is (gmsh, HXT)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from core.errors import MeshError
from meshes import topology
from meshes.meshing.apart import apart
from meshes.sources import Ball
from meshes.surface import Surface, check_closed

Array = NDArray[Any]


def filled(
    surface: Surface, size: float, balls: Sequence[Ball] = (), limit: float = 900.0
) -> tuple[Array, Array, Array, Array]:
    """Points [mm], cells, facets and facet tags inside ``surface``, refined in ``balls``.

    The surface's points come first, in their order.
    """
    check_closed(surface)
    points, cells = apart(_fill, surface, size, list(balls), limit=limit)
    points, cells = _surface_first(surface.points, points, cells)
    faces = topology.faces(cells)
    border = faces.unique[faces.count == 1]
    kept = topology.match(surface.triangles, border)
    if len(border) != len(surface.triangles) or (kept < 0).any():
        raise MeshError("the volume mesher did not keep the surface", do="use another `size`")
    return points, cells, surface.triangles, surface.tags


def _surface_first(old: Array, points: Array, cells: Array) -> tuple[Array, Array]:
    """The mesh renumbered: the mesher keeps the surface's coordinates, not its numbers."""
    distance, place = cKDTree(points).query(old)
    if distance.max() > 1e-6 or len(np.unique(place)) != len(old):
        raise MeshError("the volume mesher moved the surface", do="use another `size`")
    order = np.concatenate([place, np.setdiff1d(np.arange(len(points)), place)])
    new = np.empty(len(points), dtype=np.int64)
    new[order] = np.arange(len(points))
    return np.concatenate([old, points[order[len(old) :]]]), new[cells]


def _fill(surface: Surface, size: float, balls: list[Ball]) -> tuple[Array, Array]:
    import gmsh

    from meshes.meshing import mesher

    tags = [int(tag) for tag in np.unique(surface.tags)]
    with mesher.session():
        for tag in tags:
            gmsh.model.addDiscreteEntity(2, tag)
        numbers = np.arange(1, len(surface.points) + 1)
        gmsh.model.mesh.addNodes(2, tags[0], numbers, surface.points.ravel())
        for tag in tags:
            corners = surface.triangles[surface.tags == tag] + 1
            gmsh.model.mesh.addElementsByType(tag, 2, [], corners.ravel())
        volume = gmsh.model.geo.addVolume([gmsh.model.geo.addSurfaceLoop(tags)])
        gmsh.model.geo.synchronize()
        if balls:
            fields = mesher.add_balls(size, balls)
            least = gmsh.model.mesh.field.add("Min")
            gmsh.model.mesh.field.setNumbers(least, "FieldsList", fields)
            gmsh.model.mesh.field.setAsBackgroundMesh(least)
        gmsh.option.setNumber("Mesh.MeshSizeMax", size)
        mesher.generate()
        points, cells, *_ = mesher.collect({volume: 0}, {tags[0]: 0})
    return points, cells
