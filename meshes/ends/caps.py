"""Flat ends of an untagged vessel boundary: found by their rims, named by points of the case."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import MeshError
from meshes import topology

Array = NDArray[Any]

RIM = 35.0
"""A boundary bends by more than this [degree] around a cap and by less along a smooth wall."""

EVEN = 0.03
"""A cap is flat to this part of its radius."""

ROUND = 0.5
"""Area over that of a circle of equal outline: less is a strip of a coarse wall, not a cap."""


FEWEST = 3
"""Triangles of a cap: one or two are not told from a coarse wall."""


@dataclass(frozen=True)
class Cap:
    """A flat part of the boundary: its facets (rows), centre, radius of equal area."""

    rows: Array
    centre: Array
    radius: float


def find(points: Array, facets: Array) -> list[Cap]:
    """The flat, roughly round parts of a closed boundary whose facets are outwards ordered."""
    vectors = topology.facet_vectors(points, facets)
    area = np.linalg.norm(vectors, axis=1)
    normals = vectors / np.maximum(area, 1e-300)[:, None]
    pairs = topology.neighbours(facets)
    bend = np.einsum("ij,ij->i", normals[pairs[:, 0]], normals[pairs[:, 1]])
    number, region = topology.pieces(pairs[bend > np.cos(np.radians(RIM))], len(facets))
    caps = []
    for label in range(number):
        rows = np.flatnonzero(region == label)
        if len(rows) < FEWEST:
            continue
        cap = Cap(
            rows,
            area[rows] @ points[facets[rows]].mean(axis=1) / area[rows].sum(),
            float(np.sqrt(area[rows].sum() / np.pi)),
        )
        if _is_flat(points, facets[rows], cap) and _is_round(points, facets[rows], cap):
            caps.append(cap)
    return caps


def _is_flat(points: Array, facets: Array, cap: Cap) -> bool:
    on = points[np.unique(facets)]
    normal = np.linalg.svd(on - on.mean(axis=0), full_matrices=False)[2][-1]
    return float(np.abs((on - on.mean(axis=0)) @ normal).max()) < EVEN * cap.radius


def _is_round(points: Array, facets: Array, cap: Cap) -> bool:
    edge, count, _ = topology.edges(facets)
    rim = edge[count == 1]
    outline = np.linalg.norm(points[rim[:, 0]] - points[rim[:, 1]], axis=1).sum()
    return bool(np.pi * cap.radius**2 * 4 * np.pi / outline**2 > ROUND)


def named(
    points: Array, facets: Array, at: Mapping[str, Array]
) -> tuple[Array, dict[int, str], list[str]]:
    """A tag for each facet, the tags' names, and warnings of flat ends that nobody named."""
    caps = find(points, facets)
    tags = np.full(len(facets), 1, dtype=np.int32)
    names, taken = {1: "wall"}, dict[int, str]()
    for number, (name, point) in enumerate(at.items()):
        nearest = _nearest(caps, name, point)
        if nearest in taken:
            raise MeshError(
                f"openings {taken[nearest]!r} and {name!r} resolve to the same cap",
                where=f"mesh.openings.{name}.at; the cap is {_said(caps[nearest])}",
                do="give each opening its own end of the vessel",
            )
        taken[nearest] = name
        tags[caps[nearest].rows] = 10 + number
        names[10 + number] = name
    left = [cap for number, cap in enumerate(caps) if number not in taken]
    return (
        tags,
        names,
        [f"a flat end is not named and counts as wall: {_said(cap)}" for cap in left],
    )


def _nearest(caps: list[Cap], name: str, point: Array) -> int:
    if not caps:
        raise MeshError(
            "the boundary has no flat ends",
            where="mesh.openings",
            do="cut the vessel's ends square, or tag them in the mesh file",
        )
    distance = [float(np.linalg.norm(cap.centre - point)) for cap in caps]
    nearest = int(np.argmin(distance))
    if distance[nearest] > caps[nearest].radius:
        raise MeshError(
            f"the opening {name!r} is {1e3 * distance[nearest]:.1f} mm from the nearest flat end",
            where=f"mesh.openings.{name}.at",
            do=f"flat ends of {FEWEST} triangles or more are: "
            + "; ".join(_said(cap) for cap in caps)
            + "; where the mesh is too coarse for that, tag its ends or use a finer one",
        )
    return nearest


def _said(cap: Cap) -> str:
    place = ", ".join(f"{1e3 * x:.1f}" for x in cap.centre)
    return f"at ({place}) mm with radius {1e3 * cap.radius:.1f} mm"
