"""What the picture shows, as arrays, and from where: vein, wall shear stress, clot, camera.

Coordinates are LPS (x to the patient's left, y to the back, z to the head). The vein is seen from
the front, so that the patient's right is on the left of the picture; a vein that runs from front
to back is seen from the patient's left. Both renderers draw this scene with this projection.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from core.store import Results
from postprocess.inputs.vessel import EXTENSION

Array = NDArray[Any]
CLOT_LEVEL = 0.5
PIXELS = (900, 1100)
"""Width and height of the rendered picture."""
MARGIN = 0.10
"""Free border of the picture, as a share of its width and height."""


@dataclass(frozen=True)
class Camera:
    """A parallel projection: centre, right and up (3), and metres a pixel."""

    centre: Array
    right: Array
    up: Array
    scale: float
    letters: tuple[str, str]

    @property
    def towards(self) -> Array:
        """Unit vector from the scene to the camera."""
        return np.asarray(np.cross(self.right, self.up))

    def pixels(self, points: Array) -> Array:
        """Pixel positions (n, 2) of points (n, 3), from the upper left corner."""
        offset = (np.atleast_2d(points) - self.centre) / self.scale
        across = 0.5 * PIXELS[0] + offset @ self.right
        return np.column_stack([across, 0.5 * PIXELS[1] - offset @ self.up])


@dataclass(frozen=True)
class Scene:
    """Wall triangles with stress at their points, those of extensions, the clot's tetrahedra."""

    points: Array
    wall: Array
    stress: Array
    extension: Array
    clot_cells: Array
    clot: Array
    camera: Camera

    def arrays(self) -> dict[str, Array]:
        """The scene as plain arrays, for the process that draws it."""
        camera = self.camera
        return {
            "points": self.points, "wall": self.wall, "stress": self.stress,
            "extension": self.extension, "clot_cells": self.clot_cells, "clot": self.clot,
            "centre": camera.centre, "right": camera.right, "up": camera.up,
            "scale": np.array(camera.scale), "pixels": np.array(PIXELS),
        }


def scene(results: Results) -> Scene:
    """The scene of a run."""
    points = np.asarray(results.points(), dtype=float)
    facets = results.array("wall/facets").astype(np.int64)
    outside = on_extension(results, len(facets))
    look_from = camera(points[np.unique(facets)])
    tawss = results.array("flow/wall/tawss").astype(float)
    stress = smoothed(tawss, results.array("wall/area").astype(float), facets, len(points))
    cells, fraction = np.zeros((0, 4), dtype=np.int64), np.zeros(0)
    hidden: Array = np.zeros(len(facets), dtype=bool)
    if results.has("clot/fraction"):
        fraction = results.array("clot/fraction")[-1].astype(float)
        every = results.cells()
        cells = every[(fraction[every] > CLOT_LEVEL).any(axis=1)]
        if len(cells):
            hidden = in_front_of(results, points, points[fraction > CLOT_LEVEL], look_from)
    return Scene(
        points, facets[~outside & ~hidden], stress,
        facets[outside & ~hidden], cells, fraction, look_from,
    )


def on_extension(results: Results, count: int) -> Array:
    """Which of ``count`` wall facets belong to a flow extension."""
    region = results.array("wall/region") if results.has("wall/region") else np.zeros(count)
    return np.asarray(region == EXTENSION)


def skin(cells: Array, fraction: Array) -> Array:
    """Triangles (n, 3) between cells (C, 4) that are clot by their mean fraction and others."""
    inside = cells[fraction[cells].mean(axis=1) > CLOT_LEVEL]
    faces = inside[:, [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]].reshape(-1, 3)
    _, first, count = np.unique(
        np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True
    )
    return np.asarray(faces[first[count == 1]])


def camera(points: Array) -> Camera:
    """The camera that fits ``points`` (n, 3) into the picture."""
    span = np.ptp(points, axis=0)
    sagittal = span[1] > 2 * max(span[0], span[2])
    right = np.array([0.0, 1.0, 0.0]) if sagittal else np.array([1.0, 0.0, 0.0])
    up = np.array([0.0, 0.0, 1.0])
    width, height = float(np.ptp(points @ right)), float(np.ptp(points @ up))
    room = 1 - 2 * MARGIN
    scale = max(width / (room * PIXELS[0]), height / (room * PIXELS[1]), 1e-9)
    middle = 0.5 * (points.min(axis=0) + points.max(axis=0))
    return Camera(middle, right, up, scale, ("A", "P") if sagittal else ("R", "L"))


def smoothed(values: Array, area: Array, facets: Array, count: int) -> Array:
    """Values of facets (F,) at points (N,): the area mean of the facets around each."""
    total, weight = np.zeros(count), np.zeros(count)
    for column in facets.T:
        np.add.at(total, column, values * area)
        np.add.at(weight, column, area)
    return np.divide(total, weight, out=np.zeros(count), where=weight > 0)


def in_front_of(results: Results, points: Array, clot: Array, view: Camera) -> Array:
    """Which wall facets (F,) would hide the ``clot`` points: those facing the camera there."""
    facets = results.array("wall/facets").astype(np.int64)
    if not len(clot):
        return np.zeros(len(facets), dtype=bool)
    facing = results.array("wall/normal") @ view.towards > 0.1
    edge = float(np.sqrt(2 * np.median(results.array("wall/area"))))
    flat = np.column_stack([view.right, view.up])
    near, _ = cKDTree(clot @ flat).query(points[facets].mean(axis=1) @ flat)
    return np.asarray(facing & (near < 2 * edge))
