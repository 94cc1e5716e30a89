"""Navier–Stokes–Brinkman, velocity and pressure together: steady states and large steps.

    ρ (∂u/∂t + u·∇u) − ∇·(2με) + d u + ∇p = 0,   ∇·u = 0

`Stokes` with convection, and −βρ ∫ (u·n)₋ u·v on the open ends, which takes no energy from the
far side. All terms are implicit. A steady state begins with Stokes flow; where Picard and Newton
stall, it is reached through flows of less density (a continuation in the Reynolds number).
"""

from typing import Any

import ufl
from dolfinx import fem

from solvers.schemes.stokes import Effort, Stokes

FIRST, LEAST = 0.1, 1e-3
"""First and least stride of the continuation, as shares of the density."""
ON_THE_WAY = 1e-2
"""Relative change of velocity that is good enough for a flow on the way."""


class Coupled(Stokes):
    """Fully implicit flow on one mesh; see `Stokes` for its arguments and fields."""

    def _carried(self, w: Any, u: Any, v: Any) -> Any:
        along = ufl.inner(ufl.dot(ufl.grad(u), w), v) * ufl.dx(degree=5)
        normal = ufl.FacetNormal(self.geometry.mesh)
        back = ufl.min_value(ufl.dot(w, normal), 0.0) * ufl.inner(u, v) * self._ds
        beta = fem.Constant(self.geometry.mesh, self._beta)
        return super()._carried(w, u, v) + self._rho * (along - beta * back)

    def _carried_pressure(self, p: Any, q: Any) -> Any:
        w, normal = self._w, ufl.FacetNormal(self.geometry.mesh)
        entering = ufl.min_value(ufl.dot(w, normal), 0.0) * p * q * ufl.ds(degree=4)
        return self._rho * (ufl.dot(ufl.grad(p), w) * q * ufl.dx - entering)

    def _settle(self, goal: float, patient: bool) -> Effort | None:
        """The steady state from the present one, or through flows of growing density."""
        if self.steps == 0 and not self.p.any():
            self._rho.value = 0.0
            self._improve(ON_THE_WAY, newton=False)
            self._rho.value = self.density
        direct = self._linearise(goal)
        if direct is not None or not patient:
            return direct
        self._u.x.array[:] = 0.0
        self._u.x.array.reshape(self.V.local, -1)[self.fixed_u] = self.u[self.fixed_u]
        self._p.x.array[:] = 0.0
        total, reached, stride = Effort(), 0.0, FIRST
        while reached < 1.0:
            kept = self._u.x.array.copy(), self._p.x.array.copy()
            share = min(1.0, reached + stride)
            self._rho.value = share * self.density
            effort = self._linearise(goal if share == 1.0 else ON_THE_WAY)
            if effort is not None:
                total, reached, stride = total + effort, share, 2.0 * stride
                continue
            self._u.x.array[:], self._p.x.array[:] = kept
            stride /= 4.0
            if stride < LEAST:
                return None
        return total
