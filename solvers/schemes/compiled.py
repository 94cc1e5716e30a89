"""The loops of `plain.py`, compiled: three dimensions, velocity of degree 1 or 2."""

import ctypes
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers import native
from solvers.elements.cells import Pattern, Space
from solvers.elements.kernels import (
    cell_mean,
    integrals,
    reference_convection,
    reference_divergence,
    reference_mass,
    reference_stiffness,
)
from solvers.native import pointer
from solvers.schemes.brinkman import Medium
from solvers.schemes.plain import Blood, PlainSweeps, Push

Array = NDArray[Any]
SYMMETRIC = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
"""Entries of the metric J⁻¹J⁻ᵀ that the compiled loops take, in their order."""


def _fields(medium: Medium, *names: str) -> tuple[Array | None, ...]:
    """These fields of the medium; none of them where there is no clot."""
    return tuple(getattr(medium, name) if medium.clear is None else None for name in names)


def _clear(medium: Medium) -> ctypes.c_double:
    return ctypes.c_double(medium.clear or 0.0)


class _Compiled:
    """What both degrees share."""

    def __init__(self, V: Space, Q: Space, pattern: Pattern, library: ctypes.CDLL) -> None:
        self.V, self.Q, self.pattern, self.geometry = V, Q, pattern, V.geometry
        self._library = library
        self._count = ctypes.c_int64(self.geometry.count)
        # (direction of the reference, direction of space, cell)
        self._slopes = self.geometry.slopes
        self._size = np.ascontiguousarray(self.geometry.size)
        self._volume = np.ascontiguousarray(self.geometry.volume)
        self._weights = np.ascontiguousarray(cell_mean(V))

    def carrier(self, u: Array, w: Array) -> Array:
        """As `PlainSweeps.carrier`."""
        out = np.empty((self.geometry.count, 3))
        parts = (self.V.dofs, self._weights, u, w, out)
        width = ctypes.c_int64(self.V.per_cell)
        self._library.cell_means(self._count, width, *map(pointer, parts))
        return out

    def extrapolate(
        self, now: float, old: float, u: Array, u1: Array, u2: Array
    ) -> tuple[Array, Array, Array, Array]:
        """As `PlainSweeps.extrapolate`."""
        ahead, guess, history = np.empty_like(u), np.empty_like(u), np.empty_like(u)
        squares = np.empty(2)
        parts = (u, u1, u2, ahead, guess, history, squares)
        sizes = ctypes.c_int64(u.size), ctypes.c_int64(3 * self.V.owned)
        numbers = ctypes.c_double(now), ctypes.c_double(old)
        self._library.look_ahead(*sizes, *numbers, *map(pointer, parts))
        return ahead, guess, history, squares

    def spread(self, cells: Array) -> Array:
        """∫ s q (points) of one value s a cell."""
        sums = np.zeros(self.Q.local)
        self._library.linear_spread(
            self._count, *map(pointer, (self.Q.dofs, self._volume, cells, sums))
        )
        return sums

    def correction(
        self, aim: Array, p: Array, means: Array, alpha: Array, medium: Medium
    ) -> Array:
        """As `PlainSweeps.correction`."""
        w = np.empty((3, self.geometry.count))
        parts = (
            self.Q.dofs, self._slopes, *_fields(medium, "mobility", "open", "theta"), alpha, aim,
            p, means if means.shape[1] else None, w,
        )  # fmt: skip
        self._library.linear_correction(self._count, _clear(medium), *map(pointer, parts))
        return w


class LinearSweeps(_Compiled):
    """Linear velocity and pressure."""

    def shear_rate(self, u: Array) -> Array:
        """γ̇ in each cell [1/s]."""
        rate = np.empty(self.geometry.count)
        parts = (self.V.dofs, self._slopes, None, None, u, None, rate, None)
        self._library.linear_ahead(self._count, *map(pointer, parts))
        return rate

    def ahead(
        self, u: Array, p: Array, medium: Medium, *, shear: bool
    ) -> tuple[Array, Array | None]:
        """As `PlainSweeps.ahead`."""
        sums = np.zeros((self.Q.local, 6))
        rate = np.empty(self.geometry.count) if shear else None
        (opened,) = _fields(medium, "open")
        parts = (self.V.dofs, self._slopes, self._volume, opened, u, p, rate, sums)
        self._library.linear_ahead(self._count, *map(pointer, parts))
        return sums, rate

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
        """As `PlainSweeps.momentum`."""
        rhs, alpha = np.zeros_like(ahead), np.empty(self.geometry.count)
        numbers = np.array([density, blood.constant or 0.0, medium.clear or 0.0])
        parts = (
            self.V.dofs, self.pattern.places, self._slopes, self._volume, self._size,
            *_fields(medium, "mobility", "drag", "open", "theta"), ahead, history, p, means,
            blood.points, blood.cells, push.whole, push.carried, numbers, data, rhs, alpha,
        )  # fmt: skip
        self._library.linear_momentum(self._count, *map(pointer, parts))
        return rhs, alpha

    def lack(
        self,
        u: Array,
        p: Array,
        start: Array,
        means: Array,
        alpha: Array,
        medium: Medium,
    ) -> tuple[Array, float]:
        """As `PlainSweeps.lack`."""
        sums = np.zeros((self.Q.local, 2))
        parts = (
            self.V.dofs, self._slopes, self._volume, self._size,
            *_fields(medium, "mobility", "open", "theta"), alpha, u, p, start, means, sums,
        )  # fmt: skip
        lack = self._library.linear_lack
        return sums, float(lack(self._count, _clear(medium), *map(pointer, parts)))


class QuadraticSweeps(_Compiled):
    """Quadratic velocity, linear pressure."""

    def __init__(self, V: Space, Q: Space, pattern: Pattern, library: ctypes.CDLL) -> None:
        super().__init__(V, Q, pattern, library)
        stiff = reference_stiffness(V)
        metric = [stiff[:, k, m] + (stiff[:, m, k] if k != m else 0.0) for k, m in SYMMETRIC]
        self._tensor = np.ascontiguousarray(np.column_stack([reference_convection(V), *metric]))
        self._mass = np.ascontiguousarray(reference_mass(V))
        self._ones = np.ascontiguousarray(integrals(V))
        middle = V.table(np.full((1, 3), 0.25), 1)[:, 0]
        self._middle = np.ascontiguousarray(middle)
        self._pairing = np.ascontiguousarray(reference_divergence(V, Q))

    def shear_rate(self, u: Array) -> Array:
        """γ̇ at the middle of each cell [1/s]."""
        rate = np.empty(self.geometry.count)
        parts = (self.V.dofs, self._slopes, self._middle, u, rate)
        self._library.quadratic_ahead(self._count, *map(pointer, parts))
        return rate

    def ahead(
        self,
        u: Array,
        p: Array,  # noqa: ARG002
        medium: Medium,  # noqa: ARG002
        *,
        shear: bool,
    ) -> tuple[Array, Array | None]:
        """As `PlainSweeps.ahead`."""
        return np.zeros((self.Q.local, 0)), self.shear_rate(u) if shear else None

    def momentum(
        self,
        ahead: Array,
        history: Array,
        p: Array,
        means: Array,  # noqa: ARG002
        blood: Blood,
        medium: Medium,
        push: Push,
        density: float,
        data: Array,
    ) -> tuple[Array, Array]:
        """As `PlainSweeps.momentum`; no sub-scales."""
        rhs = np.zeros_like(ahead)
        numbers = np.array([density, medium.clear or 0.0])
        parts = (
            self.V.dofs, self.Q.dofs, self.pattern.places, self._slopes, self._volume,
            *_fields(medium, "mobility", "theta"), self._tensor, self._mass, self._ones,
            self._middle, ahead, history, p, blood.points, blood.cells, push.whole, push.carried,
            numbers, data, rhs,
        )  # fmt: skip
        self._library.quadratic_momentum(self._count, *map(pointer, parts))
        return rhs, np.zeros(0)

    def lack(
        self,
        u: Array,
        p: Array,
        start: Array,
        means: Array,  # noqa: ARG002
        alpha: Array,  # noqa: ARG002
        medium: Medium,
    ) -> tuple[Array, float]:
        """As `PlainSweeps.lack`; no sub-scales."""
        sums = np.zeros((self.Q.local, 2))
        parts = (
            self.V.dofs, self.Q.dofs, self._slopes, self._volume, self._size,
            *_fields(medium, "mobility", "theta"), self._pairing, self._weights, u, p, start, sums,
        )  # fmt: skip
        lack = self._library.quadratic_lack
        return sums, float(lack(self._count, _clear(medium), *map(pointer, parts)))


def sweeps(V: Space, Q: Space, pattern: Pattern) -> PlainSweeps | LinearSweeps | QuadraticSweeps:
    """The fastest loops that this machine has for these spaces."""
    library = native.sweeps()
    if library is None or V.geometry.dim != 3 or V.degree > 2:
        return PlainSweeps(V, Q, pattern)
    if V.degree == 1:
        return LinearSweeps(V, Q, pattern, library)
    return QuadraticSweeps(V, Q, pattern, library)
