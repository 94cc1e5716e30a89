"""A mesh of the same cells with another calibre: for stents, narrowings and compression.

Every point moves away from or towards the vessel's middle. At distance ρ from the centreline it
moves by (k(s) − 1) ρ along the way from its nearest point of the line, k(s) the wanted radius over
the present one. Displacements are smooth in s and between branches, so cells keep their order;
where a cell would turn over, the motion is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from core.errors import CaseError, MeshError
from meshes import quality, topology
from meshes.shape import radius_ratios
from meshes.tagged import Sections, TaggedMesh

Array = NDArray[Any]

SMOOTH = 6
"""Nearest points of the centreline that a point's displacement is averaged over."""

WORST = 0.02
"""A morphed cell's least radius ratio, unless it was worse before."""

Scale = Callable[[Array], Array]
"""The factor of the radius at arc lengths [m] along a branch, 1 where nothing changes."""


def bump(at: float, width: float, factor: float) -> Scale:
    """``factor`` at ``at`` [m], 1 far away, half-way at ``width`` / 2 to either side.

    A narrowing (factor < 1), a stent (> 1) or a compression.
    """
    return lambda arc: 1 + (factor - 1) * np.exp(-4 * np.log(2) * ((arc - at) / width) ** 2)


def plateau(low: float, high: float, ease: float) -> Scale:
    """1 from ``low`` to ``high`` [m], 0 beyond ``ease`` [m] outside, a cos² ramp between."""

    def weight(arc: Array) -> Array:
        outside = np.maximum(np.maximum(low - arc, arc - high), 0.0) / ease
        return np.cos(0.5 * np.pi * np.minimum(outside, 1.0)) ** 2

    return weight


def morphed(
    mesh: TaggedMesh, scales: Mapping[str, Scale], flat: Array | None = None
) -> TaggedMesh:
    """The mesh with each branch of ``scales`` widened or narrowed by its factor.

    ``flat`` is a direction in which alone points move: a compression by an artery in front. Cells,
    tags and openings stay; openings must not move out of their planes, so factors at the ends must
    be 1 or the move lies in the plane. Raises `CaseError` for an unknown branch, `MeshError` where
    cells would fold.
    """
    known = {name.decode() for name in np.unique(mesh.sections.branch)}
    if strange := sorted(set(scales) - known):
        raise CaseError(
            f"the mesh has no branch {strange[0]!r}", where="morph", do=f"it has {sorted(known)}"
        )
    lines = mesh.sections
    factor = _factors(lines, scales, np.arange(len(lines.arc)), np.zeros(len(lines.arc)))
    if not (np.isfinite(factor).all() and (factor > 0.05).all() and (factor < 4).all()):
        raise CaseError(
            "a factor of the radius is not between 0.05 and 4", where="morph", do="change less"
        )
    points = mesh.points + _displacement(mesh.points, lines, scales, flat)
    what = f"morphed along {', '.join(sorted(scales))}"
    return moved(mesh, points, _sections(lines, factor, flat), what)


def moved(mesh: TaggedMesh, points: Array, sections: Sections, what: str) -> TaggedMesh:
    """``mesh`` with its ``points`` and planes elsewhere. Raises `MeshError` where cells fold."""
    _no_fold(mesh, points)
    changed = replace(mesh, points=points, sections=sections)
    record = dict(mesh.record)
    record["changed"] = [*record.get("changed", []), what]
    return replace(changed, quality=quality.figures(changed), record=record)


def _factors(lines: Sections, scales: Mapping[str, Scale], plane: Array, beyond: Array) -> Array:
    """The factor at ``beyond`` [m] further along the vessel than the ``plane`` numbers say."""
    factor = np.ones(plane.shape)
    for name, scale in scales.items():
        on = lines.branch[plane] == name.encode()
        factor[on] = scale(lines.arc[plane][on] + beyond[on])
    return factor


def _displacement(
    points: Array, lines: Sections, scales: Mapping[str, Scale], flat: Array | None
) -> Array:
    """How each point moves [m], averaged over the nearest points of the centreline."""
    near, weight, across = around(points, lines)
    offset = points[:, None] - lines.centre[near]
    along = np.einsum("pki,pki->pk", offset, lines.tangent[near])
    if flat is not None:
        way = flat / np.linalg.norm(flat)
        across = np.einsum("pki,i->pk", across, way)[..., None] * way
    factor = _factors(lines, scales, near, along)
    return np.einsum("pk,pki->pi", weight * (factor - 1), across)


def around(points: Array, lines: Sections) -> tuple[Array, Array, Array]:
    """The nearest points of the centreline (p, k), their weights, and the way from each to the
    point, across the vessel only (p, k, 3): what lies along it stays where it is.
    """
    count = min(SMOOTH, len(lines.centre))
    distance, near = cKDTree(lines.centre).query(points, k=count)
    weight = 1 / np.maximum(distance, 1e-12) ** 2
    weight /= weight.sum(axis=1, keepdims=True)
    offset, tangent = points[:, None] - lines.centre[near], lines.tangent[near]
    along = np.einsum("pki,pki->pk", offset, tangent)
    return near, weight, offset - along[..., None] * tangent


def _no_fold(mesh: TaggedMesh, points: Array) -> None:
    volume = topology.volumes(points, mesh.cells)
    before = radius_ratios(mesh.points, mesh.cells).min()
    after = radius_ratios(points, mesh.cells)
    if (volume <= 0).any() or after.min() < min(WORST, before):
        worst = int(np.argmin(np.where(volume <= 0, -1.0, after)))
        raise MeshError(
            f"{int((volume <= 0).sum())} cells would fold, the worst radius ratio be "
            f"{after.min():.3f}",
            where=quality.at(mesh.points[mesh.cells[worst]].mean(axis=0)),
            do="change the radius less, over a longer piece, or mesh the new shape",
        )


def _sections(lines: Sections, factor: Array, flat: Array | None) -> Sections:
    """The planes with their new inscribed radii; pressed flat, a lumen only gets narrower."""
    grown = factor if flat is None else np.minimum(factor, 1.0)
    return replace(lines, radius=lines.radius * grown)
