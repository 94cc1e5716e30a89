"""The loops of a projection step over the cells, as array expressions: any dimension and degree.

These say what the compiled loops (`compiled.py`) do, and stand in where none can be built. Cell
fields are (c) or (d, c), nodal ones (dofs, d) and (points); sums are this rank's shares.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.elements.cells import Pattern, Space
from solvers.elements.kernels import Linear, LinearMomentum, momentum, shear_rate
from solvers.schemes.brinkman import Medium

Array = NDArray[Any]


@dataclass(frozen=True)
class Weights:
    """Numbers of a step: density, and factors of the last two projected velocities [kg/m³s]."""

    density: float
    now: float
    old: float


@dataclass
class Blood:
    """Viscosity [Pa s]: one number for all, or one a cell and its mean at the points."""

    constant: float | None
    cells: Array
    points: Array | None = None


class PlainSweeps:
    """Loops over the cells of a velocity space V and a pressure space Q."""

    def __init__(self, V: Space, Q: Space, pattern: Pattern) -> None:
        self.V, self.Q, self.pattern = V, Q, pattern
        self.geometry = V.geometry
        self.linear = Linear(Q)
        self.kernel = momentum(V, self.linear)
        self._gradient: Array | None = None

    def ahead(
        self, u: Array, p: Array, medium: Medium, *, shear: bool
    ) -> tuple[Array, Array | None]:
        """Sums (points, 2d) of V ū·∇ū and V o ∇p for the nodal averages of P1, none for others;
        and the shear rate ū has in the cells [1/s] if ``shear``.
        """
        self._gradient = self.kernel.gradient(u)
        rate = shear_rate(self._gradient) if shear else None
        if self.V.degree > 1:
            return np.zeros((self.Q.local, 0)), rate
        volume, spread = self.geometry.volume, self.linear.spread
        mean = self.kernel.mean(u).T
        carried = [volume * (mean * row).sum(axis=0) for row in self._gradient]
        push = [medium.open * volume * row for row in self.linear.gradient(p)]
        return np.column_stack([spread(row) for row in [*carried, *push]]), rate

    def spread(self, cells: Array) -> Array:
        """∫ s q (points) of one value s a cell."""
        return self.linear.spread(self.geometry.volume * cells)

    def momentum(
        self,
        ahead: Array,
        history: Array,
        p: Array,
        means: Array,
        blood: Blood,
        medium: Medium,
        f: Array,
        f_old: Array,
        weights: Weights,
        data: Array,
    ) -> tuple[Array, Array]:
        """Add the step's momentum matrix to ``data``; its right-hand sides (dofs, d), and α (c),
        the weight of the sub-scales of the pressure gradient.

        ``means`` are the averages that `ahead` prepares, ``history`` ρ(2uⁿ − ½uⁿ⁻¹)/Δt.
        """
        rho, volume, size = weights.density, self.geometry.volume, self.geometry.size
        assert self._gradient is not None
        speed = np.linalg.norm(self.kernel.mean(ahead), axis=1)
        mu = blood.cells if blood.constant is None else blood.constant
        stiff = 4.0 * mu / size**2
        alpha = 1.0 / (1.0 + (stiff + 2.0 * rho * speed / size) * medium.mobility)
        streamline = np.zeros(len(volume))
        if self.V.degree == 1:
            rate = 8.0 * speed / size + (stiff + medium.drag) / rho
            streamline = medium.open / rate
        viscosity = blood.cells if blood.constant is None else None
        cells = self.kernel.matrix(ahead, rho, viscosity, streamline)
        data += self.pattern.entries(cells)
        force = weights.now * f + weights.old * f_old
        force += (1.0 - medium.theta) * self.linear.gradient(p)
        if blood.points is not None:
            slope = self.linear.gradient(blood.points)
            force -= np.einsum("jic,jc->ic", self._gradient, slope)
        rhs = self._mass(history) - self.kernel.force(force)
        if isinstance(self.kernel, LinearMomentum):
            rhs += self.kernel.streamline_force(ahead, rho * streamline * volume, means)
        return rhs, alpha

    def _mass(self, values: Array) -> Array:
        """∫ φ_a h for nodal h (dofs, d)."""
        reference = self.kernel.mass
        near = values[self.V.dofs]
        shares = np.einsum("ab,cbi,c->iac", reference, near, self.geometry.jacobian, optimize=True)
        return np.column_stack([self.V.gather @ share.reshape(-1) for share in shares])

    def lack(
        self,
        u: Array,
        p: Array,
        start: Array,
        means: Array,
        alpha: Array,
        medium: Medium,
        f: Array,
        w: Array,
    ) -> tuple[Array, float]:
        """Sums (points, 2): right-hand side of the pressure equation from ``start``, and ∫ q ∇·u;
        and this rank's largest |u|/h. ``f`` and ``w`` take (1−θ)∇p and g (d, c).
        """
        linear, volume = self.linear, self.geometry.volume
        push = linear.gradient(p)
        f[:] = (1.0 - medium.theta) * push
        w[:] = f
        if self.V.degree == 1:
            d = self.geometry.dim
            smooth = np.stack([linear.mean(column) for column in means[:, d:].T])
            w += medium.open * alpha * (smooth - push)
        lack = medium.mobility * volume * (w - linear.gradient(start))
        divergence = self.kernel.divergence(u, self.kernel.gradient(u))
        pace = np.linalg.norm(self.kernel.mean(u), axis=1) / self.geometry.size
        fastest = float(pace.max(initial=0.0))
        sums = np.column_stack([linear.along_gradients(lack) - divergence, divergence])
        return sums, fastest if np.isfinite(fastest) else np.inf

    def carrier(self, u: Array, w: Array) -> Array:
        """Mean of nodal u over each cell, less w (d, c): (c, d)."""
        return np.asarray(self.kernel.mean(u) - w.T)

    def shear_rate(self, u: Array) -> Array:
        """γ̇ at the middle of each cell [1/s]."""
        return shear_rate(self.kernel.gradient(u))

    def correct(self, p: Array, medium: Medium, f: Array, w: Array) -> None:
        """f ← m(∇p̃ − f), w ← m(∇p̃ − w)."""
        slope = self.linear.gradient(p)
        f[:] = medium.mobility * (slope - f)
        w[:] = medium.mobility * (slope - w)
