"""Cuts of the volume mesh by the centreline planes: lumen area, clot, flow rate, pressure, speed.

Fields are linear in each tetrahedron, so that a cut is a set of triangles on which they are linear
too: areas and integrals are exact for them. Of each cut only the connected piece that holds the
plane's centre counts; a plane that leaves the mesh or also cuts another branch is not assessable.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from postprocess.simplex import areas, share_above

Array = NDArray[Any]

OPEN = 0.5
"""Lumen is open where the clot fraction is at most this."""
SAMPLE_RADIUS = 1.5e-3
"""Half of the 3 mm sample volume of a duplex examination [m]."""
ISLAND = 5e-3
"""Shorter runs of planes beside a confluence belong to it [m]."""
LEAVES, SPANS, EXTENSION = (
    "the plane leaves the model", "the plane also cuts another branch", "in a flow extension"
)


@dataclass(frozen=True)
class Planes:
    """Centreline planes: branch name, arc [m], centre, tangent towards the heart, radius."""

    branch: Array
    arc: Array
    centre: Array
    tangent: Array
    radius: Array


@dataclass(frozen=True)
class Surfaces:
    """Boundary triangles as point numbers (n, 3): openings, extensions' wall, vessel's wall."""

    openings: Array
    extension: Array
    wall: Array


@dataclass(frozen=True)
class Cut:
    """A piece of a cut: vertices on mesh edges (V, 2), weights of second ends, triangles."""

    edges: Array
    weight: Array
    triangles: Array
    position: Array

    def values(self, nodal: Array) -> Array:
        """A nodal field at the cut's vertices: (V,) or (V, 3)."""
        weight = self.weight.reshape(-1, *[1] * (nodal.ndim - 1))
        first, second = nodal[self.edges[:, 0]], nodal[self.edges[:, 1]]
        return np.asarray(first * (1 - weight) + second * weight)


@dataclass
class Curves:
    """What was measured on each plane (S,), SI, NaN where not assessable; ``why`` says why not.

    ``closed`` (S, K) is the share of the lumen that the clot closes at the K stored growth times,
    ``total_pressure`` the flow-weighted mean of p + ρ u²/2.
    """

    area: Array
    open_area: Array
    aspect: Array
    flow_rate: Array
    pressure: Array
    end_pressure: Array
    total_pressure: Array
    speed: Array
    closed: Array
    why: list[str] = field(default_factory=list)

    @classmethod
    def empty(cls, count: int, times: int = 0) -> "Curves":
        """Nothing measured yet on ``count`` planes, for clots at ``times`` growth times."""
        names = [f.name for f in fields(cls) if f.name not in ("why", "closed")]
        one = {name: np.full(count, np.nan) for name in names}
        return cls(**one, closed=np.full((count, times), np.nan), why=[""] * count)

    def assessable(self) -> Array:
        """Which planes hold numbers (S,)."""
        return np.array([not reason for reason in self.why], dtype=bool)


def measure(
    points: Array, cells: Array, planes: Planes, surfaces: Surfaces, nodal: Mapping[str, Array]
) -> Curves:
    """Every plane's numbers.

    ``nodal`` holds, where known, velocity, pressure, total_pressure, end_pressure and the clot
    (N, K).
    """
    times = nodal["clot"].shape[1] if "clot" in nodal else 0
    curves = Curves.empty(len(planes.arc), times)
    cells = np.asfortranarray(cells)
    for i in range(len(planes.arc)):
        cut, front = _cut(points, cells, planes, i)
        curves.why[i] = LEAVES if cut is None else _fault(i, cut, front, planes, surfaces)
        if cut is not None and not curves.why[i]:
            _reduce(curves, i, cut, planes, nodal)
    _drop_islands(curves, planes)
    return curves


def _cut(points: Array, cells: Array, planes: Planes, i: int) -> tuple[Cut | None, Array]:
    """The cut by plane ``i``, and which points are in front of it."""
    distance = (points - planes.centre[i]) @ planes.tangent[i]
    # points on the plane, as far as single precision can tell, count as in front of it
    distance[np.abs(distance) <= 1e-7 * np.ptp(points)] = 0.0
    front = distance >= 0
    cut = piece(points, cells, distance, front, planes.centre[i], planes.radius[i])
    return cut, front


def area_means(points: Array, cells: Array, planes: Planes, i: int, nodal: Array) -> Array:
    """Means (K,) of nodal fields (N, K) over plane ``i``, one that was found assessable."""
    cut, _ = _cut(points, np.asfortranarray(cells), planes, i)
    assert cut is not None
    area = areas(cut.position[cut.triangles])
    return np.asarray(area @ cut.values(nodal)[cut.triangles].mean(axis=1) / area.sum())


def _drop_islands(curves: Curves, planes: Planes) -> None:
    """Gives up short runs of planes in a confluence: they are cut off by planes that span it."""
    for name in np.unique(planes.branch):
        on = np.flatnonzero(planes.branch == name)
        on = on[np.argsort(planes.arc[on], kind="stable")]
        fine = np.array([not curves.why[i] for i in on])
        spacing = float(np.median(np.diff(planes.arc[on]))) if len(on) > 1 else 0.0
        starts = np.flatnonzero(np.diff(np.concatenate([[False], fine]).astype(int)) == 1)
        for start in starts:
            length = int(np.argmin(np.concatenate([fine[start:], [False]])))
            run = on[start : start + length]
            beside = [curves.why[on[k]] for k in (start - 1, start + length) if 0 <= k < len(on)]
            if SPANS in beside and np.ptp(planes.arc[run]) + spacing < ISLAND:
                _give_up(curves, run)


def _give_up(curves: Curves, run: Array) -> None:
    for entry in fields(curves):
        if entry.name != "why":
            getattr(curves, entry.name)[run] = np.nan
    for i in run:
        curves.why[i] = SPANS


def piece(
    points: Array, cells: Array, distance: Array, front: Array, centre: Array, radius: float
) -> Cut | None:
    """The connected piece of the cut at ``distance`` = 0 that holds ``centre``, or None."""
    triangles, edges = _triangles(cells, front)
    if not len(triangles):
        return None
    ends = distance[edges]
    weight = ends[:, 0] / (ends[:, 0] - ends[:, 1])
    place = points[edges[:, 0]] * (1 - weight)[:, None] + points[edges[:, 1]] * weight[:, None]
    label = _labels(triangles, len(edges))
    off = np.linalg.norm(place[triangles].mean(axis=1) - centre, axis=1)
    nearest = int(np.argmin(off))
    home = _holding(place[triangles] - centre)
    if home is None:
        # a centreline of a coarse surface may pass just outside a sharp concave wall
        if off[nearest] > 0.5 * radius:
            return None
        home = nearest
    kept = triangles[label[triangles[:, 0]] == label[triangles[home, 0]]]
    used, renumbered = np.unique(kept, return_inverse=True)
    return Cut(edges[used], weight[used], renumbered.reshape(-1, 3), place[used])


def _triangles(cells: Array, front: Array) -> tuple[Array, Array]:
    """Triangles (T, 3) of the cut as numbers of cut edges, and these edges (E, 2)."""
    a, b, c, d = (front[column] for column in cells.T)
    cells = cells[(a | b | c | d) & ~(a & b & c & d)]
    side = front[cells]
    count = side.sum(axis=1)
    lone = [_lone(cells, side, count == 1, True), _lone(cells, side, count == 3, False)]
    pairs = count == 2
    order = np.argsort(~side[pairs], axis=1, kind="stable")
    a, b, c, d = np.take_along_axis(cells[pairs], order, axis=1).T
    quads = np.array([[[a, c], [a, d], [b, d]], [[a, c], [b, d], [b, c]]])
    quads = quads.transpose(0, 3, 1, 2).reshape(-1, 3, 2)
    ends = np.sort(np.concatenate([*lone, quads]).reshape(-1, 2), axis=1)
    key = ends[:, 0].astype(np.int64) * (len(front) + 1) + ends[:, 1]
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    return inverse.reshape(-1, 3), ends[first]


def _lone(cells: Array, side: Array, chosen: Array, front: bool) -> Array:
    """The cut edges (n, 3, 2) of cells with one point alone on the ``front`` side, or behind."""
    rows = cells[chosen]
    alone = np.argmax(side[chosen] == front, axis=1)
    order = (alone[:, None] + np.arange(4)) % 4
    turned = np.take_along_axis(rows, order, axis=1)
    return np.stack([np.stack([turned[:, 0], turned[:, k]], axis=1) for k in (1, 2, 3)], axis=1)


def _labels(triangles: Array, count: int) -> Array:
    start, end = triangles[:, [0, 0]].ravel(), triangles[:, [1, 2]].ravel()
    links = coo_matrix((np.ones(len(start), dtype=np.int8), (start, end)), shape=(count, count))
    return np.asarray(connected_components(links, directed=False)[1])


def _holding(corners: Array) -> int | None:
    """The triangle of ``corners`` (T, 3, 3) that holds the origin, which lies in their plane."""
    inside = np.flatnonzero((barycentric(corners, np.zeros((1, 3)))[0] >= -1e-9).all(axis=1))
    return int(inside[0]) if len(inside) else None


def barycentric(corners: Array, at: Array) -> Array:
    """Barycentric coordinates (P, T, 3) of points (P, 3) in coplanar triangles (T, 3, 3)."""
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(u, v)
    square = np.einsum("ti,ti->t", normal, normal)
    # a plane through mesh points leaves triangles of no area, which hold nothing
    flat = square <= 1e-20 * square.max(initial=0.0)
    square = np.where(flat, 1.0, square)
    to_second = np.cross(v, normal) / square[:, None]
    to_third = np.cross(normal, u) / square[:, None]
    second = at @ to_second.T - np.einsum("ti,ti->t", corners[:, 0], to_second)
    third = at @ to_third.T - np.einsum("ti,ti->t", corners[:, 0], to_third)
    inside = np.stack([1 - second - third, second, third], axis=2)
    inside[:, flat] = -1.0
    return inside


def _fault(i: int, cut: Cut, front: Array, planes: Planes, surfaces: Surfaces) -> str:
    """Why plane ``i`` is not assessable, or nothing."""
    if _rim(cut, surfaces.openings, front):
        return LEAVES
    if _rim(cut, surfaces.extension, front) > _rim(cut, surfaces.wall, front):
        return EXTENSION
    return SPANS if _crosses_other(i, cut, planes) else ""


def _rim(cut: Cut, facets: Array, front: Array) -> int:
    """How many of ``facets`` the rim of the cut runs through."""
    side = front[facets]
    met = facets[(side.any(axis=1)) & ~side.all(axis=1)]
    if not len(met):
        return 0
    ends = np.sort(met[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    known = cut.edges[:, 0].astype(np.int64) * (len(front) + 1) + cut.edges[:, 1]
    key = (ends[:, 0].astype(np.int64) * (len(front) + 1) + ends[:, 1]).reshape(-1, 3)
    return int((np.isin(key, known).sum(axis=1) >= 2).sum())


def _crosses_other(i: int, cut: Cut, planes: Planes) -> bool:
    """Whether another branch's centreline passes this piece, away from the plane's centre."""
    centre, tangent = planes.centre[i], planes.tangent[i]
    height = (planes.centre - centre) @ tangent
    other = (planes.branch[:-1] == planes.branch[1:]) & (planes.branch[:-1] != planes.branch[i])
    here = np.flatnonzero(other & (height[:-1] * height[1:] < 0))
    if not len(here):
        return False
    part = (height[here] / (height[here] - height[here + 1]))[:, None]
    at = planes.centre[here] * (1 - part) + planes.centre[here + 1] * part
    at = at[np.linalg.norm(at - centre, axis=1) > 0.5 * planes.radius[i]]
    inside = barycentric(cut.position[cut.triangles], at)
    return bool((inside >= -1e-9).all(axis=2).any())


def _reduce(curves: Curves, i: int, cut: Cut, planes: Planes, nodal: Mapping[str, Array]) -> None:
    corners = cut.position[cut.triangles]
    area = areas(corners)
    total = float(area.sum())
    curves.area[i] = curves.open_area[i] = total
    curves.aspect[i] = _aspect(corners, area)
    for time, clot in enumerate(nodal["clot"].T if "clot" in nodal else ()):
        shut = float(area @ share_above(cut.values(clot)[cut.triangles], OPEN))
        curves.closed[i, time] = shut / total
        curves.open_area[i] = total - shut
    if "velocity" in nodal:
        speed = (cut.values(nodal["velocity"]) @ planes.tangent[i])[cut.triangles]
        curves.flow_rate[i] = float(area @ speed.mean(axis=1))
        curves.speed[i] = _sampled(corners, speed, planes.centre[i], planes.tangent[i])
        if "total_pressure" in nodal:
            head = cut.values(nodal["total_pressure"])[cut.triangles]
            curves.total_pressure[i] = _product(area, head, speed) / curves.flow_rate[i]
    for name, curve in (("pressure", curves.pressure), ("end_pressure", curves.end_pressure)):
        if name in nodal:
            mean = cut.values(nodal[name])[cut.triangles].mean(axis=1)
            curve[i] = float(area @ mean) / total


def _product(area: Array, first: Array, second: Array) -> float:
    """∫ f g dA of fields (T, 3) that are linear on triangles."""
    both = np.einsum("tk,tk->t", first, second) + first.sum(axis=1) * second.sum(axis=1)
    return float(area @ both) / 12.0


def _aspect(corners: Array, area: Array) -> float:
    """√(largest / smallest second moment of area): 1 for a circle, a/b for an ellipse."""
    centre = area @ corners.mean(axis=1) / area.sum()
    r = corners - centre
    total = r.sum(axis=1)
    moment = np.einsum("t,tki,tkj->ij", area, r, r) + np.einsum("t,ti,tj->ij", area, total, total)
    eigen = np.linalg.eigvalsh(moment)
    return float(np.sqrt(eigen[2] / eigen[1]))


def _sampled(corners: Array, speed: Array, centre: Array, tangent: Array) -> float:
    """The 99th percentile of the axial speed [m/s] over the sample disc around ``centre``."""
    disc = sample_disc(tangent)
    inside = barycentric(corners - centre, disc)
    worst = inside.min(axis=2)
    home = np.argmax(worst, axis=1)
    rows = np.arange(len(disc))
    values = np.einsum("pk,pk->p", inside[rows, home], speed[home])[worst[rows, home] >= -1e-9]
    return float(np.percentile(values, 99)) if len(values) else float("nan")


def sample_disc(tangent: Array, count: int = 61) -> Array:
    """Points (count, 3) that share the sample disc, of `SAMPLE_RADIUS`, equally among them."""
    k = np.arange(count)
    radius, angle = SAMPLE_RADIUS * np.sqrt((k + 0.5) / count), k * np.pi * (3 - np.sqrt(5))
    across = np.eye(3)[np.argmin(np.abs(tangent))]
    first = np.cross(tangent, across)
    first /= np.linalg.norm(first)
    second = np.cross(tangent, first)
    return np.outer(radius * np.cos(angle), first) + np.outer(radius * np.sin(angle), second)
