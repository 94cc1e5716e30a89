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
class Push:
    """What the last projections took from the velocity, as potentials at the points [Pa kg/m³s].

    Σ ρ a_k fᵏ/Δt = m(∇``whole`` + θ∇``carried``): aims p̃ less the pressures before them, and
    these. ``carried`` is None where θ is 0 everywhere.
    """

    whole: Array
    carried: Array | None


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

    def extrapolate(
        self, now: float, old: float, u: Array, u1: Array, u2: Array
    ) -> tuple[Array, Array, Array, Array]:
        """2u − u₁, 3u − 3u₁ + u₂ and ``now`` u + ``old`` u₁ of the last velocities (dofs, d); and
        this rank's squares of the difference of the first two, and of u.
        """
        step, owned = u - u1, self.V.owned
        bent = 2.0 * step - u + u2
        squares = np.array([(x[:owned] ** 2).sum() for x in (bent, u)])
        return u + step, u + step + bent, now * u + old * u1, squares

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
        push: Push,
        density: float,
        data: Array,
    ) -> tuple[Array, Array]:
        """Add the step's momentum matrix to ``data``; its right-hand sides (dofs, d), and α (c),
        the weight of the sub-scales of the pressure gradient.

        ``means`` are the averages that `ahead` prepares, ``history`` ρ(2uⁿ − ½uⁿ⁻¹)/Δt, and
        ``push`` is what the projections take from it.
        """
        rho, volume, size = density, self.geometry.volume, self.geometry.size
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
        slope = self.linear.gradient(p)
        force = medium.mobility * self.linear.gradient(push.whole) + slope
        if push.carried is not None:
            carried = medium.mobility * self.linear.gradient(push.carried)
            force += medium.theta * (carried - slope)
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
    ) -> tuple[Array, float]:
        """Sums (points, 2): right-hand side of the pressure equation from ``start``, and ∫ q ∇·u;
        and this rank's largest |u|/h.
        """
        linear, volume = self.linear, self.geometry.volume
        bent = self._bent(p, means, alpha, medium)
        lack = medium.mobility * volume * (bent - linear.gradient(start))
        divergence = self.kernel.divergence(u, self.kernel.gradient(u))
        pace = np.linalg.norm(self.kernel.mean(u), axis=1) / self.geometry.size
        fastest = float(pace.max(initial=0.0))
        sums = np.column_stack([linear.along_gradients(lack) - divergence, divergence])
        return sums, fastest if np.isfinite(fastest) else np.inf

    def _bent(self, p: Array, means: Array, alpha: Array, medium: Medium) -> Array:
        """g: (1−θ)∇p, and for P1 a share of the difference to its nodal average (d, c)."""
        slope, d = self.linear.gradient(p), self.geometry.dim
        bent = (1.0 - medium.theta) * slope
        if means.shape[1]:
            smooth = np.stack([self.linear.mean(column) for column in means[:, d:].T])
            bent += medium.open * alpha * (smooth - slope)
        return np.asarray(bent)

    def carrier(self, u: Array, w: Array) -> Array:
        """Mean of nodal u over each cell, less w (d, c): (c, d)."""
        return np.asarray(self.kernel.mean(u) - w.T)

    def shear_rate(self, u: Array) -> Array:
        """γ̇ at the middle of each cell [1/s]."""
        return shear_rate(self.kernel.gradient(u))

    def correction(
        self, aim: Array, p: Array, means: Array, alpha: Array, medium: Medium
    ) -> Array:
        """m(∇p̃ − g) (d, c): what w lacks of nodal u, from the ``aim`` p̃ and the ``p`` before."""
        bent = self._bent(p, means, alpha, medium)
        return np.asarray(medium.mobility * (self.linear.gradient(aim) - bent))
