"""`dvtwin segment` against the truth: the example's phantom, and a real aorta with a reference.

The aorta (MR, VMTK's test data; needs `DVTWIN_DATA`) has a level set drawn by VMTK's authors as
its reference. Seeds are 4 mm inside its three largest ends. The settings were chosen on these two.
"""

import importlib.util
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.record import ROOT
from meshes.ends import proposals
from meshes.images import image, segmentation
from meshes.images.image import Image

DATA = Path(os.environ.get("DVTWIN_DATA", ROOT.parent / "shared" / "data"))
EXAMPLE = ROOT / "examples" / "iliac-compression"
SEEDS = [(-7.0, -24.0, -364.0), (44.0, -21.0, -482.0), (-45.0, -19.0, -482.0)]
GOOD_DICE = 0.95

Mask = NDArray[np.bool_]


def run() -> list[dict[str, object]]:
    """Dice, mean and 95 % distance of the surfaces, for both."""
    rows = _phantom()
    if (DATA / "mesh/vmtk-aorta/aorta.mha").exists():
        rows += _aorta()
    return rows


def _phantom() -> list[dict[str, object]]:
    spec = importlib.util.spec_from_file_location("make_image", EXAMPLE / "make_image.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    with tempfile.TemporaryDirectory() as folder:
        maker.main(Path(folder))
        scan = image.read(Path(folder, "venogram.nii.gz"))
        truth = image.read(Path(folder, "veins.nii.gz"))
    return _compared("", scan, truth.values > 0, SEEDS, GOOD_DICE, "synthetic CT venogram")


def _aorta() -> list[dict[str, object]]:
    folder = DATA / "mesh" / "vmtk-aorta"
    level = image.read(folder / "aorta-final-levelset.mha")
    truth = level.values < 0
    ends = proposals.of_label(replace(level, values=truth))
    wide = sorted(ends, key=lambda end: -end.radius)[:3]
    seeds = [tuple(float(x) for x in end.centre - 4 * end.outward) for end in wide]
    scan = image.read(folder / "aorta.mha")
    return _compared("-aorta", scan, truth, seeds, None, "real MR aorta, VMTK's level set")  # type: ignore[arg-type]


def _compared(
    name: str,
    scan: Image,
    truth: Mask,
    seeds: list[segmentation.Seed],
    limit: float | None,
    what: str,
) -> list[dict[str, object]]:
    start = time.perf_counter()
    found = segmentation.in_scan(scan, seeds, segmentation.Limits(), what).label.values
    seconds = time.perf_counter() - start
    dice = float(2 * (found & truth).sum() / (found.sum() + truth.sum()))
    apart = distances(found, truth, scan.spacing)
    rows = [
        (f"image.dice{name}", dice, "1", limit, dice >= limit if limit else None),
        (f"image.surface-mean{name}", float(apart.mean()), "mm", None, None),
        (f"image.surface-95{name}", float(np.percentile(apart, 95)), "mm", None, None),
    ]
    return [
        {"bench": "segmentation", "id": row, "value": value, "unit": unit, "reference": reference,
         "tolerance": None, "source": what, "ok": ok, "seconds": seconds}
        for row, value, unit, reference, ok in rows
    ]  # fmt: skip


def distances(one: Mask, other: Mask, spacing: NDArray[np.floating]) -> NDArray[np.floating]:
    """Distances of each outline's voxels from the other outline [mm], both ways."""
    rims = [mask & ~ndimage.binary_erosion(mask) for mask in (one, other)]
    away = [ndimage.distance_transform_edt(~rim, sampling=spacing) for rim in rims]
    return np.concatenate([away[1][rims[0]], away[0][rims[1]]])
