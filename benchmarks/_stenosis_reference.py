"""Makes `stenosis.json`, the reference of the case `_stenosis`; run it as a module.

Axisymmetric P3/P2 elements on a structured grid, BDF2, Newton, direct solves: nothing in common
with the solvers that are compared with it.
"""

import json
import sys
from math import pi
from pathlib import Path
from typing import Any

from mpi4py import MPI
from petsc4py import PETSc

import basix.ufl
import numpy as np
import ufl
from dolfinx import fem, geometry, mesh
from dolfinx.fem import petsc

from benchmarks._stenosis import (
    DENSITY,
    DOWNSTREAM,
    DT,
    END,
    RADIUS,
    SECTIONS,
    SHARES,
    UPSTREAM,
    VISCOSITY,
    inflow,
    narrowing,
)

KINEMATIC = VISCOSITY / DENSITY
OUT = Path(__file__).with_name("stenosis.json")
WALL = np.linspace(-0.02, 0.06, 161)
"""Where the wall shear stress is given [m]."""


def grid(along: int, across: int) -> mesh.Mesh:
    """Triangles of the half section (x, r), finer at the wall."""
    box = [[-UPSTREAM, 0.0], [DOWNSTREAM, 1.0]]
    domain = mesh.create_rectangle(MPI.COMM_SELF, box, [along, across])
    x = domain.geometry.x
    x[:, 1] = (1.0 - (1.0 - x[:, 1]) ** 1.25) * RADIUS * narrowing(x[:, 0])
    return domain


def solve(along: int, across: int) -> dict[str, Any]:
    """The flow at the end of the case."""
    domain = grid(along, across)
    cell = domain.basix_cell()
    pair = [
        basix.ufl.element("Lagrange", cell, 3, shape=(2,)),
        basix.ufl.element("Lagrange", cell, 2),
    ]
    W = fem.functionspace(domain, basix.ufl.mixed_element(pair))
    w, w1, w2 = fem.Function(W), fem.Function(W), fem.Function(W)
    (u, p), (u1, _), (u2, _) = ufl.split(w), ufl.split(w1), ufl.split(w2)
    v, q = ufl.TestFunctions(W)
    r = ufl.SpatialCoordinate(domain)[1]
    c = [fem.Constant(domain, x) for x in (1.0, -1.0, 0.0)]
    dx = ufl.dx(metadata={"quadrature_degree": 9})
    rate = (c[0] * u + c[1] * u1 + c[2] * u2) / DT + ufl.grad(u) * u
    form = (ufl.inner(rate, v) + KINEMATIC * ufl.inner(ufl.grad(u), ufl.grad(v))) * r * dx
    form += KINEMATIC * u[1] * v[1] / r * dx
    form += (q * (ufl.div(u) * r + u[1]) - p * (ufl.div(v) * r + v[1])) * dx
    entry, conditions = boundary(domain, W)
    residual, jacobian = fem.form(form), fem.form(ufl.derivative(form, w))
    A, b = petsc.create_matrix(jacobian), petsc.create_vector(residual)
    ksp = PETSc.KSP().create(MPI.COMM_SELF)
    ksp.setType("preonly")
    ksp.getPC().setType("lu")
    ksp.getPC().setFactorSolverType("mumps")
    ksp.setOperators(A)
    change = w.x.petsc_vec.duplicate()
    for step in range(1, round(END / DT) + 1):
        if step == 2:
            for constant, value in zip(c, (1.5, -2.0, 0.5), strict=True):
                constant.value = value
        mean = inflow(step * DT) / (pi * RADIUS**2)
        entry.interpolate(lambda x: parabola(x, mean))  # noqa: B023, called at once
        if step > 2:
            w.x.array[:] = 2.0 * w1.x.array - w2.x.array
        for iteration in range(8):
            with b.localForm() as local:
                local.set(0.0)
            petsc.assemble_vector(b, residual)
            petsc.apply_lifting(b, [jacobian], [conditions], x0=[w.x.petsc_vec], alpha=-1.0)
            petsc.set_bc(b, conditions, w.x.petsc_vec, -1.0)
            if iteration == 0:
                A.zeroEntries()
                petsc.assemble_matrix(A, jacobian, bcs=conditions)
                A.assemble()
            ksp.solve(b, change)
            w.x.petsc_vec.axpy(-1.0, change)
            if change.norm(PETSc.NormType.INFINITY) < 1e-9:
                break
        w2.x.array[:], w1.x.array[:] = w1.x.array, w.x.array
    return sample(domain, w)


def parabola(x: Any, mean: float) -> Any:
    """Velocity (2, n) of a developed profile."""
    return np.array([2.0 * mean * (1.0 - (x[1] / RADIUS) ** 2), 0.0 * x[0]])


def boundary(domain: mesh.Mesh, W: Any) -> tuple[Any, list[Any]]:
    """The velocity at the entry, and the conditions there, on the wall and on the axis."""
    domain.topology.create_connectivity(1, 2)
    edges = mesh.exterior_facet_indices(domain.topology)
    middle = mesh.compute_midpoints(domain, 1, edges)
    inside = (middle[:, 0] > -UPSTREAM + 1e-9) & (middle[:, 0] < DOWNSTREAM - 1e-9)
    V, _ = W.sub(0).collapse()
    V1, _ = W.sub(0).sub(1).collapse()
    entry, zero, still = fem.Function(V), fem.Function(V), fem.Function(V1)
    first = edges[middle[:, 0] <= -UPSTREAM + 1e-9]
    wall = edges[inside & (middle[:, 1] > 1e-6)]
    axis = edges[inside & (middle[:, 1] <= 1e-6)]
    at = fem.locate_dofs_topological
    return entry, [
        fem.dirichletbc(entry, at((W.sub(0), V), 1, first), W.sub(0)),
        fem.dirichletbc(zero, at((W.sub(0), V), 1, wall), W.sub(0)),
        fem.dirichletbc(still, at((W.sub(0).sub(1), V1), 1, axis), W.sub(0).sub(1)),
    ]


def sample(domain: mesh.Mesh, w: Any) -> dict[str, Any]:
    """Axial velocity at the compared points, pressure on the axis, wall shear stress."""
    u, p = w.sub(0).collapse(), w.sub(1).collapse()
    points = np.array(
        [
            [x, max(1e-9, s * RADIUS * float(narrowing(np.asarray(x)))), 0.0]
            for x in SECTIONS
            for s in SHARES
        ]
    )
    speed = at(domain, u, points)[:, 0].reshape(len(SECTIONS), -1)
    pressure = DENSITY * at(domain, p, points)[:, 0].reshape(len(SECTIONS), -1)[:, 0]
    slope = np.gradient(narrowing(WALL) * RADIUS, WALL)
    edge = np.column_stack([WALL, RADIUS * narrowing(WALL) * (1.0 - 1e-7), 0.0 * WALL])
    G = fem.functionspace(domain, ("DG", 2, (2, 2)))
    gradient = fem.Function(G)
    gradient.interpolate(fem.Expression(ufl.grad(u), G.element.interpolation_points()))
    du = at(domain, gradient, edge).reshape(-1, 2, 2)
    normal = np.column_stack([-slope, np.ones_like(slope)])
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    tangent = np.column_stack([normal[:, 1], -normal[:, 0]])
    shear = -VISCOSITY * np.einsum("ni,nij,nj->n", tangent, du, normal)
    return {
        "speed": speed.tolist(),
        "pressure": pressure.tolist(),
        "wall_x": WALL.tolist(),
        "wall_shear": shear.tolist(),
    }


def at(domain: mesh.Mesh, field: Any, points: Any) -> Any:
    """Values of a field at points (n, 3)."""
    tree = geometry.bb_tree(domain, 2)
    hits = geometry.compute_collisions_points(tree, points)
    cells = geometry.compute_colliding_cells(domain, hits, points)
    chosen = np.array([cells.links(i)[0] for i in range(len(points))], dtype=np.int32)
    return field.eval(points, chosen)


if __name__ == "__main__":
    size = [int(x) for x in sys.argv[1:]] or [240, 12]
    OUT.write_text(json.dumps({"grid": size} | solve(*size)) + "\n")
