"""Exact solutions that the solvers are checked against."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import jv

Array = NDArray[Any]


@dataclass(frozen=True)
class EthierSteinman:
    """Fully three-dimensional decaying Beltrami flow on [−1, 1]³ [Ethier & Steinman 1994].

    u_x = −a (e^{ax} sin(ay+dz) + e^{az} cos(ax+dy)) e^{−νd²t}, and cyclic. ρ = 1.
    """

    nu: float = 1.0
    a: float = np.pi / 4.0
    d: float = np.pi / 2.0

    def velocity(self, x: Array, t: float) -> Array:
        """u (n, 3) at points (n, 3)."""
        a, d = self.a, self.d
        parts = []
        for i in range(3):
            p, q, r = x[:, i], x[:, (i + 1) % 3], x[:, (i + 2) % 3]
            parts.append(
                -a
                * (np.exp(a * p) * np.sin(a * q + d * r) + np.exp(a * r) * np.cos(a * p + d * q))
            )
        return np.column_stack(parts) * np.exp(-self.nu * d * d * t)

    def pressure(self, x: Array, t: float) -> Array:
        """p (n) at points (n, 3), up to a constant."""
        a, d = self.a, self.d
        total = np.zeros(len(x))
        for i in range(3):
            p, q, r = x[:, i], x[:, (i + 1) % 3], x[:, (i + 2) % 3]
            total += np.exp(2 * a * p)
            total += 2 * np.sin(a * p + d * q) * np.cos(a * r + d * p) * np.exp(a * (q + r))
        return -0.5 * a * a * total * np.exp(-2.0 * self.nu * d * d * t)


@dataclass(frozen=True)
class Womersley:
    """Pulsatile flow in a rigid tube under −∂p/∂z = Re(G e^{iωt})."""

    radius: float
    density: float
    mu: float
    omega: float
    gradient: float

    @property
    def alpha(self) -> float:
        """R √(ωρ/μ)."""
        return float(self.radius * np.sqrt(self.omega * self.density / self.mu))

    def velocity(self, r: Array, t: float) -> Array:
        """Axial velocity [m/s] at radii r."""
        k = 1j**1.5 * self.alpha
        shape = 1.0 - jv(0, k * np.asarray(r) / self.radius) / jv(0, k)
        return np.real(
            self.gradient / (1j * self.density * self.omega) * shape * np.exp(1j * self.omega * t)
        )

    def flow_rate(self, t: float) -> float:
        """Q [m³/s]."""
        k = 1j**1.5 * self.alpha
        shape = 1.0 - 2.0 * jv(1, k) / (k * jv(0, k))
        factor = np.pi * self.radius**2 * self.gradient / (1j * self.density * self.omega)
        return float(np.real(factor * shape * np.exp(1j * self.omega * t)))

    def wall_shear_stress(self, t: float) -> float:
        """−μ ∂u/∂r at the wall [Pa]."""
        k = 1j**1.5 * self.alpha
        factor = (
            self.gradient
            / (1j * self.density * self.omega)
            * k
            / self.radius
            * jv(1, k)
            / jv(0, k)
        )
        return float(np.real(-self.mu * factor * np.exp(1j * self.omega * t)))


def poiseuille_drop(mu: float, length: float, flow: float, radius: float) -> float:
    """Δp = 8 μ L Q/(π R⁴) [Pa]."""
    return 8.0 * mu * length * flow / (np.pi * radius**4)


def poiseuille_shear(mu: float, flow: float, radius: float) -> float:
    """τ_w = 4 μ Q/(π R³) [Pa]."""
    return 4.0 * mu * flow / (np.pi * radius**3)


def developed_flow_rate(
    viscosity: Callable[[float], float], gradient: float, radius: float
) -> float:
    """Q [m³/s] of developed flow of a fluid μ(γ̇) in a tube under −∂p/∂z [Pa/m].

    Rabinowitsch: Q = π R³/τ_w³ ∫ γ̇ τ² dτ, τ_w = R/2 (−∂p/∂z), by parts an integral over γ̇.
    """

    def stress(rate: float) -> float:
        return viscosity(rate) * rate

    wall = 0.5 * gradient * radius
    steepest = brentq(lambda rate: stress(rate) - wall, 0.0, 1e6, xtol=1e-12)
    rest = quad(
        lambda rate: stress(rate) ** 3 / 3.0, 0.0, steepest, epsabs=0.0, epsrel=1e-10, limit=200
    )[0]
    return float(np.pi * radius**3 * (steepest / 3.0 - rest / wall**3))


def developed_gradient(viscosity: Callable[[float], float], flow: float, radius: float) -> float:
    """−∂p/∂z [Pa/m] that drives ``flow`` [m³/s] of a fluid μ(γ̇) through a tube."""

    def missing(gradient: float) -> float:
        return developed_flow_rate(viscosity, gradient, radius) - flow

    # between those of the least and of the greatest viscosity
    bounds = [poiseuille_drop(viscosity(rate), 1.0, flow, radius) for rate in (1e6, 1e-3)]
    return float(brentq(missing, 0.5 * bounds[0], 2.0 * bounds[1], rtol=1e-12))
