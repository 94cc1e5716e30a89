"""The picture of a report: vein by wall shear stress, clot, letters, callouts, colour bar."""

import logging
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import imread
from numpy.typing import NDArray

from core.store import Results
from postprocess.pictures import draw_flat, look
from postprocess.pictures.scene import PIXELS, Camera, Scene, scene
from postprocess.reporting.words import Words

log = logging.getLogger(__name__)
Array = NDArray[Any]
ROOT = Path(__file__).resolve().parent.parent.parent
TIMEOUT = 180
"""Seconds after which the drawing process is given up."""
SIZE = (2.44, 3.28)
"""Size on the page [inch]."""
BAR = 0.14
"""Share of the height that the colour bar takes."""
ENGLISH = Words()
ARROWS = "→↗↑↖←↙↓↘"


@dataclass(frozen=True)
class Callout:
    """A place (3) [m] and what to say about it; ``quiet`` where it is no more than its name."""

    point: Sequence[float]
    text: str
    quiet: bool = False


def picture(
    results: Results, target: Path, callouts: Sequence[Callout], *,
    planes: Sequence[Sequence[float]] = (), heart: Array | None, words: Words = ENGLISH,
) -> str:
    """Draw the vein of a run to ``target``; returns which renderer drew it ("vtk" or "flat").

    ``planes`` are the points between which the gradient is taken; ``heart`` is the direction of
    blood in the model, for the arrow; None where it is not known.
    """
    what = scene(results)
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.png"
        drawn_by = bare_picture(what, bare)
        image = np.asarray(imread(bare))[..., :3]
    with look.style():
        figure = compose(image, what.camera, callouts, heart, words)
        _mark_planes(figure, what.camera, planes)
        figure.savefig(target, metadata={"Software": None})
    return drawn_by


def bare_picture(what: Scene, target: Path) -> str:
    """Draw the scene alone: by VTK in a child process, or flat where that fails."""
    arrays = target.with_suffix(".npz")
    table: dict[str, Any] = dict(what.arrays())
    np.savez(arrays, **table)
    module = "postprocess.pictures.draw_vtk"
    command = [sys.executable, "-P", "-m", module, str(arrays), str(target)]
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment: Mapping[str, str] = {
        "VTK_DEFAULT_OPENGL_WINDOW": "vtkEGLRenderWindow",
        **os.environ, "PYTHONPATH": os.pathsep.join(paths),
    }
    try:
        subprocess.run(command, env=environment, capture_output=True, check=True, timeout=TIMEOUT)
        if target.exists():
            return "vtk"
        reason = "it wrote no picture"
    except subprocess.TimeoutExpired:
        reason = f"it took longer than {TIMEOUT} s"
    except subprocess.CalledProcessError as error:
        reason = f"it ended with code {error.returncode}"
    log.warning("the picture is drawn without OpenGL: VTK failed, %s", reason)
    draw_flat.draw(what, target)
    return "flat"


def compose(
    image: Array, camera: Camera, callouts: Sequence[Callout], heart: Array | None, words: Words
) -> Figure:
    """Letters, arrow, callouts and colour bar around the bare picture."""
    figure = Figure(figsize=SIZE, dpi=300)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, BAR, 1, 1 - BAR))
    axes.imshow(image, aspect="equal", interpolation="lanczos")
    axes.axis("off")
    width, height = PIXELS
    for x, letter in ((0.03, camera.letters[0]), (0.97, camera.letters[1])):
        axes.text(
            x * width, 0.5 * height, words(letter), fontsize=9 if len(words(letter)) == 1 else 6,
            weight="bold", ha="center", va="center", color=look.INK,
        )
    if heart is not None:
        axes.text(
            0.5 * width, 0.035 * height, words(f"towards heart {_arrow(heart, camera)}"),
            ha="center", va="center", fontsize=7, color=look.SECOND,
        )
    taken = _ink(image)
    for callout in callouts:
        at = camera.pixels(np.asarray(callout.point))[0]
        said = "\n".join(words(line) for line in callout.text.splitlines())
        said = textwrap.fill(said, 18) if callout.quiet else said
        size = 5.6 if callout.quiet else 6.8
        place = _free_place(at, said, taken, size / 6.8)
        colour = look.SECOND if callout.quiet else look.INK
        axes.annotate(
            said, at, place, fontsize=size, ha="center", va="center", color=colour,
            linespacing=1.15, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "lw": 0.35 if callout.quiet else 0.7, "color": colour,
                        "shrinkA": 1, "shrinkB": 0},
        )
    _colour_bar(figure, words)
    return figure


def _mark_planes(figure: Figure, camera: Camera, planes: Sequence[Sequence[float]]) -> None:
    """Triangles where the gradient is taken, as in the plot along the vein."""
    for point in planes:
        x, y = camera.pixels(np.asarray(point))[0]
        figure.axes[0].plot(
            x, y, "^", ms=3.2, mfc="white", mec=look.INK, mew=0.5, zorder=4, scalex=False,
            scaley=False,
        )


def _arrow(heart: Array, camera: Camera) -> str:
    across, up = float(heart @ camera.right), float(heart @ camera.up)
    turn = round(np.arctan2(up, across) / (np.pi / 4))
    return ARROWS[turn % 8]


def _ink(image: Array) -> Array:
    """Where the picture is not white, and where the letters and the arrow stand."""
    taken: Array = np.array((image < 0.98).any(axis=2))
    height, width = taken.shape
    taken[: int(0.07 * height)] = True
    band = slice(int(0.46 * height), int(0.54 * height))
    taken[band, : int(0.07 * width)] = True
    taken[band, int(0.93 * width):] = True
    return taken


def _free_place(
    at: Array, text: str, taken: Array, size: float = 1.0
) -> tuple[float, float]:
    """The middle of the nearest free place for ``text`` by ``at`` [pixels]; it is then taken."""
    height, width = taken.shape
    lines = text.splitlines()
    # a letter is about 20 pixels wide and a line 44 high at this size and resolution
    half = size * np.array([10.0 * max(map(len, lines)) + 12, 22.0 * len(lines) + 8])
    total = np.pad(np.cumsum(np.cumsum(taken, axis=0), axis=1), ((1, 0), (1, 0)))
    best, place = np.inf, (float(at[0]), float(at[1]))
    for radius in range(60, 700, 20):
        for angle in np.arange(0, 2 * np.pi, np.pi / 8):
            x, y = at + radius * np.array([np.cos(angle), np.sin(angle)])
            left, right = int(x - half[0]), int(x + half[0])
            top, low = int(y - half[1]), int(y + half[1])
            if left < 0 or top < 0 or right >= width or low >= height:
                continue
            corners = total[low, right], total[top, left], total[top, right], total[low, left]
            covered = corners[0] + corners[1] - corners[2] - corners[3]
            cost = radius + 3000 * covered / (4 * half[0] * half[1])
            if cost < best:
                best, place = float(cost), (float(x), float(y))
    x, y = place
    rows = slice(max(0, int(y - half[1])), int(y + half[1]))
    taken[rows, max(0, int(x - half[0])): int(x + half[0])] = True
    return place


def _colour_bar(figure: Figure, words: Words) -> None:
    axes = figure.add_axes((0.18, 0.1, 0.64, 0.022))
    mapping = ScalarMappable(Normalize(*look.WALL_STRESS), colormaps["cividis"])
    bar = figure.colorbar(
        mapping, cax=axes, orientation="horizontal", ticks=[0, 0.1, 0.2, 0.3], extend="max",
        format=look.Decimals(words),
    )
    bar.set_label(words("Time-averaged wall shear stress (Pa)"), labelpad=1.5, fontsize=6.8)
    bar.ax.tick_params(length=2, pad=1.5, labelsize=6.8)
