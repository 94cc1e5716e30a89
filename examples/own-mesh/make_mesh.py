#!/usr/bin/env python3
"""Writes `iliac.msh`: a compressed iliac confluence in millimetres, like a mesh of one's own.

    python3 make_mesh.py [FOLDER]

Physical surfaces: wall, cava, left, right. The shape is that of `kind = "confluence"`.
"""

import sys
from pathlib import Path

from core.settings import read
from meshes import export
from meshes.build import build, report
from meshes.sources.confluence import Confluence

SOURCE = {
    "size": "2.6 mm",
    "across": 6,
    "refine": [{"at": ["16 mm", "5 mm", "-11 mm"], "radius": "8 mm", "size": "0.8 mm"}],
}


def main(folder: Path) -> None:
    """Write the mesh into ``folder``."""
    mesh = build(read(Confluence, SOURCE, "make_mesh.py"), folder)
    export.write_msh(mesh, folder / "iliac.msh", "mm")
    print(report(mesh))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
