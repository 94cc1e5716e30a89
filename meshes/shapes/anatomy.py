"""A parametric iliac confluence: centre curves with elliptical sections, as a distance function.

Millimetres; axes as in DICOM (x to the patient's left, y to the back, z to the head); the
confluence of the common iliac veins is the origin. Course of the vessels: drawn after anatomy
atlases, not after a patient; calibres and compression are arguments.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from meshes.ends.openings import End
from meshes.ends.vmtk_lines import Line
from meshes.surface import Surface, contour

Array = NDArray[Any]

CAVA = np.array([[0, 0, 0], [1, -1, 30], [1, -3, 62], [0, -4, 90]], dtype=float)
LEFT = np.array(
    [[0, 0, 0], [15, 5, -9], [35, 8, -33], [50, 3, -66], [60, -12, -100], [66, -26, -128]],
    dtype=float,
)
RIGHT = np.array(
    [[0, 0, 0], [-8, 4, -15], [-20, 8, -40], [-35, 3, -70], [-46, -12, -102], [-52, -26, -130]],
    dtype=float,
)
INTERNAL = np.array([[0, 0, 0], [-5, 12, -10], [-12, 22, -26], [-14, 28, -38]], dtype=float)
"""The left internal iliac vein from where it joins; the right one is its mirror image."""

THIGH = np.array([[4, -6, -44], [7, -8, -92], [9, -2, -142], [11, 6, -194]], dtype=float)
"""The left femoral vein, from where the iliac vein's course ends down the thigh."""

DEEP = np.array([[0, 0, 0], [3, 7, -14], [7, 15, -34], [10, 20, -58]], dtype=float)
"""The left deep femoral vein from where it joins."""

GROIN = 45.0
"""The deep femoral vein joins so far below the end of the iliac course [mm]."""

BLEND = 2.5
"""Rounding of the crotch between two veins [mm]."""

STEP = 0.25
"""Distance of the curves' points [mm]."""

GRID = 0.7
"""Grid of the distance function [mm]; its contour is off by about GRID² / 8r, 0.03 mm at worst."""


@dataclass(frozen=True)
class Tube:
    """A vessel from its peripheral end towards the heart: curve, semi-axes and the flat direction.

    ``depth`` is the semi-axis along ``front`` (front to back), ``width`` the one across. [mm]
    """

    name: str
    curve: Array
    depth: Array
    width: Array
    front: Array
    tangent: Array

    @property
    def line(self) -> Line:
        """The curve with the radius of the inscribed sphere."""
        return Line(self.curve, np.minimum(self.depth, self.width))

    @property
    def arc(self) -> Array:
        """Arc length from the peripheral end [mm]."""
        return self.line.arc

    @property
    def area(self) -> Array:
        """Area of the section [mm²]."""
        return np.pi * self.depth * self.width


@dataclass(frozen=True)
class Shape:
    """Calibres and compression [mm, mm², fractions]: what `confluence` sets."""

    cava_area: float = 265.3
    left_area: float = 193.9
    right_area: float = 166.9
    left_external_area: float = 136.5
    right_external_area: float = 140.9
    internal_radius: float = 3.5
    common_length: float = 60.0
    cava_length: float = 60.0
    leg_length: float = 90.0
    stenosis: float = 0.7
    stenosis_at: float = 20.0
    stenosis_length: float = 14.0
    flatness: float = 3.0
    internal: bool = False
    femoral_length: float = 0.0
    femoral_area: float = 114.0
    deep_radius: float = 3.0


def tubes(shape: Shape) -> list[Tube]:
    """The veins of the confluence: "cava", "left", "right" and, if wanted, the internal ones."""
    cava = _course(CAVA, shape.cava_length)
    left, right = (_leg(controls, shape) for controls in (LEFT, RIGHT))
    left_area = _areas(shape, left, shape.left_area, shape.left_external_area)
    right_area = _areas(shape, right, shape.right_area, shape.right_external_area)
    s = np.arange(len(left)) * STEP
    press = np.exp(-4 * np.log(2) * ((s - shape.stenosis_at) / shape.stenosis_length) ** 2)
    pressed = left_area * (1 - shape.stenosis * press)
    parts = [
        _tube("cava", cava, np.full(len(cava), shape.cava_area), np.ones(len(cava))),
        _tube("left", left, pressed, shape.flatness**press),
        _tube("right", right, right_area, np.ones(len(right))),
    ]
    if shape.internal:
        parts += _twigs("internal", INTERNAL, 38.0, shape.internal_radius, left, right,
                        shape.common_length)  # fmt: skip
    if shape.femoral_length > GROIN:
        parts += _twigs("deep", DEEP, 60.0, shape.deep_radius, left, right,
                        shape.leg_length + GROIN)  # fmt: skip
    # the cava's curve leaves the confluence; the legs' curves arrive there when turned round
    return [_turned(part) if part.name != "cava" else part for part in parts]


def _leg(controls: Array, shape: Shape) -> Array:
    """The course of an iliac vein, carried on down the thigh where that is wanted."""
    iliac = _course(controls, shape.leg_length)
    if shape.femoral_length <= 0:
        return iliac
    mirror = np.sign(controls[-1, 0]) * np.array([1, 0, 0]) + np.array([0, 1, 1])
    # a centimetre apart: a spline through all points would follow their rounding
    whole = np.concatenate([iliac[::40], iliac[-1] + THIGH * mirror])
    return _course(whole, shape.leg_length + shape.femoral_length)


def _areas(shape: Shape, curve: Array, common: float, external: float) -> Array:
    """Lumen along a leg's course [mm²]: common iliac, external iliac, femoral."""
    s = np.arange(len(curve)) * STEP
    area = common + (external - common) * _handover(s, shape.common_length)
    if shape.femoral_length > 0:
        area = area + (shape.femoral_area - external) * _handover(s, shape.leg_length)
    return np.asarray(area)


def _twigs(
    name: str, controls: Array, length: float, radius: float, left: Array, right: Array, at: float
) -> list[Tube]:
    """A vein that joins each leg at ``at`` [mm] along its course, mirrored on the right."""
    start = min(int(at / STEP), len(left) - 1, len(right) - 1)
    twig = _course(controls, length)
    area = np.full(len(twig), np.pi * radius**2)
    even = np.ones(len(twig))
    return [
        _tube(f"left_{name}", left[start] + twig, area, even),
        _tube(f"right_{name}", right[start] + twig * [-1, 1, 1], area, even),
    ]


def _course(controls: Array, length: float) -> Array:
    """Points every `STEP` along a smooth curve through ``controls``, cut at ``length`` [mm]."""
    chord = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(controls, axis=0), axis=1))])
    spline = CubicSpline(chord, controls)
    fine = spline(np.linspace(0, chord[-1], 4000))
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(fine, axis=0), axis=1))])
    at = np.arange(0, min(length, arc[-1]) + 1e-9, STEP)
    return np.stack([np.interp(at, arc, fine[:, i]) for i in range(3)], axis=1)


def _handover(s: Array, at: float, over: float = 10.0) -> Array:
    """0 before and 1 after ``at``, smooth over ``over`` [mm] either side."""
    x = np.clip((s - at) / (2 * over) + 0.5, 0, 1)
    return x * x * (3 - 2 * x)


def _tube(name: str, curve: Array, area: Array, flatness: Array) -> Tube:
    """A tube from the confluence outwards, ``flatness`` = width over depth."""
    tangent = np.gradient(curve, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1)[:, None]
    front = np.array([0.0, -1.0, 0.0]) + tangent * tangent[:, 1:2]
    front /= np.linalg.norm(front, axis=1)[:, None]
    depth = np.sqrt(area / (np.pi * flatness))
    return Tube(name, curve, depth, depth * flatness, front, tangent)


def _turned(tube: Tube) -> Tube:
    return Tube(
        tube.name,
        tube.curve[::-1],
        tube.depth[::-1],
        tube.width[::-1],
        tube.front[::-1],
        -tube.tangent[::-1],
    )


def _prolonged(tube: Tube, beyond: float) -> Tube:
    """The tube with its free end carried on straight for ``beyond`` [mm]."""
    last = -1 if tube.name == "cava" else 0
    way = tube.tangent[last] * (1 if last else -1)
    steps = np.arange(STEP, beyond, STEP)
    added = tube.curve[last] + steps[:, None] * way
    axes = [np.full(len(steps), axis[last]) for axis in (tube.depth, tube.width)]
    ways = [np.tile(x[last], (len(steps), 1)) for x in (tube.front, tube.tangent)]
    pairs = zip(
        (added, *axes, *ways),
        (tube.curve, tube.depth, tube.width, tube.front, tube.tangent),
        strict=True,
    )
    if last:
        return Tube(tube.name, *(np.concatenate([old, new]) for new, old in pairs))
    return Tube(tube.name, *(np.concatenate([new[::-1], old]) for new, old in pairs))


def distance(points: Array, tube: Tube, beyond: float = 0.0) -> Array:
    """About the signed distance of ``points`` (n, 3) from the tube's wall [mm], negative inside.

    Zero on the ellipse exactly, first order near it, 100 far away. The free end is carried on
    straight for ``beyond`` [mm], so that a plane can cut it.
    """
    tube = _prolonged(tube, beyond)
    reach = float(max(tube.width.max(), tube.depth.max())) + 2 * BLEND
    _, near = cKDTree(tube.curve).query(points, distance_upper_bound=reach)
    result = np.full(len(points), 1e2)
    close = near < len(tube.curve)
    near = near[close]
    offset = points[close] - tube.curve[near]
    side = np.cross(tube.tangent[near], tube.front[near])
    frame = (tube.front[near], side, tube.tangent[near])
    p = np.stack([np.einsum("ij,ij->i", offset, axis) for axis in frame])
    axes = np.stack([tube.depth[near], tube.width[near], tube.depth[near]])
    k0, k1 = (np.linalg.norm(p / axes**power, axis=0) for power in (1, 2))
    result[close] = np.where(k1 > 1e-9, k0 * (k0 - 1) / np.maximum(k1, 1e-9), -axes.min(axis=0))
    return result


def union(points: Array, parts: list[Tube], beyond: float = 0.0) -> Array:
    """Signed distance from the joined veins [mm], crotches rounded."""
    result: Array = np.full(len(points), 1e2)
    for part in parts:
        here = distance(points, part, beyond)
        mix = np.clip(0.5 + 0.5 * (result - here) / BLEND, 0, 1)
        result = result * (1 - mix) + here * mix - BLEND * mix * (1 - mix)
    return result


def ends(parts: list[Tube]) -> list[End]:
    """The cuts at the veins' ends, the root ("cava") first."""
    found = []
    for part in parts:
        last = -1 if part.name == "cava" else 0
        out = part.tangent[last] * (1 if last else -1)
        radius = float(np.sqrt(part.area[last] / np.pi))
        found.append(End(part.name, part.curve[last], out, radius, part.curve[last] + 5 * out))
    return found


def surface_of(parts: list[Tube], grid: float = GRID) -> Surface:
    """The closed surface of joined veins [mm], their free ends 8 mm too long."""
    beyond = 8.0
    margin = beyond + max(float(part.width.max()) for part in parts) + 2 * grid
    every = np.concatenate([part.curve for part in parts])
    low = every.min(axis=0) - margin
    shape = np.ceil((every.max(axis=0) + margin - low) / grid).astype(int) + 1
    index = np.indices(shape).reshape(3, -1).T
    values = -union(low + index * grid, parts, beyond).reshape(shape)
    # smoothed, for the contour of a smooth function has slivers that spoil curvature
    return contour(values, 0.0, lambda i: low + i * grid, smooth=True)
