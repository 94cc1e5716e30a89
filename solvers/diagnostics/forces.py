"""The force of the flow on a part of the boundary, by the residual of momentum."""

from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from solvers.elements.cells import Space, quadrature
from solvers.elements.kernels import shear_rate
from solvers.rheology import Rheology

Array = NDArray[Any]


class Force:
    """F = −Σ_a ∫ [ρ(∂u/∂t + u·∇u) φ_a + μ ∇u·∇φ_a − p ∇φ_a] [N], over the dofs a of a part.

    The part does not slip. F is what the no-slip rows take up in the discrete balance, and
    converges twice as fast as the integral of the stress (Nabh 1998; John & Matthies 2001). In 2D:
    N/m. For variable viscosity the stress is 2με. ``dofs`` are the part's local velocity dofs.
    """

    def __init__(self, V: Space, Q: Space, dofs: Array) -> None:
        geometry = V.geometry
        self.comm = geometry.comm
        chi = np.zeros(V.local)
        chi[dofs] = 1.0
        self._cells = np.flatnonzero(chi[V.dofs].any(axis=1))
        self._u, self._p = V.dofs[self._cells], Q.dofs[self._cells]
        points, weights = quadrature(geometry.dim, 3 * V.degree - 1)
        self._values, self._pressure = V.table(points), Q.table(points)
        inverse = geometry.inverse[self._cells]
        self._slopes = np.einsum("kqn,cki->cqni", V.table(points, 1), inverse, optimize=True)
        near = chi[self._u]
        weight = np.multiply.outer(geometry.jacobian[self._cells], weights)
        self._chi = weight * (near @ self._values.T)
        self._chi_slope = weight[..., None] * np.einsum(
            "cn,cqni->cqi", near, self._slopes, optimize=True
        )

    def __call__(
        self, u: Array, p: Array, density: float, rheology: Rheology, rate: Array | None = None
    ) -> Array:
        """Force (d) for nodal u (dofs, d), p (points), ``rate`` ∂u/∂t (dofs, d). Collective."""
        near = u[self._u]
        gradient = np.einsum("cqnj,cni->ijcq", self._slopes, near, optimize=True)
        velocity = np.einsum("qn,cni->icq", self._values, near, optimize=True)
        inertia = np.einsum("ijcq,jcq->icq", gradient, velocity, optimize=True)
        if rate is not None:
            inertia += np.einsum("qn,cni->icq", self._values, rate[self._u], optimize=True)
        stress = gradient
        if rheology.constant is None:
            stress = gradient + np.swapaxes(gradient, 0, 1)
        stress = rheology.viscosity(shear_rate(gradient)) * stress
        total = density * np.einsum("icq,cq->i", inertia, self._chi, optimize=True)
        total += np.einsum("ijcq,cqj->i", stress, self._chi_slope, optimize=True)
        pressure = p[self._p] @ self._pressure.T
        total -= np.einsum("cq,cqi->i", pressure, self._chi_slope, optimize=True)
        return -np.asarray(self.comm.allreduce(total, MPI.SUM))
