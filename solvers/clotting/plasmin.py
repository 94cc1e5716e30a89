"""Lysis by plasminogen activator that a drug brings: carried to the clot, at work in it.

tPA, plasminogen, plasmin and α₂-antiplasmin are carried with blood; what is bound to fibrin stays.
The kinetics are those of `chemistry.lysis`; fibrin left is φ's.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from solvers.chemistry.drugs import Drug
from solvers.chemistry.drugs.alteplase import Alteplase
from solvers.chemistry.drugs.catheter import Catheter
from solvers.chemistry.integrate import advance
from solvers.chemistry.lysis import ANTIPLASMIN, NAMES, PLASMINOGEN, SITES, SOLID, Lysis
from solvers.elements.cells import Space
from solvers.species import SpeciesTransport

if TYPE_CHECKING:
    from solvers.clotting.coagulation import State

Array = NDArray[Any]
FLOWING = [NAMES.index(name) for name in ("tPA", "PLG", "PLS", "AP")]
SITE = NAMES.index("n")
MICROMOLAR = 1e-3
"""One µM [mol/m³]."""


class Plasmin:
    """Lysis on a mesh; without a plasminogen activator among the drugs it does nothing."""

    def __init__(self, space: Space, drugs: Sequence[Drug]) -> None:
        self.space, self._drugs = space, drugs
        self.active = any(isinstance(drug, Alteplase) for drug in drugs)
        self._near = [
            (drug, drug.near(space.coordinates)) for drug in drugs if isinstance(drug, Catheter)
        ]

    def carry(self, transport: SpeciesTransport) -> None:
        """The operator of another flow."""
        self._transport = transport

    def start(self, fraction: Array) -> Array:
        """The state (names, points) [µM] before any drug; no rows without one."""
        if not self.active:
            return np.zeros((0, len(fraction)))
        state = np.zeros((len(NAMES), len(fraction)))
        state[NAMES.index("PLG")], state[NAMES.index("AP")] = PLASMINOGEN, ANTIPLASMIN
        state[SITE] = SITES * SOLID * fraction
        return state

    def advance(self, state: "State", time: float, dt: float) -> Array:
        """Carry, bind, cut over ``dt`` [s]; gives the fibrin that is left (points), 1 for all.
        Collective.
        """
        if not self.active:
            return np.ones_like(state.fraction)
        found = state.plasmin
        tpa = sum(drug.tpa(time + 0.5 * dt) for drug in self._drugs) / MICROMOLAR
        fresh = np.array([tpa, PLASMINOGEN, 0.0, ANTIPLASMIN])
        scale = Lysis().scale[FLOWING]
        found[FLOWING], _ = self._transport.step(found[FLOWING], fresh, dt, scale)
        self._infuse(found, time, dt)
        # fibrin that grew since brings new sites
        found[SITE] = before = SITES * SOLID * state.fraction
        owned = self.space.owned
        at = np.flatnonzero(before[:owned] > 1e-4 * SITES * SOLID)
        found[:, at], _, _ = advance(Lysis(), found[:, at], dt, weight=1e-1)
        found = np.ascontiguousarray(self.space.share(np.ascontiguousarray(found.T)).T)
        state.plasmin = found
        left = np.where(before > 0.0, found[SITE] / np.where(before > 0.0, before, 1.0), 1.0)
        return np.asarray(np.clip(left, 0.0, 1.0))

    def _infuse(self, found: Array, time: float, dt: float) -> None:
        """What a catheter's side holes give, evenly over the volume around them. Collective."""
        for drug, near in self._near:
            volume = self._transport.volume * near
            total = float(volume[: self.space.owned].sum())
            total = self.space.map.comm.allreduce(total, MPI.SUM)
            if total > 0.0:
                found[0] += near * drug.infused(time + 0.5 * dt) * dt / total / MICROMOLAR
