"""The unsteady flow past the cylinder of Schäfer & Turek 1996, by the projection scheme."""

from collections.abc import Callable
from typing import Any

import numpy as np
from dolfinx import mesh
from numpy.typing import NDArray

from benchmarks import _shapes as shapes
from solvers.diagnostics.forces import Force
from solvers.elements.cells import Geometry, Space
from solvers.rheology.newtonian import Newtonian
from solvers.schemes.projection import Projection

Array = NDArray[Any]
DENSITY, VISCOSITY = 1.0, 1e-3
PEAK = {2: 1.5, 3: 2.25}
"""Fastest inflow [m/s] for a mean inflow of 1 m/s."""


class Passing:
    """P2/P1 flow past the cylinder; ``speed(t)`` is the mean inflow [m/s].

    Linear solves are tight: a vortex street lives of small differences, and adds up over thousands
    of steps what each solve leaves open.
    """

    def __init__(self, domain: mesh.Mesh, dt: float, speed: Callable[[float], float]) -> None:
        dim = domain.topology.dim
        self.speed, self._geometry = speed, Geometry(domain)
        self.V, self.Q = Space(self._geometry, 2), Space(self._geometry, 1)
        rim = mesh.exterior_facet_indices(domain.topology)
        outlet = mesh.locate_entities_boundary(
            domain, dim - 1, lambda x: np.isclose(x[0], shapes.LENGTH[dim])
        )
        self._outlet = outlet
        self._fixed = self.V.dofs_on(np.setdiff1d(rim, outlet))
        self._ends = self.Q.dofs_on(outlet)
        self._inflow = inflow(self.V.coordinates[self._fixed], dim)
        body = mesh.locate_entities_boundary(domain, dim - 1, shapes.on_cylinder(dim))
        self._force = Force(self.V, self.Q, self.V.dofs_on(body))
        section = 2.0 * shapes.RADIUS * (shapes.HEIGHT if dim == 3 else 1.0)
        self._per_force = 2.0 / (DENSITY * section)
        self.scheme = self.projection(dt)

    def projection(self, dt: float) -> Projection:
        """The scheme with this time step, at rest."""
        return Projection(
            self._geometry,
            degree=2,
            density=DENSITY,
            rheology=Newtonian.model_construct(mu=VISCOSITY),
            dt=dt,
            velocity_dofs=self._fixed,
            pressure_dofs=self._ends,
            open_facets=self._outlet,
            tolerances="tight",
            velocity_space=self.V,
            pressure_space=self.Q,
        )

    def change_step(self, dt: float) -> None:
        """Go on from here with another time step."""
        before, self.scheme = self.scheme, self.projection(dt)
        self.scheme.u, self.scheme.u_old = before.u, before.u.copy()
        self.scheme.p, self.scheme.time = before.p, before.time

    def run(self, until: float) -> Array:
        """Time [s], coefficients of drag and lift after each step (n, 3)."""
        scheme, rows = self.scheme, []
        before = scheme.u_old
        while scheme.time < until - 0.5 * scheme.dt:
            earlier, before = before, scheme.u
            fixed = self.speed(scheme.time + scheme.dt) * self._inflow
            scheme.step(fixed, np.zeros(len(self._ends)))
            rate = (1.5 * scheme.u - 2.0 * before + 0.5 * earlier) / scheme.dt
            force = self._force(scheme.u, scheme.p, DENSITY, scheme.rheology, rate)
            rows.append((scheme.time, *(self._per_force * force[:2])))
        return np.array(rows)

    def pressure_drop(self) -> float:
        """Pressure before the cylinder less that behind it [Pa], at mid height."""
        dim, side = self._geometry.dim, shapes.RADIUS
        x, y = shapes.CENTRE[dim]
        ends = np.array([[x - side, y, 0.205], [x + side, y, 0.205]])[:, :dim]
        front, back = shapes.sample(self.Q, self.scheme.p, ends)
        return float(front - back)


def inflow(x: Array, dim: int) -> Array:
    """Velocity (n, d) at boundary points (n, 3): at x = 0 a parabola of mean 1 m/s."""
    height = shapes.HEIGHT
    across = np.prod(4.0 * x[:, 1:dim] * (height - x[:, 1:dim]) / height**2, axis=1)
    u = np.where(np.isclose(x[:, 0], 0.0), PEAK[dim] * across, 0.0)
    return np.column_stack([u, *np.zeros((dim - 1, len(x)))])
