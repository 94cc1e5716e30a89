"""Imaged veins as lumen areas along their centrelines, and the resistance that follows.

Of a stretch from s₀ to s₁, A the lumen area, a the aspect ratio of an elliptical lumen:

    Poiseuille   ∫ 8π μ (a + 1/a)/2 / A² ds           [exact for an ellipse]
    inertia      ∫ ρ/A ds
    widenings    Σ K ρ/2 (1/A_min − 1/A_max)² |Q| Q   [Borda, Carnot; Young & Tsai 1973: K ≈ 1.5]

each widening from a smallest area to the next largest one, along the blood. Areas are (n,) of one
anatomy, or (N, n) of the N members of an ensemble; what follows from them is a number or (N,).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError

Array = NDArray[Any]
Number = float | Array
HEART = "heart"
"""The pool that the veins lead to."""


@dataclass(frozen=True)
class Line:
    """A vein from its peripheral end: arcs [m] ascending (n,), lumen areas [m²] (…, n) and aspect
    ratios (n,); it runs into the vein ``into``, or with "" to the heart.
    """

    name: str
    arc: Array
    area: Array
    aspect: Array
    into: str = ""

    def at(self, arc: float) -> Array:
        """Lumen area [m²] at ``arc`` (…)."""
        return _at(self.arc, self.area, arc)

    def between(self, start: float, end: float) -> "Line":
        """The stretch from ``start`` to ``end``."""
        inner = (self.arc > start) & (self.arc < end)
        arc = np.concatenate([[start], self.arc[inner], [end]])
        area, aspect = (
            np.concatenate(
                [
                    _at(self.arc, column, start)[..., None],
                    column[..., inner],
                    _at(self.arc, column, end)[..., None],
                ],
                axis=-1,
            )
            for column in (self.area, self.aspect)
        )
        return replace(self, arc=arc, area=area, aspect=aspect)


def _at(arc: Array, column: Array, place: float) -> Array:
    """A column (…, n) at one place, linear between its points and even beyond them."""
    i = int(np.clip(np.searchsorted(arc, place), 1, len(arc) - 1))
    share = np.clip((place - arc[i - 1]) / (arc[i] - arc[i - 1]), 0.0, 1.0)
    return np.asarray(column[..., i - 1] * (1.0 - share) + column[..., i] * share)


@dataclass(frozen=True)
class Site:
    """A place on a vein."""

    vein: str
    arc: float


@dataclass(frozen=True)
class Thrombus:
    """The stretch of a vein in which thrombus lies."""

    vein: str
    start: float
    end: float


@dataclass(frozen=True)
class Anatomy:
    """Veins by name, named sites, the thrombus, and the vein around which collaterals lead.

    ``narrow`` is the site where the imaged lumen is least certain, ``reach`` [m] how far.
    """

    lines: Mapping[str, Line]
    sites: Mapping[str, Site]
    thrombus: Thrombus | None = None
    narrow: str = "lesion"
    reach: float = 10e-3

    @property
    def leaves(self) -> tuple[str, ...]:
        """Veins that no other runs into: where blood comes in."""
        ends = {line.into for line in self.lines.values()}
        return tuple(name for name in self.lines if name not in ends)

    def check(self, where: str) -> None:
        """Raises `CaseError` where veins or sites do not hang together."""
        problem = self._roots() or next(filter(None, map(self._fault, self.lines)), "")
        for name, place in self.sites.items():
            problem = problem or self._outside(f"site {name!r}", place.vein, place.arc, place.arc)
        if self.thrombus:
            clot = self.thrombus
            problem = problem or self._outside("thrombus", clot.vein, clot.start, clot.end)
        if problem:
            raise CaseError(problem, where=where, do="mend the veins or sites in this file")

    def _roots(self) -> str:
        roots = [name for name, line in self.lines.items() if not line.into]
        if len(roots) == 1:
            return ""
        return f"one vein leads to the heart (no `into`), not {len(roots)}: {roots}"

    def _fault(self, name: str) -> str:
        """What is wrong with a vein, or nothing."""
        line = self.lines[name]
        if name == HEART:
            return f"{HEART!r} is where the veins lead, no name of one"
        if line.into and line.into not in self.lines:
            return f"{name!r} runs into {line.into!r}, which is no vein"
        if len(line.arc) < 2 or not (np.diff(line.arc) > 0).all():
            return f"{name!r}: needs two arcs or more, ascending"
        if not (np.isfinite(line.area) & (line.area > 0)).all():
            return f"{name!r}: areas must be above 0"
        seen, here = set[str](), name
        while here in self.lines:
            if here in seen:
                return f"{name!r} runs into itself"
            seen.add(here)
            here = self.lines[here].into
        return ""

    def _outside(self, what: str, vein: str, start: float, end: float) -> str:
        if vein not in self.lines:
            return f"{what} is on {vein!r}, which is no vein; there are {', '.join(self.lines)}"
        arc = self.lines[vein].arc
        if start < arc[0] - 1e-9 or end > arc[-1] + 1e-9 or end < start:
            return f"{what} does not lie on {vein!r}, {1e3 * arc[0]:g} to {1e3 * arc[-1]:g} mm"
        return ""


def lumen(
    anatomy: Anatomy, line: Line, calibre: Number, narrowing: Number, closed: Number
) -> Line:
    """``line`` with all areas times ``calibre``, those at the narrow site times ``narrowing``, and
    the share ``closed`` of the lumen taken by thrombus where it lies; numbers or (N,).
    """
    area = line.area * _column(calibre)
    place = anatomy.sites.get(anatomy.narrow)
    if place is not None and place.vein == line.name:
        near = np.exp(-0.5 * ((line.arc - place.arc) / anatomy.reach) ** 2)
        area = area * _column(narrowing) ** near
    clot = anatomy.thrombus
    if clot is not None and clot.vein == line.name:
        inside = (line.arc >= clot.start) & (line.arc <= clot.end)
        area = np.where(inside, area * (1.0 - _column(closed)), area)
    return replace(line, area=area)


def _column(values: Number) -> Array:
    """A number (1,) or numbers (N, 1), to multiply areas with."""
    return np.asarray(values)[..., None]


def friction(line: Line) -> Array:
    """∫ 8π (a + 1/a)/2 / A² ds [1/m³]: times μ it is a resistance."""
    shape = 0.5 * (line.aspect + 1.0 / line.aspect)
    return np.asarray(np.trapezoid(8.0 * np.pi * shape / line.area**2, line.arc, axis=-1))


def inertia(line: Line) -> Array:
    """∫ ds/A [1/m]: times ρ it is an inertance."""
    return np.asarray(np.trapezoid(1.0 / line.area, line.arc, axis=-1))


def widenings(line: Line) -> Array:
    """Σ (1/A_min − 1/A_max)² [1/m⁴] along the blood: times K ρ/2 it is a loss over Q²."""
    inverse = np.atleast_2d(1.0 / line.area)
    falls = np.pad(inverse[:, 1:] < inverse[:, :-1], ((0, 0), (1, 1)))
    # where a run of falls begins and ends; the pairs come in the same order
    rows, first = np.nonzero(falls[:, 1:] & ~falls[:, :-1])
    _, last = np.nonzero(falls[:, :-1] & ~falls[:, 1:])
    steps = inverse[rows, first] - inverse[rows, last]
    total = np.bincount(rows, steps**2, minlength=len(inverse))
    return total.reshape(line.area.shape[:-1])
