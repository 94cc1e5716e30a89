"""Species carried in time by a frozen, discretely conservative velocity: positive and balanced.

    ∂c/∂t + w·∇c − ∇·(D ∇c) = 0,   what enters through an opening has the level of fresh blood

P1 and backward Euler with a lumped mass. Algebraic flux correction (Barrenechea, John & Knobloch
2017): the Galerkin operator A is made monotone by d_ij = max(0, a_ij, a_ji), and of the diffusion
that this adds as much is taken back, edge by edge, as makes no new extremum. Fluxes between points
are equal and opposite, so limiting moves nothing out of the balance. Openings are weak: −q_j of
fresh blood enters at a point whose flux q_j = ∫ w·∇φ_j is inward, at inlets and, where blood comes
back, at outlets. One operator serves every species; each is one column.
"""

from dataclasses import dataclass
from typing import Any

from mpi4py import MPI

import numpy as np
from dolfinx import la
from numpy.typing import NDArray

from core.errors import Diverged
from solvers.algebra.linear import RELATIVE, Solver
from solvers.elements.cells import Matrix, Pattern, Space

Array = NDArray[Any]
CORRECTIONS = 5
"""Iterations of the limiter; they begin at the step before, so that steps continue them."""
MOST = 15
"""Most of them, where something is still below zero."""
SETTLED = 1e-2
"""Change from one to the next, over the range of the species, at which they end."""
ROUGH = 1e-7
"""Tolerance of the solves between; the last one closes the balance."""
NEGATIVE = 1e-7
"""Part of the range of a species below zero at which the limiter takes no more from a point."""
NOTHING = 1e-100
"""Amounts below are none: arithmetic on the smallest numbers is slow."""
CLIPPED = 1e-3
"""Largest amount cut off below zero, as part of what is there or passes through."""
FINE = RELATIVE["tight"]["scalar"]
NONE = np.zeros(0, dtype=np.int32)


@dataclass
class Carried:
    """What one step moved, by species: amounts in and out through the openings, ``leak`` by
    what the velocity's own balance leaves open, and ``clipped`` below zero (amount × m³).
    """

    entered: Array
    left: Array
    leak: Array
    clipped: Array
    corrections: int
    share: float
    """Largest share of a species that was cut off."""


class SpeciesTransport:
    """The operator of one velocity w (c, d); `step` moves any number of species by dt."""

    def __init__(
        self,
        space: Space,
        w: Array,
        *,
        diffusivity: Any,
        openings: Array,
        pattern: Pattern | None = None,
    ) -> None:
        """``diffusivity`` [m²/s], one or by cell; ``openings``: local points where blood may
        pass. Collective.
        """
        self.space = space
        geometry, n = space.geometry, space.per_cell
        self._comm = geometry.comm
        slopes, volume = geometry.gradients, geometry.volume
        along = np.einsum("ci,cai->ac", w, slopes) * volume
        cells = np.einsum("cai,cbi,c->abc", slopes, slopes, diffusivity * volume)
        cells += along[None] / n
        self.volume = np.array(space.sum(space.gather @ np.tile(volume / n, n)))
        """Volume of each point [m³]."""
        self.flux = np.array(space.sum(space.gather @ along.ravel()))
        """q: what the velocity carries out at each point [m³/s]."""
        self._open = np.zeros(space.local, dtype=bool)
        self._open[openings] = True
        self._inward = np.where(self._open, np.maximum(-self.flux, 0.0), 0.0)
        self._matrix = Matrix(space, NONE, pattern=pattern)
        self._entries(cells)
        self._dt = 0.0
        self._solver: Solver | None = None
        self._b, self._x = space.vector(), space.vector()

    def _entries(self, cells: Array) -> None:
        """Rows of the monotone operator, and d by edge (owned rows, columns of the matrix)."""
        matrix, owned = self._matrix, self.space.owned
        turned = np.array(self._rows(np.swapaxes(cells, 0, 1)))
        plain = np.array(self._rows(cells))
        row = np.repeat(np.arange(owned), np.diff(matrix.pattern.starts[: owned + 1]))
        column = np.array(matrix.pattern.columns[: len(plain)])
        d = np.where(row != column, np.maximum(0.0, np.maximum(plain, turned)), 0.0)
        self._diagonal = np.flatnonzero(row == column)
        self._low = plain - d
        self._low[self._diagonal] += np.bincount(row, d, owned) + self._inward[:owned]
        raised = np.flatnonzero(d > 0.0)
        self._edges = row[raised], column[raised], d[raised]
        self._wide = la.vector(matrix.pattern.csr.index_map(1))

    def _rows(self, cells: Array) -> Array:
        """This rank's entries of the summed matrix. Collective."""
        self._matrix.fill(cells)
        return self._matrix.rows()[2]

    def _prepare(self, dt: float) -> None:
        """The solver of M/dt + A; kept while dt stays."""
        if dt == self._dt:
            return
        owned = self.space.owned
        starts, columns, _ = self._matrix.rows()
        entries = self._low.copy()
        entries[self._diagonal] += self.volume[:owned] / dt
        self._matrix.mat.setValuesCSR(starts, columns, entries)
        self._matrix.mat.assemble()
        if self._solver is None:
            self._solver = Solver("species", self._matrix.mat, "steady", ROUGH)
            self._solver.ksp.setInitialGuessNonzero(True)
        self._solver.refactor()
        self._dt = dt

    def step(self, c: Array, fresh: Array, dt: float, scale: Array) -> tuple[Array, Carried]:
        """``c`` (species, points) after ``dt`` [s], and what was moved.

        ``fresh`` (species): levels in blood that enters; ``scale`` (species): amounts below which
        nothing depends on a species, and below which the limiter leaves the monotone solution.
        Raises `Diverged`. Collective.
        """
        self._prepare(dt)
        new, tries = np.empty_like(c), 0
        for row, level in enumerate(fresh):
            new[row], used = self._one(c[row], float(level), dt, float(scale[row]))
            tries = max(tries, used)
        owned = self.space.owned
        out = np.where(self._open, np.maximum(self.flux, 0.0), 0.0)[:owned]
        shut = np.where(self._open, 0.0, self.flux)[:owned]
        now = new[:, :owned]
        sums = np.array(
            [
                fresh * self._inward[:owned].sum(),
                now @ out,
                now @ shut,
                -np.minimum(now, 0.0) @ self.volume[:owned] / dt,
                np.abs(now) @ self.volume[:owned] / dt,
            ]
        )
        sums = dt * self._comm.allreduce(sums, MPI.SUM)
        entered, left, leak, clipped, held = sums
        share = clipped / np.maximum(np.maximum(held, entered), 1e-300)
        if share.max(initial=0.0) > CLIPPED:
            raise Diverged(
                f"transport cut off {share.max():.1e} of species {int(share.argmax())} below zero",
                where="transport of species",
                do="shorten the macro step or refine the mesh; report this case",
            )
        worst = float(share.max(initial=0.0))
        return np.maximum(new, 0.0), Carried(entered, left, leak, clipped, tries, worst)

    def _one(self, old: Array, fresh: float, dt: float, scale: float) -> tuple[Array, int]:
        """One species: the monotone solution, then corrected until it settles."""
        owned = self.space.owned
        base = self.volume[:owned] / dt * old[:owned] + self._inward[:owned] * fresh
        wide = self._largest(old[:owned] - fresh)
        if wide <= scale:
            return self._solve(base, old, FINE), 0
        c, dry, least = old, np.zeros(owned), -NEGATIVE * max(scale, wide)
        used, done = 0, False
        while not done and used < MOST:
            used += 1
            flux = self._antidiffusion(c, fresh, scale, dry)
            new = self._solve(base + flux, c, ROUGH)
            moved, c = self._largest(new[:owned] - c[:owned]), new
            below = c[:owned] < least
            dry[below] = 1.0
            clean = not self._largest(below.astype(float))
            done = clean and (moved <= SETTLED * wide or used >= CORRECTIONS)
        return self._positive(self._solve(base + flux, c, FINE), base), used

    def _positive(self, c: Array, base: Array) -> Array:
        """``c``, or where an iteration that did not end left too much below zero, the monotone
        solution, which has none there.
        """
        owned = self.space.owned
        values, volume = c[:owned], self.volume[:owned]
        parts = np.array([-np.minimum(values, 0.0) @ volume, np.abs(values) @ volume])
        below, held = self._comm.allreduce(parts, MPI.SUM)
        return c if below <= 0.1 * CLIPPED * held else self._solve(base, c, FINE)

    def _largest(self, values: Array) -> float:
        return float(self._comm.allreduce(float(np.abs(values).max(initial=0.0)), MPI.MAX))

    def _antidiffusion(self, c: Array, fresh: float, scale: float, dry: Array) -> Array:
        """What the limiter gives back to each owned point: Σ α_ij d_ij (c_i − c_j); nothing is
        taken from a point that is ``dry``.
        """
        owned = self.space.owned
        wide = self._spread(c)
        lively = self._spread((np.abs(c[:owned] - fresh) > scale).astype(float)) > 0.5
        row, columns, entries = self._edges
        keep = np.flatnonzero(lively[row] & lively[columns])
        i, j, d = row[keep], columns[keep], entries[keep]
        apart = wide[i] - wide[j]
        f = d * apart
        up = np.bincount(i, np.maximum(f, 0.0), owned)
        down = np.bincount(i, np.minimum(f, 0.0), owned)
        # how far the values around lie above and below
        above, below = np.zeros(owned), np.zeros(owned)
        np.maximum.at(above, i, -apart)
        np.minimum.at(below, i, -apart)
        weight = np.bincount(i, d, owned)
        tiny = 1e-300
        rise = np.minimum(1.0, weight * above / np.maximum(up, tiny))
        fall = np.minimum(1.0, weight * below / np.minimum(down, -tiny))
        rise, fall = self._spread(rise), self._spread(fall)
        alpha = np.where(f > 0.0, np.minimum(rise[i], fall[j]), np.minimum(fall[i], rise[j]))
        if self._largest(dry):
            dry = self._spread(dry)
            alpha *= np.where(f > 0.0, 1.0 - dry[j], 1.0 - dry[i])
        return np.bincount(i, alpha * f, owned)

    def _spread(self, x: Array) -> Array:
        """Owned values with the ghosts of the matrix's columns. Collective."""
        vector = self._wide
        vector.array[: self.space.owned] = x[: self.space.owned]
        if self._comm.size > 1:
            vector.scatter_forward()
        return np.array(vector.array)

    def _solve(self, b: Array, guess: Array, tolerance: float) -> Array:
        owned = self.space.owned
        self._b.x.array[:owned] = b
        self._x.x.array[:] = guess
        assert self._solver is not None
        self._solver.ksp.setTolerances(rtol=tolerance)
        self._solver.solve(self._b.x.petsc_vec, self._x.x.petsc_vec, "transport of species")
        self._x.x.scatter_forward()
        found = np.array(self._x.x.array)
        found[np.abs(found) < NOTHING] = 0.0
        return found
