"""Steady benchmark flows of the coupled scheme: cylinder in 2D and 3D, step, cavity."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from dolfinx import mesh
from numpy.typing import NDArray

from benchmarks import _shapes as shapes
from solvers.diagnostics.forces import Force
from solvers.elements.cells import Geometry, Space
from solvers.rheology.newtonian import Newtonian
from solvers.schemes.coupled import Coupled

Array = NDArray[Any]
Figures = dict[str, tuple[float, float, float, str]]
"""Value, reference, relative tolerance and unit by id."""


def run() -> list[dict[str, object]]:
    """Every flow on its mesh, with the published values."""
    rows: list[dict[str, object]] = []
    for flow, source in (
        (cavity, "Botella & Peyret 1998"),
        (step, "Gartling 1990"),
        (cylinder_2d, "Nabh 1998; John & Matthies 2001"),
        (cylinder_3d, "Braack & Richter 2006"),
    ):
        start = time.perf_counter()
        found = flow()
        seconds = (time.perf_counter() - start) / len(found)
        rows += [
            {
                "bench": "flow-steady", "id": name, "value": value, "unit": unit,
                "reference": reference, "tolerance": tolerance, "source": source,
                "ok": bool(abs(value / reference - 1.0) <= tolerance), "seconds": seconds,
            }
            for name, (value, reference, tolerance, unit) in found.items()
        ]
    return rows


def steady(
    domain: mesh.Mesh, mu: float, velocity: Callable[[Array], Array], outlet: float | None
) -> Coupled:
    """Steady flow of density 1, with ``velocity`` (n, d) at boundary points (n, 3) but for the
    open end x = ``outlet``.
    """
    geometry = Geometry(domain)
    V, Q = Space(geometry, 2), Space(geometry, 1)
    rim = mesh.exterior_facet_indices(domain.topology)
    open_facets = np.zeros(0, dtype=np.int32)
    if outlet is not None:
        open_facets = mesh.locate_entities_boundary(
            domain, geometry.dim - 1, lambda x: np.isclose(x[0], outlet)
        )
    fixed = V.dofs_on(np.setdiff1d(rim, open_facets))
    ends = Q.dofs_on(open_facets)
    scheme = Coupled(
        geometry,
        density=1.0,
        rheology=Newtonian.model_construct(mu=mu),
        dt=1.0,
        velocity_dofs=fixed,
        pressure_dofs=ends,
        open_facets=open_facets,
        velocity_space=V,
        pressure_space=Q,
    )
    scheme.steady(velocity(V.coordinates[fixed]), np.zeros(len(ends)))
    return scheme


def cavity(cells: int = 48, reynolds: float = 1000.0) -> Figures:
    """Lid-driven cavity: extremes of velocity on the two lines through its middle."""
    domain = shapes.rectangle([0.0, 0.0], [1.0, 1.0], (cells, cells))
    x = domain.geometry.x
    x[:, :2] = 0.35 * (1.0 - np.cos(np.pi * x[:, :2])) + 0.3 * x[:, :2]

    def lid(x: Array) -> Array:
        # the corners belong to the side walls, or the flow would leak there
        top = np.isclose(x[:, 1], 1.0) & (np.abs(x[:, 0] - 0.5) < 0.5 - 1e-10)
        return np.column_stack([top.astype(float), np.zeros(len(x))])

    flow = steady(domain, 1.0 / reynolds, lid, None)
    line = np.linspace(0.0, 1.0, 4001)[1:-1]
    middle = np.full_like(line, 0.5)
    u = shapes.sample(flow.V, flow.u[:, 0], np.column_stack([middle, line]))
    v = shapes.sample(flow.V, flow.u[:, 1], np.column_stack([line, middle]))
    return {
        "cavity-1000.umin": (u.min(), -0.3885698, 5e-3, "1"),
        "cavity-1000.vmax": (v.max(), 0.3769447, 5e-3, "1"),
        "cavity-1000.vmin": (v.min(), -0.5270771, 5e-3, "1"),
    }


def step(along: int = 300, across: int = 24) -> Figures:
    """Flow behind a step, Re 800: where it separates and reattaches, in channel heights."""

    def inflow(x: Array) -> Array:
        y = x[:, 1]
        u = np.where(np.isclose(x[:, 0], 0.0) & (y > 0.0), 24.0 * y * (0.5 - y), 0.0)
        return np.column_stack([u, np.zeros(len(x))])

    domain = shapes.rectangle([0.0, -0.5], [30.0, 0.5], (along, across))
    flow = steady(domain, 1.0 / 800.0, inflow, 30.0)
    x = np.linspace(0.02, 29.9, 6000)

    def turns(y: float) -> Array:
        """Where u changes its sign along a line just off a wall."""
        u = shapes.sample(flow.V, flow.u[:, 0], np.column_stack([x, np.full_like(x, y)]))
        at = np.flatnonzero(u[:-1] * u[1:] < 0.0)
        return x[at] - u[at] * (x[at + 1] - x[at]) / (u[at + 1] - u[at])

    lower, (separation, upper) = turns(-0.499)[-1], turns(0.499)
    return {
        "gartling-800.lower": (lower, 6.10, 0.01, "H"),
        "gartling-800.separation": (separation, 4.85, 0.01, "H"),
        "gartling-800.upper": (upper, 10.48, 0.01, "H"),
    }


def cylinder_2d(near: float = 0.003, far: float = 0.03) -> Figures:
    """Flow past a cylinder at Re 20 in the plane [Schäfer & Turek 1996]."""

    def inflow(x: Array) -> Array:
        y = x[:, 1]
        u = np.where(np.isclose(x[:, 0], 0.0), 1.2 * y * (shapes.HEIGHT - y), 0.0)
        return np.column_stack([u / shapes.HEIGHT**2, np.zeros(len(x))])

    drag, lift, drop = _cylinder(2, near, far, inflow, 500.0)
    return {
        "dfg-2d-1.drag": (drag, 5.57953523384, 1e-3, "1"),
        "dfg-2d-1.lift": (lift, 0.010618948146, 0.02, "1"),
        "dfg-2d-1.dp": (drop, 0.11752016697, 5e-3, "Pa"),
    }


def cylinder_3d(near: float = 0.0095, far: float = 0.09) -> Figures:
    """Flow past a cylinder at Re 20 in a square channel [Schäfer & Turek 1996]."""

    def inflow(x: Array) -> Array:
        y, z, height = x[:, 1], x[:, 2], shapes.HEIGHT
        u = 16.0 * 0.45 * y * z * (height - y) * (height - z) / height**4
        u = np.where(np.isclose(x[:, 0], 0.0), u, 0.0)
        return np.column_stack([u, np.zeros(len(x)), np.zeros(len(x))])

    drag, lift, drop = _cylinder(3, near, far, inflow, 500.0 / shapes.HEIGHT)
    return {
        "dfg-3d-1z.drag": (drag, 6.185333, 0.01, "1"),
        "dfg-3d-1z.lift": (lift, 0.009401, 0.05, "1"),
        "dfg-3d-1z.dp": (drop, 0.171007, 0.02, "Pa"),
    }


def _cylinder(
    dim: int, near: float, far: float, inflow: Callable[[Array], Array], per_force: float
) -> tuple[float, float, float]:
    """Coefficients of drag and lift, and the pressure drop across the cylinder."""
    domain = shapes.cylinder_in_channel(dim, near, far)
    flow = steady(domain, 1e-3, inflow, shapes.LENGTH[dim])
    body = mesh.locate_entities_boundary(domain, dim - 1, shapes.on_cylinder(dim))
    force = Force(flow.V, flow.Q, flow.V.dofs_on(body))
    drag, lift = per_force * force(flow.u, flow.p, flow.density, flow.rheology)[:2]
    (x, y), side = shapes.CENTRE[dim], shapes.RADIUS
    ends = np.array([[x - side, y, 0.205], [x + side, y, 0.205]])[:, :dim]
    front, back = shapes.sample(flow.Q, flow.p, ends)
    return float(drag), float(lift), float(front - back)
