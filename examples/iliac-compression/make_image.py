#!/usr/bin/env python3
"""Writes a synthetic CT venogram of a compressed left iliac vein, and its label map.

    python3 make_image.py [FOLDER]      venogram.nii.gz (HU) and veins.nii.gz (1 = veins)

No patient is in it. The veins are those of `kind = "confluence"`:

    what                                value        from
    inferior vena cava, lumen           265.3 mm²    intravascular ultrasound, medians of 33
    left / right common iliac vein      193.9/166.9  patients without chronic venous insufficiency
    left / right external iliac vein    136.5/140.9    (varicose-vein patients)
    compression of the left vein        70 %         their median is 62.4 %; > 50 % is a stenosis
    narrowing: place, length, flatness  20, 14 mm, 3 drawn after anatomy atlases
    common iliac artery, diameter       9.5 mm       usual adult calibre
    veins / artery / soft tissue / fat  165/230/45/−95 HU   venous-phase contrast, usual values
    blur, noise (standard deviations)   0.7 mm, 18 HU       body CT at 1 mm slices
    voxel                               0.8 × 0.8 × 1.0 mm  in-plane 0.7–0.95 mm is usual

The artery is in the CT only, not among the labels: what it does to the vein is what is seen.
"""

import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813
from scipy import ndimage
from scipy.interpolate import CubicSpline
from scipy.spatial import cKDTree

from meshes.shapes import anatomy

SPACING = np.array([0.8, 0.8, 1.0])
LOW, HIGH = np.array([-52.0, -36.0, -74.0]), np.array([62.0, 36.0, 52.0])
CONFLUENCE = np.array([-8.0, -22.0, -412.0])
"""Where the confluence lies in the scanner's coordinates (LPS) [mm]."""

SHAPE = anatomy.Shape(stenosis=0.7, cava_length=62.0, leg_length=110.0)
VEIN, ARTERY, SOFT, FAT, BONE = 165.0, 230.0, 45.0, -95.0, 210.0
BLUR, NOISE, SEED = 0.7, 18.0, 2
STORED_STEP = 2
"""HU are stored in steps of 2, well below the noise: the file is smaller."""


def grid(offset=(0.0, 0.0, 0.0)) -> np.ndarray:
    """Voxel centres (n, 3) shifted by ``offset`` voxels, relative to the confluence [mm]."""
    return LOW + (np.indices(size()).reshape(3, -1).T + offset) * SPACING


def size() -> np.ndarray:
    """Voxels along x, y, z."""
    return np.floor((HIGH - LOW) / SPACING).astype(int) + 1


def share_inside(distance) -> np.ndarray:
    """The part of each voxel that is inside, by 27 samples in voxels near the wall."""
    centre = distance(grid())
    inside = (centre < 0).astype(float)
    near = np.flatnonzero(np.abs(centre) < np.linalg.norm(SPACING))
    points = grid()[near]
    offsets = (np.indices((3, 3, 3)).reshape(3, -1).T - 1) / 3
    inside[near] = np.mean([distance(points + o * SPACING) < 0 for o in offsets], axis=0)
    return inside.reshape(size())


def artery(points, veins) -> np.ndarray:
    """Distance [mm] from the right common iliac artery, which crosses the left vein in front."""
    left = next(tube for tube in veins if tube.name == "left")
    narrow = int(np.argmin(left.depth))
    crossing = left.curve[narrow] + (left.depth[narrow] + 4.75 + 0.8) * left.front[narrow]
    course = crossing + np.array(
        [[14, -7, 58], [9, -4, 26], [0, 0, 0], [-20, -4, -24], [-48, -8, -70]]
    )
    curve = CubicSpline(np.arange(5), course)(np.linspace(0, 4, 800))
    return cKDTree(curve).query(points)[0] - 4.75


def tissue(points) -> np.ndarray:
    """HU of what lies around the vessels: fat, the psoas muscles, a vertebral body."""
    x, y, z = points.T
    hu = np.full(len(points), FAT)
    for side in (-1, 1):
        muscle = np.hypot((x - side * (38 - 0.12 * z)) / 17, (y - 14 - 0.1 * z) / 15) < 1
        hu[muscle] = SOFT + 10
    body = np.hypot((x - 6) / 25, (y - 34) / 19) < 1
    shell = np.hypot((x - 6) / 22, (y - 34) / 16) < 1
    hu[body] = BONE + 180
    hu[shell] = BONE - 40
    disc = body & (np.abs((z + 14) % 38 - 19) > 15)
    hu[disc] = SOFT + 35
    return hu


def images() -> tuple[np.ndarray, np.ndarray]:
    """The venogram [HU] and the label map, as arrays by x, y, z."""
    veins = anatomy.tubes(SHAPE)
    vein = share_inside(lambda p: anatomy.union(p, veins, beyond=20.0))
    vessel = share_inside(lambda p: artery(p, veins)) * (1 - vein)
    ct = tissue(grid()).reshape(size())
    ct = ct * (1 - vein - vessel) + VEIN * vein + ARTERY * vessel
    ct = ndimage.gaussian_filter(ct, BLUR / SPACING)
    grain = ndimage.gaussian_filter(np.random.default_rng(SEED).normal(size=size()), 0.6)
    ct += NOISE * grain / grain.std()
    return ct, (vein >= 0.5).astype(np.uint8)


def write(values: np.ndarray, path: Path, what: str) -> None:
    """A NIfTI file in the scanner's coordinates that says it is synthetic."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(values.transpose(2, 1, 0)))
    image.SetSpacing(SPACING.tolist())
    image.SetOrigin((CONFLUENCE + LOW).tolist())
    image.SetMetaData("descrip", f"SYNTHETIC {what}, dvtwin example, no patient")
    writer = sitk.ImageFileWriter()
    writer.SetFileName(str(path))
    writer.UseCompressionOn()
    writer.SetCompressionLevel(9)
    writer.Execute(image)


def main(folder: Path) -> None:
    """Write both images into ``folder``."""
    ct, veins = images()
    ct = (np.round(ct / STORED_STEP) * STORED_STEP).astype(np.int16)
    write(ct, folder / "venogram.nii.gz", "CT venogram")
    write(veins, folder / "veins.nii.gz", "vein labels")
    print(f"{ct.shape} voxels, veins {veins.sum() * np.prod(SPACING) / 1e3:.1f} ml, in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
