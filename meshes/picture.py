"""Pictures for a look before computing: a label's outline on slices, a surface with its ends."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError
from meshes.ends.proposals import Found
from meshes.images.image import Image
from meshes.meshing.apart import apart
from meshes.surface import Surface, to_vtk

Array = NDArray[Any]

ROWS = 3
"""Slices shown along each axis."""


def slices(scan: Image, label: Image | None, path: Path) -> None:
    """Write a PNG of slices along the three axes, the label's outline in red."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 10), facecolor="white")
    low, high = np.percentile(scan.values, [1, 99.5])
    mask = np.zeros(scan.values.shape, dtype=bool) if label is None else label.values > 0
    for axis in range(3):
        others = [k for k in range(3) if k != axis]
        for column, k in enumerate(_worth(mask, axis)):
            place = figure.add_subplot(3, ROWS, axis * ROWS + column + 1)
            flat = np.take(scan.values, k, axis=axis).T
            shape = float(scan.spacing[others[1]] / scan.spacing[others[0]])
            place.imshow(flat, cmap="gray", vmin=low, vmax=high, aspect=shape, origin="lower")
            outline = np.take(mask, k, axis=axis).T
            if outline.any():
                place.contour(outline, [0.5], colors="red", linewidths=0.8)
            place.set_title(f"{'ijk'[axis]} = {k}", fontsize=8)
            place.set_axis_off()
    _write(lambda: FigureCanvasAgg(figure).print_png(str(path)), path)


def surface(of: Surface, ends: Sequence[Found], path: Path) -> None:
    """Write a PNG of a surface from the front and the side, its possible openings named."""
    folder = path.absolute().parent
    if not folder.is_dir():
        raise CaseError("there is no such folder", where=str(folder), do="make it first")
    apart(_draw, of, list(ends), str(path))


def _draw(of: Surface, ends: list[Found], path: str) -> None:
    import pyvista

    plotter = pyvista.Plotter(off_screen=True, shape=(1, 2), window_size=(1400, 900))
    for column, azimuth in enumerate((0, 90)):
        plotter.subplot(0, column)
        plotter.add_mesh(pyvista.wrap(to_vtk(of)), color="#c9a9a6", smooth_shading=True)
        if ends:
            centres = np.array([end.centre for end in ends])
            plotter.add_point_labels(centres, [end.name for end in ends], always_visible=True)
        # LPS: y to the back, z to the head; seen from the front
        plotter.camera_position = [(0, -1, 0), (0, 0, 0), (0, 0, 1)]
        plotter.camera.azimuth = azimuth
        plotter.reset_camera()
    plotter.screenshot(path)


def _worth(mask: Array, axis: int) -> list[int]:
    """Slices that show most: evenly over the label, or over the image without one."""
    there = np.flatnonzero(mask.any(axis=tuple(k for k in range(3) if k != axis)))
    low, high = (there[0], there[-1]) if len(there) else (0, mask.shape[axis] - 1)
    return [round(low + (high - low) * (k + 1) / (ROWS + 1)) for k in range(ROWS)]


def _write(write: Any, path: Path) -> None:
    try:
        write()
    except OSError as error:
        raise CaseError(
            "the picture cannot be written", where=str(path), do=str(error.strerror)
        ) from error
