#!/usr/bin/env python3
"""Writes the label map of a synthetic patient's veins: a left iliac vein pressed to 14 %.

    python3 make_image.py [FOLDER]      veins.nii.gz (1 = veins, between the walls)

The veins are those of `examples/iliac-compression`, tighter; no patient is in it.
"""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.record import ROOT
from meshes.shapes import anatomy

STENOSIS = 0.86


def main(folder: Path) -> None:
    """Write the label map into ``folder``."""
    source = ROOT / "examples" / "iliac-compression" / "make_image.py"
    spec = importlib.util.spec_from_file_location("make_image", source)
    assert spec is not None
    assert spec.loader is not None
    drawn = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawn)
    tubes = anatomy.tubes(replace(drawn.SHAPE, stenosis=STENOSIS))
    inside = drawn.share_inside(lambda points: anatomy.union(points, tubes, beyond=20.0))
    drawn.write((inside >= 0.5).astype(np.uint8), folder / "veins.nii.gz", "vein labels")
    print(f"veins of a synthetic patient, {inside.sum() * np.prod(drawn.SPACING) / 1e3:.1f} mL")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
