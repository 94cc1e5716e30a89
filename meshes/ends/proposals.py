"""Where a vessel seems to end: proposals for a person to confirm, never used unattended.

On a label: the tips of its skeleton. On a surface: its holes and flat caps. On a mesh: its tagged
patches, or flat caps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from meshes import topology
from meshes.ends import caps
from meshes.images.image import Image
from meshes.surface import Surface, boundary_rings

Array = NDArray[Any]

SPUR = 1.25
"""A skeleton's twig shorter than so many radii of the vessel it leaves is no branch."""

ALL_ROUND = np.ones((3, 3, 3), dtype=int)


@dataclass(frozen=True)
class Found:
    """A possible opening: a name, its middle and the way out of the vessel, its radius [mm]."""

    name: str
    centre: Array
    outward: Array
    radius: float

    @property
    def area(self) -> float:
        """Area of a circle of that radius [mm²]."""
        return float(np.pi * self.radius**2)


def of_label(mask: Image) -> list[Found]:
    """The tips of the label's skeleton, carried on to where they leave the label."""
    even, label = _even(mask)
    depth = ndimage.distance_transform_edt(label)
    ends = []
    for twig in _twigs(label, depth):
        tip, behind = (even.to_mm(twig[k][None].astype(float))[0] for k in (0, -1))
        way = tip - behind
        way /= max(float(np.linalg.norm(way)), 1e-12)
        radius = float(max(depth[tuple(p)] for p in twig)) * float(even.spacing[0])
        ends.append(Found("", _leaving(even, label, tip, way), way, radius))
    return named(ends)


def of_surface(surface: Surface) -> list[Found]:
    """Its holes and its flat caps [mm]."""
    ends = []
    for ring in boundary_rings(surface.triangles):
        place = surface.points[ring]
        centre = place.mean(axis=0)
        around = np.cross(place - centre, np.roll(place, -1, axis=0) - centre).sum(axis=0) / 2
        area = float(np.linalg.norm(around))
        ends.append(Found("", centre, -around / max(area, 1e-12), float(np.sqrt(area / np.pi))))
    for cap in caps.find(surface.points, surface.triangles):
        vectors = topology.facet_vectors(surface.points, surface.triangles[cap.rows])
        total = vectors.sum(axis=0)
        ends.append(Found("", cap.centre, total / np.linalg.norm(total), cap.radius))
    return named(ends)


def named(ends: Sequence[Found]) -> list[Found]:
    """The ends with names by place, the widest ("root") first: it is taken for the heart's side.

    Two others are "left" and "right" where they lie at least a centimetre apart in x (LPS).
    """
    ordered = sorted(ends, key=lambda end: -end.radius)
    others = sorted(ordered[1:], key=lambda end: -float(end.centre[0]))
    names = [f"end_{k + 1}" for k in range(len(others))]
    if len(others) == 2 and others[0].centre[0] - others[1].centre[0] > 10.0:
        names = ["left", "right"]
    rest = [replace(end, name=name) for end, name in zip(others, names, strict=True)]
    return [*(replace(end, name="root") for end in ordered[:1]), *rest]


def _even(mask: Image) -> tuple[Image, Array]:
    """The label's largest piece on a grid of even spacing, about its finest but 0.6 mm."""
    step = max(float(mask.spacing.min()), 0.6)
    zoom = mask.spacing / step
    size = np.maximum(np.round(np.array(mask.values.shape) * zoom), 2).astype(int)
    index = [np.minimum((np.arange(n) / z).round().astype(int), m - 1)
             for n, z, m in zip(size, zoom, mask.values.shape, strict=True)]  # fmt: skip
    values = mask.values[np.ix_(*index)]
    pieces, _ = ndimage.label(values)
    label = pieces == np.argmax(np.bincount(pieces.ravel())[1:]) + 1
    return replace(mask, values=label, spacing=np.full(3, step)), label


def _twigs(label: Array, depth: Array) -> list[Array]:
    """The ends of the skeleton: voxels (n, 3) from each tip inwards for about two radii."""
    from skimage.morphology import skeletonize

    line = np.asarray(skeletonize(label)).astype(bool)
    degree = ndimage.convolve(line.astype(int), ALL_ROUND, mode="constant") - 1
    twigs = []
    for tip in np.argwhere(line & (degree == 1)):
        path, length = [tip], 0.0
        seen = {tuple(tip)}
        while True:
            near = [p for p in _neighbours(path[-1], line) if tuple(p) not in seen]
            if len(near) != 1 or degree[tuple(path[-1])] > 2:
                break
            length += float(np.linalg.norm(near[0] - path[-1]))
            path.append(near[0])
            seen.add(tuple(near[0]))
        at_branch = len(path) > 1 and degree[tuple(path[-1])] > 2
        if at_branch and length < SPUR * depth[tuple(path[-1])]:
            continue
        reach = max(3, int(2 * np.median([depth[tuple(p)] for p in path])))
        twigs.append(np.array(path[: min(reach, len(path))]))
    return [twig for twig in twigs if len(twig) > 1]


def _neighbours(voxel: Array, line: Array) -> list[Array]:
    low = np.maximum(voxel - 1, 0)
    box = line[tuple(slice(a, b) for a, b in zip(low, voxel + 2, strict=True))]
    found = np.argwhere(box) + low
    return [p for p in found if (p != voxel).any()]


def _leaving(even: Image, label: Array, tip: Array, way: Array) -> Array:
    """Where a ray from ``tip`` leaves the label [mm]."""
    step = float(even.spacing[0])
    ray = tip + np.outer(np.arange(0, 80) * step / 2, way)
    index = np.round(even.to_index(ray)).astype(int)
    inside = ((index >= 0) & (index < label.shape)).all(axis=1)
    held = np.zeros(len(ray), dtype=bool)
    held[inside] = label[tuple(index[inside].T)]
    return ray[max(int(np.argmin(held)) - 1, 0)] if not held.all() else tip
