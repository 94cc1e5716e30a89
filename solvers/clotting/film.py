"""The wall film on a mesh: its chemistry, its trade with the blood beside it, its way outwards."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from solvers.chemistry.amounts import nanomolar
from solvers.chemistry.conditions import FILM_FIBRIN, Conditions
from solvers.chemistry.film import Film
from solvers.chemistry.species import WALL
from solvers.clots.coagulation import Coagulation
from solvers.clotting.blood import Blood, close_fibrin
from solvers.clotting.surface import Surface
from solvers.elements.cells import Space
from solvers.elements.facets import Facets

if TYPE_CHECKING:
    from solvers.clotting.coagulation import State

Array = NDArray[Any]
DRAWN = 0.5
"""Largest part of the blood at a point that the film trades at once."""


class WallFilm:
    """The film of injured wall and clot; its state (names, points) is the caller's."""

    def __init__(self, model: Coagulation, space: Space, wall: Facets, blood: Blood) -> None:
        self.model, self.space, self._blood = model, space, blood
        self.settings = model.film
        self.names = blood.chosen(wall=True)
        self._same = np.array([name in blood.names for name in self.names])
        self._rows = np.array([blood.row(name) for name in self.names if name in blood.names])
        self._wall_rows = [self.row(name) for name in WALL]
        self.surface = Surface(space, wall, model.injured(wall.centre))
        density = model.tissue_factor(wall.centre)
        held = self.surface.to_points(density)
        self.injured = (self.surface.wall > 0.0).astype(float)
        self.density = held / np.where(self.injured > 0.0, self.surface.wall, 1.0)
        self._depth = self.settings.thickness * self.settings.porosity
        self.wall_area = self._total(self.surface.wall)
        """Injured wall [m²]."""
        self._gel = nanomolar(model.gel)

    def row(self, name: str) -> int:
        """Row of a species in the state."""
        return self.names.index(name)

    def start(self, area: Array) -> Array:
        """Fresh plasma over the wall's tissue factor, where there is film."""
        film = self._film(self._blood.conditions(0.0), 1.0)
        return np.where(area > 0.0, film.start(self.density), 0.0)

    def set_volume(self, state: "State") -> float:
        """Volume of film that has set [m³]. Collective."""
        part = np.minimum(state.film[self.row("F")] / self._gel, 1.0)
        return self.settings.thickness * self._total(state.area * part)

    def advance(
        self, state: "State", conditions: Conditions, shear_rate: Array, dt: float
    ) -> Array:
        """Change film and blood over ``dt`` [s]; gives the way (points) [m] of the film's surface:
        fibrin beyond F_gel is left behind in the clot, by the film's thickness. Collective.
        """
        owned, way = self.space.owned, np.zeros(self.space.local)
        at = np.flatnonzero(state.area[:owned] > 0.0)
        lipid = self._blood.lipid(state)
        film = self._film(conditions, lipid if np.ndim(lipid) == 0 else lipid[at])
        ratio = self._depth * state.area[at] / self.surface.volume[at]
        exchange = self.settings.exchange(shear_rate[at])
        parts = max(1, int(np.ceil(np.max(exchange * ratio * dt / DRAWN, initial=0.0))))
        for _ in range(parts):
            beside = self._beside(state.blood[:, at])
            before = state.film[:, at]
            held, taken, _ = film.advance(before, beside, shear_rate[at], dt / parts)
            came = taken[self.row("Fg")] / self._depth
            state.film[:, at] = close_fibrin(self.names, held, before, came)
            lost = taken[self._same] * (state.area[at] / self.surface.volume[at])
            self._give(state, at, -lost)
        way[at] = self._leave_behind(state, at, ratio, dt)
        state.blood = np.ascontiguousarray(self.space.share(np.ascontiguousarray(state.blood.T)).T)
        state.film = np.ascontiguousarray(self.space.share(np.ascontiguousarray(state.film.T)).T)
        return np.array(self.space.share(way[:, None])[:, 0])

    def _leave_behind(self, state: "State", at: Array, ratio: Array, dt: float) -> Array:
        """Fibrin beyond F_gel stays where the film was; the way [m] that this makes."""
        row = self.row("F")
        beyond = np.maximum(state.film[row, at] - self._gel, 0.0) / self._gel
        way = np.minimum(beyond * self.settings.thickness, self.model.fastest * dt)
        left = way / self.settings.thickness * self._gel
        state.film[row, at] -= left
        state.blood[self._blood.row("F"), at] += left * ratio
        return way

    def follow(self, state: "State", area: Array, way: Array) -> None:
        """The clot's surface moved: the film goes with it onto ``area``. Collective.

        Tissue factor stays on the wall: what of it still feeds the surface fades with the way.
        """
        fade = np.exp(-way / self.model.reach)
        for row in self._wall_rows:
            state.film[row] *= fade
        moved = self.surface.move(
            state.film, state.area, area, self._beside(state.blood), self._depth
        )
        state.film, state.area = moved.film, area
        self._give(state, slice(None), moved.blood[self._same])

    def _give(self, state: "State", at: Any, amounts: Array) -> None:
        for row, amount in zip(self._rows, amounts, strict=True):
            state.blood[row, at] += amount

    def _beside(self, blood: Array) -> Array:
        """Blood in the film's names; it holds no tissue factor."""
        beside = np.zeros((len(self.names), blood.shape[1]))
        beside[self._same] = blood[self._rows]
        return beside

    def _film(self, conditions: Conditions, lipid: Any) -> Film:
        inside = replace(conditions, fibrin=FILM_FIBRIN, lipid=lipid)
        return Film(self.settings, inside, self.names)

    def _total(self, values: Array) -> float:
        local = float(values[: self.space.owned].sum())
        return float(self.space.map.comm.allreduce(local, MPI.SUM))
