"""M2 at work: film, blood and clot in macro steps whose length follows the clot's volume."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from solvers import laws
from solvers.age import to_points
from solvers.chemistry.amounts import nanomolar
from solvers.chemistry.drugs import Drug
from solvers.clots.coagulation import Coagulation
from solvers.clotting import Clotting, Vein
from solvers.clotting.blood import Blood
from solvers.clotting.film import WallFilm
from solvers.clotting.plasmin import Plasmin
from solvers.clotting.tabulated import TabulatedFront
from solvers.diagnostics.averages import Averages
from solvers.elements.edge import ClotEdge
from solvers.elements.facets import Facets
from solvers.flow import Flow

Array = NDArray[Any]
SHORTEST = 0.05
"""Shortest macro step [s]."""
THIN = 1e-4
"""Clot [m] over the injured wall, of whose volume an error counts as a share at least."""
MEASURED = 4
"""Every so many steps, the error of one is measured by doubling it."""


@dataclass
class State:
    """All that goes on: ``fraction`` φ (points); ``blood`` (names, points) and ``film`` (names,
    points) [nM], ``area`` of film (points) [m²]; ``plasmin`` and ``platelets`` (states, points),
    empty where they are not in the model; ``entered`` (names), the net amount of each species
    that came with blood [nM m³].
    """

    fraction: Array
    blood: Array
    film: Array
    area: Array
    plasmin: Array
    platelets: Array
    entered: Array


class Coagulating(Clotting):
    """Steps of M2: half of the reactions, transport, half of the reactions, growth."""

    columns = ("step", "thrombin", "film_thrombin", "clipped", "regime")

    def __init__(self, model: Coagulation, vein: Vein) -> None:
        flow = vein.flow
        self._flow: Flow | None
        openings = [flow.Q.dofs_on(patch.numbers) for patch in flow.patches.values()]
        self._set_up(model, vein.edge, vein.wall, np.concatenate(openings), vein.drugs)
        self._flow, self._change, self._until = flow, vein.largest_change, vein.until

    @classmethod
    def bare(
        cls,
        model: Coagulation,
        edge: ClotEdge,
        wall: Facets,
        openings: Array,
        drugs: Sequence[Drug] = (),
        largest_change: float = 0.1,
        until: float = 86400.0,
    ) -> "Coagulating":
        """The model on a mesh without a flow problem: `carry` gives it a velocity. Collective."""
        self = cls.__new__(cls)
        self._set_up(model, edge, wall, openings, drugs)
        self._flow, self._change, self._until = None, largest_change, until
        return self

    def _set_up(
        self,
        model: Coagulation,
        edge: ClotEdge,
        wall: Facets,
        openings: Array,
        drugs: Sequence[Drug],
    ) -> None:
        self.model, self.edge, self.drugs = model, edge, tuple(drugs)
        self.comm = edge.space.map.comm
        self.blood = Blood(model, edge.space, wall, openings, self.drugs)
        self.film = WallFilm(model, edge.space, wall, self.blood)
        self.plasmin = Plasmin(edge.space, self.drugs)
        start = edge.fraction
        area = self.film.surface.area(start)
        self.state = State(
            start.copy(),
            self.blood.start(),
            self.film.start(area),
            area,
            self.plasmin.start(start),
            self.blood.platelets(),
            np.zeros(len(self.blood.names)),
        )
        self._dt, self._last, self._regime, self._steps = model.step, 0.0, 0.0, 0
        self.shear_rate: Array = np.zeros(edge.space.local)
        self._front: TabulatedFront | None = None

    # ------------------------------------------------------------------ one macro step

    def renew(self, averages: Averages, age: Array) -> None:
        """Another flow: the operator of transport, shear on the film. Collective."""
        assert self._flow is not None
        self.carry(averages.carrier, to_points(self._flow, averages.shear_rate), age)

    def carry(self, velocity: Array, shear_rate: Array, age: Array) -> None:
        """Go on in blood with this conservative velocity (c, d), shear rate (points) [1/s] and
        age (points) [s]. Collective.
        """
        self.shear_rate, self._age = shear_rate, age
        self._adopt()
        self.blood.carry(velocity, self.edge.cells())
        self.plasmin.carry(self.blood.transport)

    def _adopt(self) -> None:
        """Take over clot that was put into the vein from outside. Collective."""
        state, fraction = self.state, self.edge.fraction
        if self._largest(np.abs(fraction - state.fraction)) > 0.0:
            state.fraction = fraction.copy()
            area = self.film.surface.area(fraction)
            self.film.follow(state, area, np.zeros_like(area))

    def advance(self, time: float, longest: float) -> float:
        """One macro step; the difference between it and its halves, now and then, sets the length
        of the next. Collective.
        """
        if time >= self.model.resolved * (1.0 - 1e-9):
            return self._propagate(time, longest)
        longest = min(longest, self.model.resolved - time)
        dt = min(self._dt, longest)
        measured = self._steps % MEASURED == 0
        while True:
            new = self.step(self.state, time, dt)
            worst = self._largest(np.abs(new.fraction - self.state.fraction)) / self._change
            if measured and worst <= 1.0:
                half = self.step(self.state, time, 0.5 * dt)
                half = self.step(half, time + 0.5 * dt, 0.5 * dt)
                worst = max(worst, np.sqrt(self._apart(new, half) / self.model.tolerance))
                new = half
            if worst <= 1.0 or dt <= SHORTEST:
                break
            dt, measured = max(SHORTEST, dt * max(0.2, 0.8 / worst)), True
        self._follow(dt, longest, worst, measured=measured)
        self.state, self._last = new, dt
        self.edge.fraction = new.fraction.copy()
        return dt

    def _propagate(self, time: float, longest: float) -> float:
        """A step by the tabulated front. Collective."""
        edge, model = self.edge, self.model
        if self._front is None:
            self._front = TabulatedFront(self.blood, self.film, self._until)
        self._regime = 1.0
        front = np.minimum(1.0, self.film.injured + edge.indicator())
        rate = self._front.speed(self._age, time) / (laws.FRONT * edge.width) * front
        fastest = self._largest(rate * (1.0 - edge.fraction))
        step = min(longest, self._until / 24.0, self._change / max(fastest, 1e-300))
        if self.plasmin.active:
            step = min(step, model.longest_step)
            self._lyse(self.state, self.plasmin.advance(self.state, time, step))
            edge.fraction = self.state.fraction.copy()
        edge.grow(step, rate, model.lysis)
        self.state.fraction, self._last = edge.fraction.copy(), step
        return step

    def _follow(self, dt: float, longest: float, worst: float, *, measured: bool) -> None:
        """The length of the next step after one of ``dt`` whose error is ``worst``."""
        self._steps += 1
        if measured or worst > 0.8:
            after = dt * min(2.0, 0.8 / max(worst, 0.1))
            # a step that was cut short by a stored time says nothing of longer ones
            self._dt = max(after, self._dt) if dt == longest else after
        self._dt = min(max(self._dt, SHORTEST), self.model.longest_step)

    def step(self, state: State, time: float, dt: float) -> State:
        """``state`` after ``dt`` [s]. Collective."""
        now = State(*(getattr(state, part.name).copy() for part in fields(state)))
        conditions = self.blood.conditions(time + 0.5 * dt)
        way = self.film.advance(now, conditions, self.shear_rate, 0.5 * dt)
        self.blood.react(now, conditions, self._edge_of(now), 0.5 * dt)
        self.blood.move(now, conditions, dt)
        self.blood.react(now, conditions, self._edge_of(now), 0.5 * dt)
        way += self.film.advance(now, conditions, self.shear_rate, 0.5 * dt)
        self._lyse(now, self.plasmin.advance(now, time, dt))
        self.grow(now, way / dt, dt)
        return now

    def _lyse(self, state: State, left: Array) -> None:
        """Clot and its fibrin, of which a part is ``left`` (points). Collective."""
        row, owned = self.blood.row("F"), self.edge.space.owned
        lost = state.blood[row] * (1.0 - left) * self.film.surface.volume
        state.entered[row] -= self.comm.allreduce(float(lost[:owned].sum()), MPI.SUM)
        state.blood[row] *= left
        state.fraction = state.fraction * left

    def _edge_of(self, state: State) -> Array:
        """g(η), where platelets need it."""
        if not state.platelets.size:
            return np.zeros(0)
        self.edge.fraction = state.fraction
        return self.edge.indicator()

    def grow(self, state: State, speed: Array, dt: float) -> None:
        """φ by the speed (points) [m/s] of the film's surface and by blood that sets."""
        model, edge = self.model, self.edge
        edge.fraction = state.fraction
        fibrin = state.blood[self.blood.row("F")]
        gel = nanomolar(model.gel)
        rate = fibrin**4 / (fibrin**4 + gel**4) / model.gel_time
        if self._largest(speed) > 0.0:
            rings = int(np.ceil(2.0 * edge.width / self._smallest))
            wide = self.film.surface.extend(speed, state.area, min(rings, 12))
            front = np.minimum(1.0, self.film.injured + edge.indicator())
            rate = rate + wide / (laws.FRONT * edge.width) * front
        edge.grow(dt, rate, model.lysis)
        state.fraction = edge.fraction
        area = self.film.surface.area(state.fraction)
        if self._largest(np.abs(area - state.area)) > 0.0:
            self.film.follow(state, area, speed * dt)

    @property
    def _smallest(self) -> float:
        sizes = self.edge.space.geometry.size
        return float(self.comm.allreduce(float(sizes.min(initial=np.inf)), MPI.MIN))

    def _apart(self, one: State, other: State) -> float:
        """Difference of clot volumes, the film's fibrin as its own, over the volume."""
        volumes = np.array([self.volume(one), self.volume(other)])
        least = THIN * self.film.wall_area
        return float(abs(volumes[0] - volumes[1]) / max(volumes[1], least))

    def volume(self, state: State) -> float:
        """Clot [m³], with the film as far as it has set. Collective."""
        cells = state.fraction[self.edge.space.dofs].mean(axis=1)
        return self.edge.space.geometry.total(cells) + self.film.set_volume(state)

    def _largest(self, values: Array) -> float:
        return float(self.comm.allreduce(float(values.max(initial=0.0)), MPI.MAX))

    # ------------------------------------------------------------------ what is told and kept

    def history(self) -> tuple[float, ...]:
        """Length of the last step [s], most thrombin in blood and in film [nM], what transport
        cut off (share), the regime (0: chemistry resolved, 1: tabulated front). Collective.
        """
        state = self.state
        thrombin = self._largest(state.blood[self.blood.row("IIa")])
        film = self._largest(state.film[self.film.row("IIa")])
        return float(self._last), thrombin, film, self.blood.clipped, self._regime

    def said(self) -> dict[str, Any]:
        """Regime and step."""
        regime = "tabulated front" if self._regime else "chemistry resolved"
        return {"regime": regime, "macro_step_s": round(float(self._last), 2)}

    def fields(self) -> dict[str, Array]:
        """Species of interest at the points [nM]."""
        wanted = ("IIa", "Xa", "Fg", "F", "AT")
        return {name: self.state.blood[self.blood.row(name)] for name in wanted}

    def pack(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """The state at owned points, and the next step's length."""
        owned = self.edge.space.owned
        arrays = {
            f"points/{part}": np.ascontiguousarray(getattr(self.state, part)[..., :owned].T)
            for part in ("fraction", "blood", "film", "area", "plasmin", "platelets")
            if getattr(self.state, part).size
        }
        facts = {
            "macro_step": self._dt,
            "macro_steps": self._steps,
            "entered": self.state.entered.tolist(),
            "clipped": self.blood.clipped,
        }
        return arrays, facts

    def unpack(self, arrays: dict[str, Array], facts: dict[str, Any]) -> None:
        """Go on from a checkpoint. Collective."""
        space = self.edge.space
        for part in ("fraction", "blood", "film", "area", "plasmin", "platelets"):
            if (kept := arrays.get(f"points/{part}")) is None:
                continue
            values = np.zeros((space.local, int(np.prod(kept.shape[1:], dtype=int))))
            values[: space.owned] = kept.reshape(space.owned, -1)
            space.share(values)
            shape = getattr(self.state, part).shape
            setattr(self.state, part, np.ascontiguousarray(values.T).reshape(shape))
        self.state.entered = np.array(facts["entered"])
        self._dt, self._steps = facts["macro_step"], facts["macro_steps"]
        self.blood.clipped = facts["clipped"]


__all__ = ["Coagulating", "State"]
