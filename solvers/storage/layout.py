"""Which row of the file each local cell, point and wall facet is: the bridge to `mesh.h5`'s
order.
"""

from functools import cached_property
from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from meshes.tagged import WALL
from meshes.vessel import VesselMesh
from solvers.elements.cells import Geometry, Space
from solvers.elements.facets import Facets
from solvers.storage.blocks import Blocks

Array = NDArray[Any]


class Layout:
    """File rows of one distributed vessel: ``points`` and ``cells`` exchanges, and the wall's
    facets.
    """

    def __init__(self, vessel: VesselMesh, geometry: Geometry, points: Space) -> None:
        self.vessel, self.geometry, self.space = vessel, geometry, points
        mesh, comm = vessel.mesh, vessel.comm
        # cells are not shared, so every local point belongs to a local cell
        vertex_of_dof = np.zeros(points.local, dtype=np.int64)
        vertex_of_dof[points.dofs.ravel()] = mesh.geometry.dofmap[: geometry.count].ravel()
        self.point_rows = mesh.geometry.input_global_indices[vertex_of_dof]
        self.cell_rows = mesh.topology.original_cell_index[: geometry.count]
        total = mesh.topology.index_map(geometry.dim).size_global
        self.points = Blocks(comm, self.point_rows[: points.owned], points.map.size_global)
        self.cells = Blocks(comm, self.cell_rows, total)

    @cached_property
    def wall(self) -> Facets:
        """The wall facets of this rank (wall and flow extensions)."""
        return Facets(self.geometry, self.vessel.facets(*self.vessel.walls))

    @cached_property
    def wall_rows(self) -> Array:
        """Row of each local wall facet among all wall facets. Collective at first use."""
        numbers = self.vessel.facet_numbers
        mine = numbers.values[np.searchsorted(numbers.indices, self.wall.numbers)].astype(np.int64)
        everyone = np.sort(np.concatenate(self.vessel.comm.allgather(mine)))
        return np.searchsorted(everyone, mine)

    @cached_property
    def walls(self) -> Blocks:
        """Exchange for values on wall facets. Collective at first use."""
        total = self.vessel.comm.allreduce(len(self.wall_rows), MPI.SUM)
        return Blocks(self.vessel.comm, self.wall_rows, total)

    @cached_property
    def wall_region(self) -> Array:
        """1 on the wall, 2 on flow extensions (local facets)."""
        tags = self.vessel.facet_tags
        mine = tags.values[np.searchsorted(tags.indices, self.wall.numbers)]
        plain = [tag for tag, name in self.vessel.names.items() if name == WALL]
        return np.where(np.isin(mine, plain), 1, 2).astype(np.int64)

    def facet_places(self, facets: Facets) -> Array:
        """Which corners of its cell each local facet has (f, d)."""
        d = self.geometry.dim
        keep = np.array([[i for i in range(d + 1) if i != p] for p in range(d + 1)])
        return np.asarray(keep[facets.place])

    def facet_points(self, facets: Facets) -> Array:
        """File rows of the corners of local facets (f, d)."""
        dofs = np.take_along_axis(self.space.dofs[facets.cells], self.facet_places(facets), axis=1)
        return np.asarray(self.point_rows[dofs])
