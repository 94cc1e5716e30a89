"""Images in the patient's frame: what a file or a DICOM series holds, in millimetres (LPS)."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError, MeshError
from meshes.images import headers

Array = NDArray[Any]

PLAUSIBLE_SPACING = (0.02, 12.0)
"""Distance of voxels [mm]: from micro-CT to the thickest slices that show a vein."""


@dataclass(frozen=True)
class Image:
    """Values by voxel (x, y, z) and the map from voxel indices to millimetres (LPS).

    The columns of ``direction`` are unit vectors along the three axes of the grid. They need not
    be square to each other: a tilted gantry shears the grid.
    """

    values: Array
    direction: Array
    spacing: Array
    origin: Array

    def to_mm(self, index: Array) -> Array:
        """Voxel indices (n, 3) as positions [mm]."""
        return (index * self.spacing) @ self.direction.T + self.origin

    def to_index(self, places: Array) -> Array:
        """Positions (n, 3) [mm] as voxel indices, not rounded."""
        return (places - self.origin) @ np.linalg.inv(self.direction).T / self.spacing

    @property
    def voxel(self) -> float:
        """Volume of a voxel [mm³]."""
        return float(np.prod(self.spacing) * abs(np.linalg.det(self.direction)))

    def frame(self) -> dict[str, Any]:
        """The grid as plain values: with it a result can be laid over the image again."""
        return {
            "frame": "LPS, mm",
            "size": list(self.values.shape),
            "spacing": self.spacing.tolist(),
            "direction": self.direction.tolist(),
            "origin": self.origin.tolist(),
        }


def read(path: Path, metres: float = 1e-3, series: str = "") -> Image:
    """The image in a NIfTI, NRRD or MetaImage file or in a DICOM folder, in units of ``metres``.

    ``series`` chooses among the DICOM series of a folder. Raises `CaseError`, `MeshError`.
    """
    from meshes.images import dicom

    image = dicom.read(path, series) if dicom.is_dicom(path) else _read_file(path)
    scale = metres * 1e3
    found = replace(image, spacing=image.spacing * scale, origin=image.origin * scale)
    _plausible(found, path)
    return found


def from_itk(image: Any) -> Image:
    """A SimpleITK image of three dimensions."""
    import SimpleITK as sitk  # noqa: N813

    return Image(
        np.ascontiguousarray(sitk.GetArrayFromImage(image).transpose(2, 1, 0)),
        np.array(image.GetDirection()).reshape(3, 3),
        np.array(image.GetSpacing()),
        np.array(image.GetOrigin()),
    )


def to_itk(image: Image) -> Any:
    """The image for SimpleITK, whose grids are square: raises `MeshError` for a tilted gantry."""
    import SimpleITK as sitk  # noqa: N813

    if np.abs(image.direction.T @ image.direction - np.eye(3)).max() > 1e-3:
        raise MeshError(
            "the image was taken with a tilted gantry: its grid is not square",
            do="resample it in an image viewer first; labels drawn on it are read as they are",
        )
    data = sitk.GetImageFromArray(np.ascontiguousarray(image.values.transpose(2, 1, 0)))
    data.SetSpacing(image.spacing.tolist())
    data.SetOrigin(image.origin.tolist())
    data.SetDirection(image.direction.ravel().tolist())
    return data


def _read_file(path: Path) -> Image:
    import SimpleITK as sitk  # noqa: N813

    headers.check(path)
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise CaseError(
            "cannot read the image",
            where=str(path),
            do="give a NIfTI, NRRD or MetaImage file, or the folder of a DICOM series",
        ) from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise CaseError(
            f"the image has {image.GetDimension()} dimensions and "
            f"{image.GetNumberOfComponentsPerPixel()} values a voxel",
            where=str(path),
            do="give a three-dimensional image with one value a voxel",
        )
    return from_itk(image)


def _plausible(image: Image, path: Path) -> None:
    """Raises unless voxels have a size that an image of vessels has, and a place."""
    low, high = PLAUSIBLE_SPACING
    frame = np.concatenate([image.direction.ravel(), image.origin, image.spacing])
    if not np.isfinite(frame).all() or abs(np.linalg.det(image.direction)) < 0.5:
        raise CaseError(
            "the image's axes or its place are damaged", where=str(path), do="export it anew"
        )
    if not ((image.spacing >= low) & (image.spacing <= high)).all():
        numbers = " × ".join(f"{x:.4g}" for x in image.spacing)
        raise CaseError(
            f"voxels of {numbers} mm are not those of a vessel's image",
            where=f"{path}; mesh.unit",
            do="check `unit`, or export the image anew with its true spacing",
        )
    if min(image.values.shape) < 3:
        raise CaseError(
            f"the image has {' × '.join(map(str, image.values.shape))} voxels",
            where=str(path),
            do="give the whole three-dimensional image, not a slice of it",
        )
