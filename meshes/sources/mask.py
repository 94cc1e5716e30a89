"""A label image: its veins become a smooth surface, cut and named at the openings, and a mesh."""

from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.spatial import cKDTree

from core.errors import MeshError
from core.settings import quantity
from core.units import length_factor
from meshes import image
from meshes.openings import End, end_of
from meshes.sources import MeshSource, Opening, Zone, existing
from meshes.surface import Surface
from meshes.tagged import TaggedMesh
from meshes.tree import mesh_tree
from meshes.vmtk_lines import Line, trace

Array = NDArray[Any]

FAR = 10.0
"""An opening farther from the vessel than this [mm] was meant for something else."""


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
        path = self.inputs(folder)["image"]
        labels = image.read(path, length_factor(self.unit))
        mask, changed = image.gated(image.pick(labels, self.labels, str(path)))
        surface = image.surface_of(mask)
        at = {name: np.array(opening.at) * 1e3 for name, opening in self.openings.items()}
        ends, lines = ends_of(surface, at, self.root, self.trim)
        mesh = mesh_tree(
            surface,
            ends,
            lines,
            size=self.size,
            across=self.across,
            refine=self.refine,
            extend=self.extend,
        )
        figures = {
            "label_volume": float(mask.values.sum() * mask.voxel * 1e-9),
            "surface_volume": surface.volume * 1e-9,
        }
        record = {
            "root": self.root,
            "changed": changed,
            "image": figures,
            "warnings": _thick(mask),
        }
        return TaggedMesh(**mesh, record=record)


def ends_of(
    surface: Surface, at: dict[str, Array], root: str, trim: float
) -> tuple[list[End], list[Line]]:
    """The cuts at all openings, the root's first, and the centrelines from each to the root."""
    tips = _tips(surface, at)
    others = [name for name in tips if name != root]
    lines = trace(surface, tips[root], np.array([tips[name] for name in others]))
    heart = Line(lines[0].points[::-1], lines[0].radius[::-1])
    starts = {root: heart, **dict(zip(others, lines, strict=True))}
    ends = [end_of(surface, name, line, at[name], trim) for name, line in starts.items()]
    return ends, lines


def _tips(surface: Surface, at: dict[str, Array]) -> dict[str, Array]:
    """The surface point nearest to each opening. Raises `MeshError` where there is none near."""
    tree = cKDTree(surface.points)
    tips = {}
    for name, point in at.items():
        distance, nearest = tree.query(point)
        if distance > FAR:
            raise MeshError(
                f"the opening {name!r} is {distance:.0f} mm away from the vessel",
                where=f"mesh.openings.{name}.at; nearest wall at "
                f"{np.round(surface.points[nearest], 1).tolist()} mm",
                do="coordinates are the image's own (LPS); Slicer's are RAS: x and y change sign",
            )
        tips[name] = surface.points[nearest]
    names = list(tips)
    for i, one in enumerate(names):
        for other in names[:i]:
            if np.linalg.norm(tips[one] - tips[other]) < 1.0:
                raise MeshError(
                    f"openings {other!r} and {one!r} are the same end of the vessel",
                    where="mesh.openings",
                    do="give each opening its own vessel's end",
                )
    return tips


def _thick(mask: image.Labels) -> list[str]:
    if mask.spacing.max() < 3 * mask.spacing.min():
        return []
    return [f"thick slices ({mask.spacing.max():.1f} mm): radii may be off by 6 %"]
