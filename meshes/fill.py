"""Tetrahedra inside a closed tagged surface, which is kept as it is (gmsh, HXT)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import MeshError
from meshes import topology
from meshes.apart import apart
from meshes.mesher import Ball
from meshes.surface import Surface, check_closed

Array = NDArray[Any]


def filled(
    surface: Surface, size: float, balls: Sequence[Ball] = (), limit: float = 900.0
) -> tuple[Array, Array, Array, Array]:
    """Points [mm], cells, facets and facet tags inside ``surface``, refined in ``balls``."""
    check_closed(surface)
    points, cells = apart(_fill, surface, size, list(balls), limit=limit)
    new = _numbers_of(surface.points, points)
    facets = new[surface.triangles]
    faces = topology.faces(cells)
    border = faces.unique[faces.count == 1]
    if len(border) != len(facets) or (topology.match(facets, border) < 0).any():
        raise MeshError("the volume mesher did not keep the surface", do="use another `size`")
    return points, cells, facets, surface.tags


def _numbers_of(old: Array, new: Array) -> Array:
    """Where each old point is among the new ones: the mesher keeps coordinates, not numbers."""
    from scipy.spatial import cKDTree

    distance, place = cKDTree(new).query(old)
    if distance.max() > 1e-6:
        raise MeshError("the volume mesher moved the surface", do="use another `size`")
    return np.asarray(place)


def _fill(surface: Surface, size: float, balls: list[Ball]) -> tuple[Array, Array]:
    import gmsh

    from meshes import mesher

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
