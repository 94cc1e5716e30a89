"""Draws a scene with VTK in a process of its own: VTK ends its process where there is no OpenGL.

python -m postprocess.pictures.draw_vtk SCENE.npz PICTURE.png
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyvista
from numpy.typing import NDArray

from postprocess.pictures.look import CLOT, WALL_STRESS

Array = NDArray[Any]


def draw(source: Path, target: Path) -> None:
    """Render the arrays of a `postprocess.pictures.scene.Scene` in ``source`` to ``target``."""
    with np.load(source) as file:
        s = {name: file[name] for name in file.files}
    width, height = (int(n) for n in s["pixels"])
    plotter = pyvista.Plotter(off_screen=True, window_size=(width, height))
    plotter.set_background("white")
    plotter.enable_anti_aliasing("ssaa")
    light = {"smooth_shading": True, "ambient": 0.35, "specular": 0.15}
    if len(s["wall"]):
        vein = _surface(s["points"], s["wall"])
        vein.point_data["stress"] = s["stress"]
        plotter.add_mesh(
            vein, scalars="stress", cmap="cividis", clim=WALL_STRESS, show_scalar_bar=False,
            **light,
        )
    if len(s["extension"]):
        plotter.add_mesh(_surface(s["points"], s["extension"]), color="#c9ced4", **light)
    if len(s["clot_cells"]):
        plotter.add_mesh(_clot(s), color=CLOT, ambient=0.3, specular=0.2, smooth_shading=True)
    towards = np.cross(s["right"], s["up"])
    reach = 10 * float(np.ptp(s["points"], axis=0).max())
    view = plotter.camera
    view.focal_point, view.up = tuple(s["centre"]), tuple(s["up"])
    view.position = tuple(s["centre"] + reach * towards)
    plotter.enable_parallel_projection()
    view.parallel_scale = 0.5 * height * float(s["scale"])
    view.clipping_range = (0.5 * reach, 1.5 * reach)
    plotter.screenshot(target)
    plotter.close()


def _surface(points: Array, triangles: Array) -> pyvista.PolyData:
    faces = np.column_stack([np.full(len(triangles), 3), triangles])
    return pyvista.PolyData(points, faces.ravel())


def _clot(s: dict[str, Array]) -> pyvista.PolyData:
    """The closed surface of the region where the clot fraction exceeds one half."""
    cells = {pyvista.CellType.TETRA: s["clot_cells"]}
    grid = pyvista.UnstructuredGrid(cells, s["points"])
    grid.point_data["clot"] = s["clot"]
    body = grid.clip_scalar("clot", value=0.5, invert=False)
    return body.extract_surface(algorithm="dataset_surface").triangulate().clean()


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
