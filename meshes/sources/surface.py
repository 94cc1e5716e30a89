"""A vessel's surface from a file (STL, PLY, OBJ, VTP), meshed as a label image's surface is."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from core.settings import quantity
from core.units import length_factor
from meshes.sources import Opened, existing
from meshes.tagged import TaggedMesh


class SurfaceFile(Opened):
    """A triangle surface with open, capped or blunt ends; blunt ones are cut near the openings."""

    kind: Literal["surface"] = "surface"
    path: str = Field(description="STL, PLY, OBJ, VTP or VTK file, or folder of VTP files")
    trim: float = quantity(
        "1",
        0.0,
        "how much of each end is cut off to make it square, in radii; 0 keeps flat ends",
        at_least=0.0,
    )

    def inputs(self, folder: Path) -> dict[str, Path]:
        """The file, or every surface of the folder."""
        path = existing(folder, self.path, "surface")
        if path.is_file():
            return {"surface": path}
        return {str(file.relative_to(path)): file for file in sorted(path.rglob("*.vtp"))}

    def build(self, folder: Path) -> TaggedMesh:
        """Surface → mended → centreline → cut and capped → remeshed → filled."""
        # these load VTK, which takes seconds: reading a case must not
        from dataclasses import replace

        import numpy as np

        from meshes.foreign import surface as foreign_surface

        path = existing(folder, self.path, "surface")
        raw = foreign_surface.read_safely(path)
        raw = replace(raw, points=raw.points * length_factor(self.unit) * 1e3)
        at = {name: np.array(opening.at) * 1e3 for name, opening in self.openings.items()}
        shell = foreign_surface.mended(raw, at)
        record = {
            "changed": list(shell.changed),
            "surface": {"volume": shell.closed.volume * 1e-9},
        }
        return self.opened(shell.closed, record, shell.holed, shell.holes)
