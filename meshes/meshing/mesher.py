"""gmsh, wrapped: a quiet session, sizes by zone, and the tagged mesh it made. Runs by `apart`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import gmsh
import numpy as np
from numpy.typing import NDArray

from meshes.sources import GROWTH, Ball

HXT = 10
INNER = 0.8
"""HXT's inner edges come out a quarter longer than asked for; measured on tubes and veins."""

Array = NDArray[Any]


@contextmanager
def session() -> Iterator[None]:
    """A gmsh session that prints errors only and uses one thread."""
    gmsh.initialize(["", "-v", "1", "-nt", "1"], readConfigFiles=False, interruptible=False)
    try:
        gmsh.option.setNumber("Mesh.Algorithm3D", HXT)
        yield
    finally:
        gmsh.finalize()


def add_balls(size: float, balls: Sequence[Ball]) -> list[int]:
    """Fields of edge length: each ball's own inside, growing smoothly to ``size`` outside."""
    tags = []
    for centre, radius, fine in balls:
        field = gmsh.model.mesh.field.add("Ball")
        for key, value in zip(("XCenter", "YCenter", "ZCenter"), centre, strict=True):
            gmsh.model.mesh.field.setNumber(field, key, float(value))
        gmsh.model.mesh.field.setNumber(field, "Radius", radius)
        gmsh.model.mesh.field.setNumber(field, "VIn", min(INNER * fine, size))
        gmsh.model.mesh.field.setNumber(field, "VOut", size)
        gmsh.model.mesh.field.setNumber(field, "Thickness", max(size - fine, 0.0) / GROWTH)
        tags.append(field)
    return tags


def set_size(size: float, balls: Sequence[Ball] = ()) -> None:
    """Edge length ``size`` everywhere but in and near ``balls``, whatever the geometry says."""
    for option in ("MeshSizeExtendFromBoundary", "MeshSizeFromPoints", "MeshSizeFromCurvature"):
        gmsh.option.setNumber(f"Mesh.{option}", 0)
    gmsh.option.setNumber("Mesh.MeshSizeMax", size)
    if balls:
        least = gmsh.model.mesh.field.add("Min")
        gmsh.model.mesh.field.setNumbers(least, "FieldsList", add_balls(size, balls))
        gmsh.model.mesh.field.setAsBackgroundMesh(least)


def generate() -> None:
    """Fill the volume and improve it where cells are poor."""
    gmsh.model.mesh.generate(3)
    gmsh.model.mesh.optimize("", True, 3)


def collect(volumes: dict[int, int], surfaces: dict[int, int]) -> tuple[Array, ...]:
    """Points, cells, cell tags, facets, facet tags of entities (keys), tagged by the values."""
    numbers, xyz, _ = gmsh.model.mesh.getNodes()
    cells, cell_tags = _elements(volumes, 3, 4)
    facets, facet_tags = _elements(surfaces, 2, 3)
    used, flat = np.unique(cells, return_inverse=True)
    place = np.zeros(int(numbers.max()) + 1, dtype=np.int64)
    place[numbers.astype(np.int64)] = np.arange(len(numbers))
    points = np.asarray(xyz).reshape(-1, 3)[place[used]]
    new = np.full(int(numbers.max()) + 1, -1, dtype=np.int64)
    new[used] = np.arange(len(used))
    return points, flat.reshape(cells.shape), cell_tags, new[facets], facet_tags


def _elements(entities: dict[int, int], dim: int, corners: int) -> tuple[Array, Array]:
    blocks, tags = [], []
    kind = gmsh.model.mesh.getElementType("tetrahedron" if dim == 3 else "triangle", 1)
    for entity, tag in entities.items():
        _, nodes = gmsh.model.mesh.getElementsByType(kind, entity)
        block = np.asarray(nodes, dtype=np.int64).reshape(-1, corners)
        blocks.append(block)
        tags.append(np.full(len(block), tag, dtype=np.int32))
    return np.concatenate(blocks), np.concatenate(tags)
