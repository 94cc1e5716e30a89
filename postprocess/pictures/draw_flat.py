"""Draws a scene without OpenGL: triangles from back to front, shaded by their slope."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from postprocess.pictures.look import CLOT, WALL_STRESS
from postprocess.pictures.scene import PIXELS, Scene, skin

Array = NDArray[Any]


def draw(scene: Scene, target: Path) -> None:
    """Render ``scene`` to the picture ``target``."""
    low, high = WALL_STRESS
    level = np.clip((scene.stress[scene.wall].mean(axis=1) - low) / (high - low), 0, 1)
    clot = skin(scene.clot_cells, scene.clot)
    triangles = np.concatenate([scene.wall, scene.extension, clot])
    colours = np.concatenate([
        colormaps["cividis"](level)[:, :3],
        np.tile(to_rgb("#c9ced4"), (len(scene.extension), 1)),
        np.tile(to_rgb(CLOT), (len(clot), 1)),
    ])
    corner = scene.points[triangles]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1), 1e-300)[:, None]
    # the light stands beside the camera; a triangle may be turned either way
    shade = 0.4 + 0.6 * np.abs(normal @ scene.camera.towards)
    order = np.argsort(corner.mean(axis=1) @ scene.camera.towards)
    colours = np.clip(colours * shade[:, None], 0, 1)[order]
    shape = scene.camera.pixels(corner.reshape(-1, 3)).reshape(-1, 3, 2)[order]
    figure = Figure(figsize=(PIXELS[0] / 100, PIXELS[1] / 100), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    outlines: Any = shape
    axes.add_collection(PolyCollection(outlines, facecolors=colours, edgecolors=colours, lw=0.3))
    axes.set_xlim(0, PIXELS[0])
    axes.set_ylim(PIXELS[1], 0)
    axes.axis("off")
    figure.savefig(target)

