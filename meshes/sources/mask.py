"""A label image: its veins become a smooth surface, cut and named at the openings, and a mesh."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from core.errors import MeshError
from core.settings import quantity
from core.units import length_factor
from meshes.sources import Opened, existing
from meshes.tagged import TaggedMesh


class Mask(Opened):
    """Labels of an image to a mesh in metres, in the patient's frame as the file says (LPS)."""

    kind: Literal["mask"] = "mask"
    path: str = Field(description="NIfTI, NRRD or MetaImage file, or folder of a DICOM series")
    labels: tuple[int | str, ...] = Field(
        min_length=1, description="label values that are lumen, or TotalSegmentator's names"
    )
    series: str = Field("", description="which DICOM series, where a folder has several")
    wall_shift: float = quantity(
        "m",
        "0 mm",
        "how far the wall is moved outwards, or inwards where negative: a segmentation's doubt",
        at_least="-1 mm",
        at_most="1 mm",
    )

    def inputs(self, folder: Path) -> dict[str, Path]:
        """The label image, or every file of its folder."""
        path = existing(folder, self.path, "label image")
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
            # names of files may tell whose they are, and these go into the record
            return {f"slice {number}": file for number, file in enumerate(files, 1)}
        raw = path.with_suffix(".raw")
        return {"image": path} | ({"data": raw} if _is_split(path) and raw.exists() else {})

    def build(self, folder: Path) -> TaggedMesh:
        """Image → label gate → surface → centreline → cut and capped → remeshed → filled."""
        # these load VTK, which takes seconds: reading a case must not
        from meshes.images import image, labels

        path = existing(folder, self.path, "label image")
        whole = image.read(path, length_factor(self.unit), self.series)
        picked = labels.pick(whole, labels.numbers(self.labels), path)
        mask, changed = labels.gated(picked)
        shift = self.wall_shift * 1e3
        if abs(shift) > mask.spacing.min():
            raise MeshError(
                "the wall would be moved by more than a voxel",
                where="mesh.wall_shift",
                do=f"voxels measure {mask.spacing.min():.2f} mm: stay below that",
            )
        surface = labels.surface_of(mask, shift)
        figures = {
            "label_volume": float(mask.values.sum() * mask.voxel * 1e-9),
            "surface_volume": surface.volume * 1e-9,
            **whole.frame(),
        }
        thick = [f"thick slices ({mask.spacing.max():.1f} mm): radii may be off by 6 %"]
        record = {
            "changed": changed,
            "image": figures,
            "warnings": thick if labels.is_thick(mask) else [],
        }
        return self.opened(surface, record)


def _is_split(path: Path) -> bool:
    """Whether the file is a header whose voxels are in a file beside it."""
    return path.suffix in (".mhd", ".nhdr")
