"""A label image: its veins become a smooth surface, cut and named at the openings, and a mesh."""

from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from core.settings import quantity
from core.units import length_factor
from meshes.sources import MeshSource, Opening, Zone, existing
from meshes.tagged import TaggedMesh


class Mask(MeshSource):
    """Labels of an image to a mesh in metres, in the patient's frame as the file says (LPS)."""

    kind: Literal["mask"] = "mask"
    path: str = Field(description="NIfTI, NRRD or MetaImage file with integer labels")
    labels: tuple[int, ...] = Field(min_length=1, description="label values that are lumen")
    unit: str = Field(description="unit of the image's physical coordinates, normally mm")
    openings: dict[str, Opening] = Field(description="where blood may cross, by name")
    root: str = Field(description="the opening towards the heart")
    size: float = quantity("m", meaning="edge length in wide vessels", above="0 mm")
    across: int = Field(8, ge=4, le=40, description="edges across a narrow vessel, at least")
    refine: tuple[Zone, ...] = ()
    layers: int = Field(0, ge=0, le=8, description="thin layers of cells along the wall")
    layer_thickness: float = quantity(
        "1", 0.15, "thickness of all layers, in radii", at_least=0.02, at_most=0.4
    )
    trim: float = quantity(
        "1",
        1.0,
        "how much of each end is cut off, in radii: segmentations end bluntly",
        at_least=0.3,
    )
    extend: float = quantity(
        "1",
        0.0,
        "length of the straight tube added to each end, in radii",
        at_least=0.0,
        at_most=20.0,
    )

    @model_validator(mode="after")
    def _openings_make_sense(self) -> Self:
        length_factor(self.unit)
        if self.root not in self.openings:
            raise ValueError(
                f"root {self.root!r} is none of the openings: {', '.join(self.openings)}"
            )
        if len(self.openings) < 2:
            raise ValueError("openings: a vessel needs at least two")
        if reserved := {"wall", "wall_ext"} & set(self.openings):
            raise ValueError(f"openings: {reserved.pop()!r} is the name of a wall")
        return self

    def inputs(self, folder: Path) -> dict[str, Path]:
        """The label image."""
        return {"image": existing(folder, self.path, "label image")}

    def build(self, folder: Path) -> TaggedMesh:
        """Image → label gate → surface → centreline → cut and capped → remeshed → filled."""
        # these load VTK, which takes seconds: reading a case must not
        from meshes import image
        from meshes.ends import ends_of
        from meshes.tree import Fineness, mesh_tree

        path = self.inputs(folder)["image"]
        labels = image.read(path, length_factor(self.unit))
        mask, changed = image.gated(image.pick(labels, self.labels, str(path)))
        surface = image.surface_of(mask)
        at = {name: np.array(opening.at) * 1e3 for name, opening in self.openings.items()}
        ends, lines = ends_of(surface, at, self.root, self.trim)
        fine = Fineness(self.size, self.across, self.refine, self.layers, self.layer_thickness)
        mesh = mesh_tree(surface, ends, lines, fine, self.extend)
        figures = {
            "label_volume": float(mask.values.sum() * mask.voxel * 1e-9),
            "surface_volume": surface.volume * 1e-9,
        }
        record = {
            "root": self.root,
            "changed": changed,
            "image": figures,
            "warnings": _thick(mask.spacing),
        }
        return TaggedMesh(**mesh, record=record)


def _thick(spacing: Any) -> list[str]:
    if spacing.max() < 3 * spacing.min():
        return []
    return [f"thick slices ({spacing.max():.1f} mm): radii may be off by 6 %"]
