"""Measuring sites on the centreline: the lesion, its reference, and planes a given way from it.

Blood flows from peripheral to central: each plane links to the next one of its branch, and the
last plane of a branch to the branch that it runs into. "20 mm central" is a way along these links.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import dijkstra

from postprocess.sections import Curves, Planes

Array = NDArray[Any]

WINDOW = 10e-3
"""Length of the reference segment [m]."""
UNAFFECTED, EVERYWHERE = 0.95, 0.90
"""A segment is unaffected where its median area is at least the first share of the largest median
near by, and none of its planes is below the second."""
SEARCH = 80e-3
"""How far peripheral of the lesion a reference is looked for [m]."""
NAMED = 5e-3
"""How far from the place named in a case its narrowest point may be [m]."""
SLACK = 1e-9
"""What a way may be longer by, as a sum of many steps [m]."""
FOCAL = 0.20
"""Least area stenosis that is called a narrowing."""


class NotAssessable(Exception):
    """A number that this run cannot give; the message says why, in words for the report."""


@dataclass(frozen=True)
class Site:
    """A named place: plane number, branch, arc length [m], point (3) [m]."""

    plane: int
    branch: str
    arc: float
    point: tuple[float, float, float]

    def __str__(self) -> str:
        return f"{self.branch.replace('_', ' ')}, {1e3 * self.arc:.0f} mm"


class Tree:
    """The planes of all branches, linked towards the heart; ways are lengths along the links."""

    def __init__(self, planes: Planes) -> None:
        self.planes = planes
        self._joined = self._joins()
        links = [*self._along(), *self._joined]
        count = len(planes.arc)
        tail, head, way = (np.array(column) for column in zip(*links, strict=True)) if links else (
            np.zeros(0, int), np.zeros(0, int), np.zeros(0)
        )
        self._links = coo_matrix((way, (tail, head)), shape=(count, count)).tocsr()

    def site(self, plane: int) -> Site:
        """The site of plane number ``plane``."""
        x, y, z = (float(value) for value in self.planes.centre[plane])
        name = str(self.planes.branch[plane])
        return Site(plane, name, float(self.planes.arc[plane]), (x, y, z))

    def ways_central(self, plane: int) -> Array:
        """Way from ``plane`` towards the heart to each plane [m]; inf where there is none."""
        return np.asarray(dijkstra(self._links, indices=plane))

    def ways_peripheral(self, plane: int) -> Array:
        """Way from ``plane`` against the blood to each plane [m]; inf where there is none."""
        return np.asarray(dijkstra(self._links.T, indices=plane))

    def ways(self, plane: int) -> Array:
        """Way from ``plane`` to each plane [m], along or against the blood."""
        return np.asarray(dijkstra(self._links, directed=False, indices=plane))

    @property
    def joins(self) -> dict[int, list[int]]:
        """The plane that each confluence begins with, and the last planes that run into it."""
        found: dict[int, list[int]] = {}
        for end, head, _ in self._joined:
            found.setdefault(head, []).append(end)
        return found

    @property
    def confluences(self) -> list[int]:
        """The first planes after two or more branches have met."""
        branch, arc = self.planes.branch, self.planes.arc
        return [
            head for head, ends in self.joins.items()
            if len(ends) > 1 or arc[head] > arc[branch == branch[head]].min()
        ]

    def step(self, plane: int, way: float, *, central: bool) -> int:
        """The plane ``way`` [m] from ``plane``, on its branch if possible."""
        ways = self.ways_central(plane) if central else self.ways_peripheral(plane)
        off = np.abs(ways - way)
        near = np.flatnonzero(off <= self._spacing())
        same = near[self.planes.branch[near] == self.planes.branch[plane]]
        chosen = same if len(same) else near
        side = "central" if central else "peripheral"
        if not len(chosen):
            raise NotAssessable(f"the model ends within {1e3 * way:.0f} mm {side} of the lesion")
        if len(set(self.planes.branch[chosen])) > 1:
            raise NotAssessable(f"several veins {1e3 * way:.0f} mm {side} of the lesion")
        return int(chosen[np.argmin(off[chosen])])

    def _order(self, name: str) -> Array:
        on = np.flatnonzero(self.planes.branch == name)
        return on[np.argsort(self.planes.arc[on], kind="stable")]

    def _spacing(self) -> float:
        steps = self._links.data
        return float(0.75 * np.median(steps)) if len(steps) else 0.0

    def _along(self) -> list[tuple[int, int, float]]:
        links = []
        for name in np.unique(self.planes.branch):
            order = self._order(name)
            steps = np.diff(self.planes.arc[order])
            links += [
                (int(a), int(b), float(way))
                for a, b, way in zip(order[:-1], order[1:], steps, strict=True)
            ]
        return links

    def _joins(self) -> list[tuple[int, int, float]]:
        """From the central end of each branch to the branch that it runs into, if any."""
        names = np.unique(self.planes.branch)
        orders = {str(name): self._order(name) for name in names}
        links = []
        for name, order in orders.items():
            end = order[-1]
            off = np.linalg.norm(self.planes.centre - self.planes.centre[end], axis=1)
            reach = 3.0 * max(float(self.planes.radius[end]), 1e-12)
            starts = [o[0] for other, o in orders.items() if other != name]
            onward = [
                plane for other, o in orders.items() if other != name
                for plane in o[self.planes.arc[o] <= self.planes.arc[o[-1]] - WINDOW]
            ]
            for choice in (starts, onward):
                near = [plane for plane in choice if off[plane] <= reach]
                if near:
                    best = min(near, key=lambda plane: off[plane])
                    links.append((int(end), int(best), float(max(off[best], 1e-9))))
                    break
        return links


def narrowest(curves: Curves, planes: Planes) -> int:
    """The plane that is narrowest for its branch: least area over the branch's median area.

    Branches differ in calibre by nature, so that the least area of all would name the smallest
    vein rather than the narrowed one. Raises `NotAssessable`.
    """
    fine = curves.assessable()
    if not fine.any():
        raise NotAssessable("no centreline plane of this mesh could be cut")
    ratio = np.full(len(planes.arc), np.inf)
    for name in np.unique(planes.branch):
        on = fine & (planes.branch == name)
        if on.any():
            ratio[on] = curves.area[on] / np.median(curves.area[on])
    return int(np.argmin(ratio))


def narrowest_near(curves: Curves, planes: Planes, branch: str, arc: float) -> int:
    """The narrowest plane within 5 mm of ``arc`` [m] on ``branch``. Raises `NotAssessable`."""
    if branch not in planes.branch:
        known = ", ".join(sorted(set(planes.branch))) or "none"
        raise NotAssessable(f"no branch is called {branch!r} (there are: {known})")
    off = np.abs(planes.arc - arc)
    near = np.flatnonzero((planes.branch == branch) & (off <= NAMED) & curves.assessable())
    if not len(near):
        raise NotAssessable(f"no plane of {branch!r} near {1e3 * arc:.0f} mm is assessable")
    # of planes as narrow as the narrowest, to a thousandth, the one that was named
    least = near[curves.area[near] <= 1.001 * curves.area[near].min()]
    return int(least[np.argmin(off[least])])


def reference_planes(tree: Tree, curves: Curves, lesion: int) -> tuple[Array, str]:
    """Planes of the nearest unaffected 10 mm peripheral to the lesion, and a note if central.

    Unaffected: median area at least 95 % of the largest 10 mm median within 80 mm, no plane below
    90 %; veins that vary more are judged by the median alone. Where the branch has no such segment
    peripherally, a central one serves. Raises `NotAssessable`.
    """
    branch = tree.planes.branch == tree.planes.branch[lesion]
    fine = np.flatnonzero(branch & curves.assessable())
    offset = tree.planes.arc[fine] - tree.planes.arc[lesion]
    for sign, note in ((-1.0, ""), (1.0, "reference taken central of the narrowing")):
        found = _window(sign * offset, curves.area[fine])
        if found is not None:
            return fine[found], note
    raise NotAssessable("no unaffected 10 mm of this branch beside the narrowing")


def _window(way: Array, area: Array) -> Array | None:
    """The nearest unaffected window among planes at ``way`` > 0 from the lesion, as a mask."""
    starts = np.sort(way[(way > 0) & (way <= SEARCH)])
    windows = [(way >= start - SLACK) & (way <= start + WINDOW + SLACK) for start in starts]
    last = way.max() - WINDOW + SLACK
    whole = [w for w, start in zip(windows, starts, strict=True) if start <= last]
    if not whole:
        return None
    medians = np.array([np.median(area[w]) for w in whole])
    least = np.array([area[w].min() for w in whole])
    wide = medians >= UNAFFECTED * medians.max()
    even = wide & (least >= EVERYWHERE * medians.max())
    return whole[int(np.argmax(even if even.any() else wide))]
