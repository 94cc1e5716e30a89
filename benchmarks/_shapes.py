"""Meshes of benchmark flows, and what all of them share."""

from collections.abc import Callable
from typing import Any

from mpi4py import MPI

import basix.ufl
import numpy as np
from dolfinx import fem, geometry, mesh
from numpy.typing import NDArray

from meshes.meshing.apart import apart
from solvers.elements.cells import Space

Array = NDArray[Any]
HEIGHT, RADIUS = 0.41, 0.05
"""Height of the channel and radius of the cylinder of Schäfer & Turek 1996 [m]."""
LENGTH = {2: 2.2, 3: 2.5}
CENTRE = {2: (0.2, 0.2), 3: (0.5, 0.2)}


def simplices(points: Array, cells: Array) -> mesh.Mesh:
    """A mesh of triangles or tetrahedra on this process alone."""
    kind = {3: "triangle", 4: "tetrahedron"}[cells.shape[1]]
    element = basix.ufl.element("Lagrange", kind, 1, shape=(points.shape[1],))
    domain = mesh.create_mesh(MPI.COMM_SELF, cells, points, element)
    domain.topology.create_connectivity(domain.topology.dim - 1, domain.topology.dim)
    return domain


def rectangle(corner: Array, opposite: Array, counts: tuple[int, int]) -> mesh.Mesh:
    """Crossed triangles between two corners."""
    crossed = mesh.DiagonalType.crossed
    domain = mesh.create_rectangle(
        MPI.COMM_SELF, [corner, opposite], list(counts), diagonal=crossed
    )
    domain.topology.create_connectivity(1, 2)
    return domain


def cylinder_in_channel(dim: int, near: float, far: float) -> mesh.Mesh:
    """The channel of Schäfer & Turek with edges ``near`` the cylinder and ``far`` from it [m].

    The polygon in place of the cylinder has the circle's area.
    """
    points, cells = apart(_cylinder_in_channel, dim, near, far)
    across = points[:, :2] - CENTRE[dim]
    edges = points[cells[:, 1:]] - points[cells[:, :1]]
    lumen = np.abs(np.linalg.det(edges)).sum() / {2: 2.0, 3: 6.0}[dim]
    depth = HEIGHT ** (dim - 2)
    body = (LENGTH[dim] * HEIGHT * depth - lumen) / depth
    on = np.isclose(np.hypot(*across.T), RADIUS)
    points[on, :2] = CENTRE[dim] + across[on] * np.sqrt(np.pi * RADIUS**2 / body)
    return simplices(points, cells)


def on_cylinder(dim: int) -> Callable[[Array], Array]:
    """Whether points (3, n) of the boundary lie on the cylinder: all others are far from it."""
    x, y = CENTRE[dim]
    return lambda p: np.hypot(p[0] - x, p[1] - y) < 1.5 * RADIUS


def _cylinder_in_channel(dim: int, near: float, far: float) -> tuple[Array, Array]:
    import gmsh

    gmsh.initialize(interruptible=False)
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        occ, (x, y) = gmsh.model.occ, CENTRE[dim]
        if dim == 2:
            channel = occ.addRectangle(0, 0, 0, LENGTH[2], HEIGHT)
            body = occ.addDisk(x, y, 0, RADIUS, RADIUS)
        else:
            channel = occ.addBox(0, 0, 0, LENGTH[3], HEIGHT, HEIGHT)
            body = occ.addCylinder(x, y, 0, 0, 0, HEIGHT, RADIUS)
        occ.cut([(dim, channel)], [(dim, body)])
        occ.synchronize()
        sizes = gmsh.model.mesh.field
        axis = f"Sqrt((x-{x})^2+(y-{y})^2)-{RADIUS}"
        # twice as far downstream, in the wake
        behind = f"({axis})/(1+Step(x-{x}))"
        sizes.setString(sizes.add("MathEval", 1), "F", f"{near}+({far}-{near})*Min(1,4*{behind})")
        sizes.setAsBackgroundMesh(1)
        for source in ("ExtendFromBoundary", "FromPoints", "FromCurvature"):
            gmsh.option.setNumber(f"Mesh.MeshSize{source}", 0)
        gmsh.model.mesh.generate(dim)
        tags, points, _ = gmsh.model.mesh.getNodes()
        _, corners = gmsh.model.mesh.getElementsByType({2: 2, 3: 4}[dim])
        place = np.zeros(int(tags.max()) + 1, dtype=np.int64)
        place[tags.astype(np.int64)] = np.arange(len(tags))
        used, cells = np.unique(place[corners.astype(np.int64)], return_inverse=True)
        return points.reshape(-1, 3)[used, :dim].copy(), cells.reshape(-1, dim + 1)
    finally:
        gmsh.finalize()


def sample(space: Space, values: Array, points: Array) -> Array:
    """Nodal ``values`` (dofs, …) of ``space`` at points (n, d): (n, …).

    Points between a curved wall and its flat facets have what the nearest cell says there.
    """
    domain, places = space.geometry.mesh, np.zeros((len(points), 3))
    places[:, : points.shape[1]] = points
    tree = geometry.bb_tree(domain, domain.topology.dim, padding=1e-10)
    near = geometry.compute_collisions_points(tree, places)
    found = geometry.compute_colliding_cells(domain, near, places)
    cells = np.array([(*found.links(i), -1)[0] for i in range(len(places))], dtype=np.int32)
    if (out := np.flatnonzero(cells < 0)).size:
        every = np.arange(space.geometry.count, dtype=np.int32)
        middles = geometry.create_midpoint_tree(domain, domain.topology.dim, every)
        cells[out] = geometry.compute_closest_entity(tree, middles, domain, places[out])
    columns = []
    for column in values.reshape(space.local, -1).T:
        field = fem.Function(space.space)
        field.x.array[:] = column
        columns.append(field.eval(places, cells).ravel())
    return np.column_stack(columns).reshape(len(points), *values.shape[1:])
