"""The vessel mesh that solvers work on: a distributed dolfinx mesh in metres with named
boundaries.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mpi4py import MPI

import basix.ufl
import numpy as np
import ufl
from dolfinx import cpp, fem, graph, io, mesh
from numpy.typing import NDArray

from core.errors import CaseError
from meshes import tagged
from meshes.tagged import EXTENSION, WALL, Sections, TaggedMesh

Array = NDArray[Any]


@dataclass(frozen=True)
class Patch:
    """One named boundary: its tag, area [m²], centre [m] and mean outward normal."""

    name: str
    tag: int
    area: float
    centre: Array
    normal: Array


@dataclass(frozen=True)
class VesselMesh:
    """A distributed mesh in metres, cell and facet tags, and the name of every boundary.

    ``facet_numbers`` gives each boundary facet its row in `mesh.h5`; ``sections`` and ``quality``
    are the same on all ranks.
    """

    mesh: mesh.Mesh
    cell_tags: mesh.MeshTags
    facet_tags: mesh.MeshTags
    facet_numbers: mesh.MeshTags
    names: Mapping[int, str]
    sections: Sections
    quality: Mapping[str, float]

    @property
    def comm(self) -> MPI.Comm:
        """The communicator the mesh is spread over."""
        return self.mesh.comm

    @cached_property
    def ds(self) -> ufl.Measure:
        """∫ over boundary facets, by tag."""
        return ufl.Measure("ds", domain=self.mesh, subdomain_data=self.facet_tags)

    @cached_property
    def walls(self) -> tuple[int, ...]:
        """Tags of the no-slip boundary: the wall and the walls of flow extensions."""
        return tuple(tag for tag, name in self.names.items() if name in (WALL, EXTENSION))

    @cached_property
    def openings(self) -> Mapping[str, Patch]:
        """The patches blood may cross, by name, in order of name. Collective at first use."""
        tags = {name: tag for tag, name in self.names.items() if tag not in self.walls}
        return {name: self._patch(name, tags[name]) for name in sorted(tags)}

    def facets(self, *tags: int) -> Array:
        """Local facets that carry one of ``tags``, ascending."""
        return np.unique(
            np.concatenate([self.facet_tags.find(tag) for tag in tags] or [[]])
        ).astype(np.int32)

    def integrate(self, form: ufl.Form) -> float:
        """∫ of a scalar form over all ranks. Collective."""
        return float(self.comm.allreduce(fem.assemble_scalar(fem.form(form)), MPI.SUM))

    def _patch(self, name: str, tag: int) -> Patch:
        """Area, centre and normal of the patch ``tag``. Collective."""
        x, n = ufl.SpatialCoordinate(self.mesh), ufl.FacetNormal(self.mesh)
        one = fem.Constant(self.mesh, np.float64(1.0))
        area = self.integrate(one * self.ds(tag))
        axes = range(self.mesh.geometry.dim)
        centre = np.array([self.integrate(x[i] * self.ds(tag)) for i in axes]) / area
        normal = np.array([self.integrate(n[i] * self.ds(tag)) for i in axes])
        return Patch(name, tag, area, centre, normal / np.linalg.norm(normal))


def distribute(comm: MPI.Comm, whole: TaggedMesh | None) -> VesselMesh:
    """Spread a mesh that rank 0 holds (None elsewhere) over ``comm``. Collective."""
    head = None
    if comm.rank == 0:
        assert whole is not None
        head = (
            dict(whole.names),
            whole.sections,
            dict(whole.quality),
            whole.points.shape[1],
            whole.cells.shape[1],
        )
    names, sections, quality, gdim, corners = comm.bcast(head)
    if comm.rank != 0:
        none = np.zeros(0, dtype=np.int64)
        whole = TaggedMesh(
            np.zeros((0, gdim)),
            none.reshape(0, corners),
            none,
            none.reshape(0, corners - 1),
            none,
            names,
        )
    assert whole is not None
    cell = {3: "triangle", 4: "tetrahedron"}[corners]
    element = basix.ufl.element("Lagrange", cell, 1, shape=(gdim,))
    partitioner = cpp.mesh.create_cell_partitioner(graph.partitioner(), mesh.GhostMode.none)
    spread = mesh.create_mesh(
        comm,
        whole.cells.astype(np.int64),
        np.ascontiguousarray(whole.points, dtype=np.float64),
        ufl.Mesh(element),
        partitioner,
    )
    spread.name = "vessel"
    cells = _tags(spread, spread.topology.dim, whole.cells, whole.cell_tags)
    facets = _tags(spread, spread.topology.dim - 1, whole.facets, whole.facet_tags)
    numbers = _tags(spread, spread.topology.dim - 1, whole.facets, np.arange(len(whole.facets)))
    return VesselMesh(spread, cells, facets, numbers, names, sections, quality)


def load(comm: MPI.Comm, path: Path) -> VesselMesh:
    """Read `mesh.h5` and spread it over ``comm``. Collective; fails on all ranks if it fails
    on one.
    """
    whole, problem = None, None
    if comm.rank == 0:
        try:
            whole = tagged.load(path)
        except CaseError as error:
            problem = error
    problem = comm.bcast(problem)
    if problem is not None:
        raise problem
    return distribute(comm, whole)


def _tags(spread: mesh.Mesh, dim: int, entities: Array, values: Array) -> mesh.MeshTags:
    """Mesh tags from entities given by input point numbers on any rank. Collective."""
    for d in range(dim + 1):
        spread.topology.create_connectivity(dim, d)
    spread.topology.create_connectivity(dim, spread.topology.dim)
    local, local_values = io.distribute_entity_data(
        spread, dim, entities.astype(np.int64), values.astype(np.int32)
    )
    return mesh.meshtags_from_entities(spread, dim, graph.adjacencylist(local), local_values)


__all__ = ["Patch", "VesselMesh", "distribute", "load"]
