"""Label map → mesh: time and memory for a million cells, and how true the surface is.

The vessel is the parametric confluence (70 % compression) drawn on voxels of 0.8 × 0.8 × 1 mm.
Sections more than 25 mm from the confluence and 8 mm from the ends are compared with the
ellipses that the vessel was drawn from.
"""

import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
from numpy.typing import NDArray

from core.settings import read
from meshes.build import build
from meshes.images import image, labels
from meshes.shapes import anatomy
from meshes.sources.mask import Mask
from meshes.surface import Surface

SHAPE = anatomy.Shape(stenosis=0.7, cava_length=62.0, leg_length=110.0)
SPACING = np.array([0.8, 0.8, 1.0])
AWAY_FROM_CONFLUENCE, AWAY_FROM_ENDS = 25.0, 8.0
SOURCE = "parametric confluence on voxels of 0.8 × 0.8 × 1 mm"

Array = NDArray[np.floating]


def run() -> list[dict[str, object]]:
    """Rows of cost and of accuracy."""
    veins = anatomy.tubes(SHAPE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "veins.nii.gz")
        sitk.WriteImage(image.to_itk(drawn(veins)), str(path))
        return [*accuracy(veins, path), *cost(veins, path)]


def drawn(veins: list[anatomy.Tube]) -> image.Image:
    """The veins' label map, ends 6 mm too long."""
    every = np.concatenate([vein.curve for vein in veins])
    low = every.min(axis=0) - 20
    size = np.ceil((every.max(axis=0) + 20 - low) / SPACING).astype(int)
    grid = image.Image(np.zeros(size, np.uint8), np.eye(3), SPACING, low)
    at = grid.to_mm(np.indices(size).reshape(3, -1).T)
    inside = (anatomy.union(at, veins, beyond=6.0) < 0).reshape(size)
    return image.Image(inside.astype(np.uint8), np.eye(3), SPACING, low)


def accuracy(veins: list[anatomy.Tube], path: Path) -> list[dict[str, object]]:
    """Areas of sections, the narrowest radius and the volume, of the label's surface."""
    start = time.perf_counter()
    mask, _ = labels.gated(labels.pick(image.read(path), (1,), path))
    surface = labels.surface_of(mask)
    worst, narrow = 0.0, (np.inf, 0.0)
    for vein in veins:
        arc = vein.arc if vein.name != "cava" else vein.arc[-1] - vein.arc
        from_end, from_middle = arc, arc[-1] - arc if vein.name != "cava" else vein.arc
        for k in range(0, len(arc), 8):
            # the compression lies nearer to the confluence and is looked at all the same
            near = from_middle[k] < AWAY_FROM_CONFLUENCE and vein.name != "left"
            if near or from_middle[k] < 15 or from_end[k] < AWAY_FROM_ENDS:
                continue
            area = section(surface, vein.curve[k], vein.tangent[k], 2.2 * float(vein.width[k]))
            worst = max(worst, abs(area / float(vein.area[k]) - 1))
            if vein.area[k] < narrow[0]:
                narrow = (float(vein.area[k]), area)
    exact = volume(veins)
    seconds = time.perf_counter() - start
    rows = [
        ("image.lumen-area", 100 * worst, 2.0, "largest error of a section's area"),
        ("image.stenosis-error", 100 * (np.sqrt(narrow[1] / narrow[0]) - 1), 3.0,
         "equivalent radius at the narrowest section"),
        ("image.volume", 100 * (surface.volume / exact - 1), 1.0, "enclosed volume"),
    ]  # fmt: skip
    return [
        {"bench": "mesh", "id": name, "value": float(value), "unit": "%", "reference": 0.0,
         "tolerance": limit, "source": f"{what}; {SOURCE}", "ok": bool(abs(value) <= limit),
         "seconds": seconds}
        for name, value, limit, what in rows
    ]  # fmt: skip


def volume(veins: list[anatomy.Tube]) -> float:
    """The volume of the veins as drawn, ends 6 mm too long, by sampling."""
    every = np.concatenate([vein.curve for vein in veins])
    low, step = every.min(axis=0) - 20, 0.4
    size = np.ceil((every.max(axis=0) + 20 - low) / step).astype(int)
    count = 0
    for k in range(size[2]):
        plane = np.stack(
            [*np.indices(size[:2]).reshape(2, -1), np.full(size[0] * size[1], k)], axis=1
        )
        count += int((anatomy.union(low + plane * step, veins, beyond=6.0) < 0).sum())
    return count * step**3


def section(surface: Surface, point: Array, normal: Array, reach: float) -> float:
    """Area [mm²] of the surface's section by a plane, within ``reach`` of ``point``."""
    height = (surface.points - point) @ normal
    side = height[surface.triangles] > 0
    near = np.linalg.norm(surface.points[surface.triangles].mean(axis=1) - point, axis=1) < reach
    crossed = surface.triangles[near & side.any(axis=1) & ~side.all(axis=1)]
    total = np.zeros(3)
    for a, b, c in crossed:
        ends = []
        for p, q in ((a, b), (b, c), (c, a)):
            if (height[p] > 0) != (height[q] > 0):
                way = height[p] / (height[p] - height[q])
                ends.append(surface.points[p] + way * (surface.points[q] - surface.points[p]))
        one, other = ends
        # the triangle's normal gives the segment its direction
        face = np.cross(
            surface.points[b] - surface.points[a], surface.points[c] - surface.points[a]
        )
        if np.cross(normal, face) @ (other - one) < 0:
            one, other = other, one
        total += np.cross(one - point, other - point)
    return float(abs(total @ normal) / 2)


def cost(veins: list[anatomy.Tube], path: Path) -> list[dict[str, object]]:
    """CPU seconds and memory for a million cells with three wall layers."""
    ends = {end.name: {"at": [f"{x} mm" for x in end.point + 5 * end.outward]}
            for end in anatomy.ends(veins)}  # fmt: skip
    table = {"path": path.name, "labels": [1], "unit": "mm", "root": "cava", "size": "0.97 mm",
             "across": 19, "layers": 3, "openings": ends}  # fmt: skip
    before, start = _cpu(), time.perf_counter()
    mesh = build(read(Mask, table, "benchmark"), path.parent)
    spent, seconds = _cpu() - before, time.perf_counter() - start
    memory = max(resource.getrusage(who).ru_maxrss for who in WHO) / 2**20
    what = f"{len(mesh.cells):,} cells, worst radius ratio {mesh.quality['radius_ratio_min']:.2f}"
    rows = [
        ("mesh.cells", float(len(mesh.cells)), 1e6, "", len(mesh.cells) >= 1e6),
        ("mesh.core-seconds", spent, 60.0, "s", spent <= 60),
        ("mesh.memory", memory, 4.0, "GiB", memory <= 4),
    ]
    return [
        {"bench": "mesh", "id": name, "value": value, "unit": unit, "reference": limit,
         "tolerance": None, "source": f"label map to tagged mesh, 3 layers: {what}", "ok": ok,
         "seconds": seconds}
        for name, value, limit, unit, ok in rows
    ]  # fmt: skip


WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def _cpu() -> float:
    """CPU seconds of this process and its children so far."""
    return sum(sum(resource.getrusage(who)[:2]) for who in WHO)
