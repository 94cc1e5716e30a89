"""A lumen opened to a circle without meshing anew: what a stent does to the vein that it holds.

Wall points of a plane land on the circle evenly, by their place along the plane's rim, so that a
flat lumen becomes round without crowding cells at its ends. What is inside follows by a harmonic
displacement, stiffer in small cells: Σ_c ∫ ∇φ_i·∇d / V_c = 0. Cells that this leaves badly shaped
are mended where they are.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import linalg
from scipy.spatial import cKDTree

from core.errors import CaseError, MeshError
from meshes import morph, topology
from meshes.meshing.improve import improved
from meshes.shape import radius_ratios
from meshes.tagged import EXTENSION, WALL, Sections, TaggedMesh

Array = NDArray[Any]

DIRECTIONS = 72
"""Directions in which the rim of a plane is looked for."""

FULL = 0.05
"""Excess of a stent over the lumen from which on it takes the wall with it whole."""

ON_RIM = 0.75
"""Share of the way to the rim beyond which a point of the border lies on it."""

SOUND = 0.2
"""Radius ratio of the worst cell below which cells are mended."""

STEPS = (1, 3, 9)
"""In how many steps the wall is moved: more where cells would fold in fewer."""

NEAR = 0.5
"""Room beside another vein, in radii, from which on the wall begins to move; at 1 all of it does.
"""


def opened(
    mesh: TaggedMesh, branch: str, low: float, high: float, radius: float, ease: float
) -> TaggedMesh:
    """The mesh with the lumen of ``branch`` made round, of ``radius`` [m], from arc ``low`` to
    ``high`` [m], where it is narrower than that; it eases off over ``ease`` [m].

    Where the stent would reach into another vein nothing moves. Raises `CaseError` where there is
    nothing to open, `MeshError` where cells would fold.
    """
    lines = mesh.sections
    mine = np.flatnonzero(lines.branch == branch.encode())
    if not len(mine):
        known = sorted({name.decode() for name in lines.branch})
        raise CaseError(f"the mesh has no branch {branch!r}", where="stent", do=f"it has {known}")
    rims = _Rims(mesh, mine)
    need = np.clip((radius / rims.calibre - 1.0) / FULL, 0.0, 1.0)
    held = morph.plateau(low, high, ease)(lines.arc[mine]) * need * _clear(lines, mine, radius)
    if not held.max() > 0.0:
        raise CaseError(
            f"no lumen of {branch!r} there is narrower than {2e3 * radius:.3g} mm",
            where="stent",
            do="choose a larger diameter or another place",
        )
    share = np.zeros(len(lines.arc))
    share[mine] = held
    border = np.unique(mesh.facets)
    near, weights, _ = morph.around(mesh.points[border], lines)
    on_border = (weights * share[near]).sum(axis=1)[:, None] * (
        rims.on_circle(mesh.points[border], radius) - mesh.points[border]
    )
    new = _carried(mesh, border, on_border)
    inscribed = lines.radius + share * (radius - lines.radius)
    what = f"opened to {2e3 * radius:.3g} mm along {branch}, {1e3 * low:.0f}–{1e3 * high:.0f} mm"
    return morph.moved(new, new.points, replace(lines, radius=inscribed), what)


def _carried(mesh: TaggedMesh, border: Array, way: Array) -> TaggedMesh:
    """``mesh`` with its ``border`` points moved by ``way`` and the rest after them, in as many
    steps as it takes; cells are mended on the way. Raises `MeshError` where they fold even so.
    """
    for steps in STEPS:
        new = mesh
        for step in range(steps):
            now = np.unique(new.facets)
            # mending renumbers points, but leaves those of the border where they are
            place = cKDTree(mesh.points[border] + way * step / steps).query(new.points[now])[1]
            points = new.points + _harmonic(new, now, way[place] / steps)
            if not (topology.volumes(points, new.cells) > 0.0).all():
                break
            new = replace(new, points=points)
            if radius_ratios(points, new.cells).min() < SOUND:
                new = improved(new)
        else:
            return new
    raise MeshError(
        f"cells fold even in {STEPS[-1]} steps",
        where="stent",
        do="choose a smaller diameter, or mesh the vein finer",
    )


def _clear(lines: Sections, mine: Array, radius: float) -> Array:
    """1 where a lumen of ``radius`` around the planes ``mine`` keeps clear of every other branch,
    0 where it would reach into one: the wall between two veins cannot be moved for one of them.
    """
    others = np.setdiff1d(np.arange(len(lines.arc)), mine)
    if not len(others):
        return np.ones(len(mine))
    way = lines.centre[others] - lines.centre[mine][:, None]
    along = np.einsum("moi,mi->mo", way, lines.tangent[mine])
    # what lies ahead is where the vein leads to; beside it is what shares its planes
    beside = np.abs(along) < NEAR * radius
    gap = np.where(beside, np.linalg.norm(way, axis=2) - lines.radius[others], np.inf)
    clear = gap.min(axis=1)
    free = np.clip((clear / radius - NEAR) / (1.0 - NEAR), 0.0, 1.0)
    return np.asarray(np.sin(0.5 * np.pi * free) ** 2)


class _Rims:
    """The rim of the lumen at each plane of one branch, by direction; ``calibre`` is the radius
    [m] of the circle of equal rim.
    """

    def __init__(self, mesh: TaggedMesh, mine: Array) -> None:
        lines = mesh.sections
        self._centre, self._tangent, self._arc = (
            values[mine] for values in (lines.centre, lines.tangent, lines.arc)
        )
        self._side = _transported(self._tangent)
        self._other = np.cross(self._tangent, self._side)
        self._planes = cKDTree(self._centre)
        walls = [tag for tag, name in mesh.names.items() if name in (WALL, EXTENSION)]
        wall = mesh.points[np.unique(mesh.facets[np.isin(mesh.facet_tags, walls)])]
        # a wall nearer to another branch is none of ours
        wall = wall[np.isin(cKDTree(lines.centre).query(wall)[1], mine)]
        plane, along, angle, distance = self._polar(wall)
        scale = float(np.median(distance))
        tree = cKDTree(_place(self._arc[plane] + along, angle, scale))
        angles = np.linspace(-np.pi, np.pi, DIRECTIONS, endpoint=False)
        count = len(self._arc)
        away, near = tree.query(
            _place(np.repeat(self._arc, DIRECTIONS), np.tile(angles, count), scale), k=4
        )
        weight = 1.0 / np.maximum(away, 1e-9) ** 2
        found = (weight * distance[near]).sum(axis=1) / weight.sum(axis=1)
        self._rim = found.reshape(count, DIRECTIONS)
        self._even, length = _evenly(self._rim, angles)
        self.calibre = length / (2.0 * np.pi)

    def on_circle(self, points: Array, radius: float) -> Array:
        """Where each point of the border lands: in its own plane, on the circle if it is on the
        rim, within it as far as it was within the rim.
        """
        plane, along, angle, distance = self._polar(points)
        cell = (angle + np.pi) / (2.0 * np.pi) * DIRECTIONS
        left = np.floor(cell).astype(int) % DIRECTIONS
        right = (left + 1) % DIRECTIONS
        part = cell - np.floor(cell)
        turned = angle + (1 - part) * self._even[plane, left] + part * self._even[plane, right]
        out = np.cos(turned)[:, None] * self._side[plane]
        out += np.sin(turned)[:, None] * self._other[plane]
        rim = (1 - part) * self._rim[plane, left] + part * self._rim[plane, right]
        # between two directions a rim may lie a little beyond itself
        reach = np.where(distance > ON_RIM * rim, 1.0, distance / rim)
        return np.asarray(
            self._centre[plane]
            + along[:, None] * self._tangent[plane]
            + (radius * reach)[:, None] * out
        )

    def _polar(self, points: Array) -> tuple[Array, Array, Array, Array]:
        """Nearest plane, distance along the vessel from it, angle and distance across."""
        near = self._planes.query(points)[1]
        offset = points - self._centre[near]
        along, x, y = (
            np.einsum("pi,pi->p", offset, axis[near])
            for axis in (self._tangent, self._side, self._other)
        )
        return near, along, np.arctan2(y, x), np.hypot(x, y)


def _evenly(rims: Array, angles: Array) -> tuple[Array, Array]:
    """By how much each direction turns (planes, directions) so that equal lengths of the rim get
    equal angles, without turning on the whole; and the length of each rim [m].
    """
    x, y = rims * np.cos(angles), rims * np.sin(angles)
    step = np.hypot(np.roll(x, -1, axis=1) - x, np.roll(y, -1, axis=1) - y)
    rim = step.sum(axis=1)
    begun = np.cumsum(step, axis=1) - step
    turn = -np.pi + 2.0 * np.pi * begun / rim[:, None] - angles
    return turn - turn.mean(axis=1, keepdims=True), rim


def _place(arc: Array, angle: Array, scale: float) -> Array:
    return np.column_stack([arc, scale * np.cos(angle), scale * np.sin(angle)])


def _transported(tangent: Array) -> Array:
    """A unit vector across each ``tangent``, turned no more than the line itself turns."""
    side = np.zeros_like(tangent)
    last = np.eye(3)[np.argmin(np.abs(tangent[0]))]
    for i, t in enumerate(tangent):
        last = last - (last @ t) * t
        last = side[i] = last / np.linalg.norm(last)
    return side


def _harmonic(mesh: TaggedMesh, border: Array, given: Array) -> Array:
    """The displacement (points, 3) that is ``given`` on the ``border`` and smooth inside."""
    corners = mesh.points[mesh.cells]
    edges = corners[:, 1:] - corners[:, :1]
    inner = np.linalg.inv(edges).transpose(0, 2, 1)
    gradients = np.concatenate([-inner.sum(axis=1, keepdims=True), inner], axis=1)
    entries = np.einsum("cai,cbi->cab", gradients, gradients)
    count, size = len(mesh.points), mesh.cells.shape[1]
    rows = np.repeat(mesh.cells, size, axis=1).ravel()
    matrix = sparse.csr_matrix(
        (entries.ravel(), (rows, np.tile(mesh.cells, (1, size)).ravel())), (count, count)
    )
    moved = np.zeros_like(mesh.points)
    moved[border] = given
    free = np.setdiff1d(np.arange(count), border)
    load = -(matrix[free] @ moved)
    inside = matrix[free][:, free].tocsr()
    scale = sparse.diags(1.0 / inside.diagonal())
    for axis in range(3):
        # the solution only has to be smooth: its error is far below the length of an edge
        found, left = linalg.cg(inside, load[:, axis], rtol=1e-6, maxiter=2000, M=scale)
        if left:
            raise MeshError(
                "the points inside the vein could not be moved along with its wall",
                where="stent",
                do="mesh the new shape",
            )
        moved[free, axis] = found
    return moved
