"""Cycle means of the flow, accumulated at every time step."""

import ctypes
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from solvers import native
from solvers.diagnostics.traction import WallShear
from solvers.elements.cells import Space
from solvers.elements.kernels import cell_mean
from solvers.native import pointer
from solvers.schemes.projection import Projection

Array = NDArray[Any]


@dataclass
class Averages:
    """Means over the steps added: nodal velocity (dofs, d) and pressure (points); what the
    conservative velocity is less than the nodal one (d, c), and shear rate (c); wall shear stress
    magnitude (f) and vector (f, 3).
    """

    velocity: Array
    pressure: Array
    correction: Array
    shear_rate: Array
    tawss: Array
    traction: Array
    space: Space
    steps: int = 0

    @property
    def carrier(self) -> Array:
        """The conservative velocity (c, d)."""
        mean, near = cell_mean(self.space), self.velocity[self.space.dofs]
        return np.einsum("n,cni->ci", mean, near) - self.correction.T

    @classmethod
    def start(cls, scheme: Projection, facets: int) -> Self:
        """Nothing added yet."""
        d, count = scheme.geometry.dim, scheme.geometry.count
        return cls(
            np.zeros_like(scheme.u),
            np.zeros_like(scheme.p),
            np.zeros((d, count)),
            np.zeros(count),
            np.zeros(facets),
            np.zeros((facets, d)),
            scheme.V,
        )

    def add(self, scheme: Projection, wall: WallShear) -> Array:
        """Add the present step; gives its wall shear stress (f, 3). Collective."""
        tau = wall()
        now = (
            scheme.u,
            scheme.p,
            scheme.w_correction,
            scheme.cell_shear_rate(),
            np.sqrt(np.einsum("fi,fi->f", tau, tau)),
            tau,
        )
        self.steps += 1
        for field, value in zip(fields(self), now, strict=False):
            blend(getattr(self, field.name), value, 1.0 / self.steps)
        return tau


def blend(mean: Array, value: Array, share: float) -> None:
    """mean ← mean + share (value − mean)."""
    loops = native.sweeps()
    if loops is None or not value.flags.c_contiguous:
        mean += share * (value - mean)
    else:
        size = ctypes.c_int64(mean.size)
        loops.blend(size, ctypes.c_double(share), pointer(value), pointer(mean))


@dataclass
class Cycle:
    """A cycle under way: the velocity at its start (dofs, d), the means so far, steps done."""

    start: Array
    averages: Averages
    step: int = 0
