#!/usr/bin/env python3
"""Writes `iliac.msh`: the vein of the example iliac-compression as a mesh file in millimetres.

    python3 make_mesh.py [FOLDER]

Physical surfaces: wall, cava, left, right. Coarser than the example's own mesh, to be small.
"""

import sys
from pathlib import Path

from core.settings import read
from meshes import export
from meshes.build import build, report
from meshes.sources.mask import Mask

HERE = Path(__file__).resolve().parent
IMAGE = HERE.parent / "iliac-compression"
SOURCE = {
    "path": "veins.nii.gz",
    "labels": [1],
    "unit": "mm",
    "root": "cava",
    "size": "2.6 mm",
    "across": 8,
    "openings": {
        "cava": {"at": ["-7 mm", "-24 mm", "-360 mm"]},
        "left": {"at": ["45 mm", "-22 mm", "-486 mm"]},
        "right": {"at": ["-45 mm", "-20 mm", "-486 mm"]},
    },
    "refine": [{"at": ["-1 mm", "-20 mm", "-419 mm"], "radius": "9 mm", "size": "0.9 mm"}],
}


def main(folder: Path) -> None:
    """Write the mesh into ``folder``."""
    mesh = build(read(Mask, SOURCE, "make_mesh.py"), IMAGE)
    export.write_msh(mesh, folder / "iliac.msh", "mm")
    print(report(mesh))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
