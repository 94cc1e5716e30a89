"""Clotting species in blood at the points of the mesh: carried, reacting, with their balance."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from solvers.chemistry.amounts import surface
from solvers.chemistry.conditions import Conditions
from solvers.chemistry.drugs import Drug, treated
from solvers.chemistry.integrate import advance
from solvers.chemistry.platelets import NORMAL, Platelets, membrane
from solvers.chemistry.reduced import Reduced
from solvers.chemistry.species import BY_NAME, chosen
from solvers.clots.coagulation import Coagulation
from solvers.elements.cells import Pattern, Space
from solvers.elements.facets import Facets
from solvers.species import SpeciesTransport

if TYPE_CHECKING:
    from solvers.clotting.coagulation import State

Array = NDArray[Any]
HELD = ("X", "IX")
"""Species that keep their level in plasma: their use changes thrombin by less than 0.1 %."""
CORE = 0.25
"""Diffusivity in dense clot over that in blood."""
FLOWING = 2
"""Platelets that blood carries: the first rows of their states."""


def close_fibrin(names: tuple[str, ...], after: Array, before: Array, came: Any = 0.0) -> Array:
    """``after`` with fibrin that closes the pool of fibrinogen and fibrin, of which ``came`` in:
    what an integrator cut off below zero must not become clot.
    """
    fg, f = names.index("Fg"), names.index("F")
    after[f] = np.maximum(before[f] + before[fg] + came - after[fg], 0.0)
    return after


class Blood:
    """The species (names) in blood and clot. The state belongs to the caller."""

    def __init__(
        self,
        model: Coagulation,
        space: Space,
        wall: Facets,
        openings: Array,
        drugs: Sequence[Drug],
    ) -> None:
        self.model, self.space, self.drugs = model, space, drugs
        self._openings = np.unique(openings)
        self._pattern = Pattern(space)
        lipid = 1.0 if model.platelets else model.membrane
        self._base = Conditions(model.factors.plasma(), lipid=lipid, feedback=model.feedback)
        start = treated(drugs, self._base, 0.0)
        self._options = {
            "xa_drug": start.xa_drug is not None,
            "iia_drug": start.iia_drug is not None,
            "brake": model.thrombomodulin > 0.0,
            "feedback": model.feedback > 0.0,
        }
        self.names = self.chosen()
        self._scale = np.array([BY_NAME[name].scale for name in self.names])
        self._healthy = self._of_healthy(wall)
        self.clipped = 0.0

    def chosen(self, *, wall: bool = False) -> tuple[str, ...]:
        """The states that this model needs."""
        return chosen(wall=wall, held=HELD, **self._options)

    def row(self, name: str) -> int:
        """Row of a species in the state."""
        return self.names.index(name)

    def start(self) -> Array:
        """Fresh blood at all points."""
        plasma = treated(self.drugs, self._base, 0.0).plasma
        return plasma.state(self.names, self.space.local)

    def platelets(self) -> Array:
        """Resting platelets at all points, or no rows."""
        state = np.zeros((3 if self.model.platelets else 0, self.space.local))
        state[:1] = NORMAL
        return state

    def conditions(self, time: float) -> Conditions:
        """Plasma and drugs at ``time`` [s], without what differs from point to point."""
        return treated(self.drugs, self._base, time)

    def carry(self, velocity: Array, clot: Array) -> None:
        """Another velocity (c, d); ``clot``: φ by cell. Collective."""
        hindered = np.maximum(CORE, (1.0 - clot) ** 1.5)
        self.transport = SpeciesTransport(
            self.space,
            velocity,
            diffusivity=self.model.film.diffusivity * hindered,
            openings=self._openings,
            pattern=self._pattern,
        )

    def move(self, state: "State", conditions: Conditions, dt: float) -> None:
        """Transport over ``dt`` [s]. Collective."""
        fresh = conditions.plasma.state(self.names, 1)[:, 0]
        state.blood, moved = self.transport.step(state.blood, fresh, dt, self._scale)
        state.entered += moved.entered - moved.left - moved.leak + moved.clipped
        self.clipped = max(self.clipped, moved.share)
        if state.platelets.size:
            rows = state.platelets[:FLOWING]
            levels = np.array([NORMAL, 0.0])
            state.platelets[:FLOWING], _ = self.transport.step(rows, levels, dt, np.ones(FLOWING))

    def react(self, state: "State", conditions: Conditions, edge: Array, dt: float) -> None:
        """Reactions at every point over ``dt`` [s]; ``edge``: g(η), for platelets. Collective."""
        owned = self.space.owned
        lipid: Any = self.lipid(state)
        q = replace(conditions, lipid=lipid if np.ndim(lipid) == 0 else lipid[:owned])
        if self._options["brake"]:
            q = replace(q, thrombomodulin=self._healthy[:owned])
        kernel = Reduced(q, self.names)
        before = state.blood[:, :owned]
        after, _, log = advance(kernel, before, dt)
        state.blood[:, :owned] = close_fibrin(self.names, after, before)
        self.clipped = max(self.clipped, float(log.lost(kernel.scale).max(initial=0.0)))
        if state.platelets.size:
            thrombin = state.blood[self.row("IIa"), :owned]
            wall = (self.injured[:owned] > 0.0).astype(float)
            kinetics = Platelets(thrombin, wall, edge[:owned])
            state.platelets[:, :owned], _, _ = advance(kinetics, state.platelets[:, :owned], dt)
            state.platelets = self._shared(state.platelets)
        state.blood = self._shared(state.blood)

    def lipid(self, state: "State") -> Any:
        """Share of the membrane that factors need: the model's, or by activated platelets."""
        if not state.platelets.size:
            return self.model.membrane
        return membrane(state.platelets[1] + state.platelets[2])

    def _shared(self, values: Array) -> Array:
        return np.ascontiguousarray(self.space.share(np.ascontiguousarray(values.T)).T)

    def _of_healthy(self, wall: Facets) -> Array:
        """Thrombomodulin of healthy wall in the volume of each point [nM]. Collective."""
        from solvers.clotting.surface import Surface

        hurt = self.model.injured(wall.centre)
        healthy = Surface(self.space, wall, 1.0 - hurt)
        self.injured = Surface(self.space, wall, hurt).wall
        return np.asarray(surface(self.model.thrombomodulin) * healthy.wall / healthy.volume)
