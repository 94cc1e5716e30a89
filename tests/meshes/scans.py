"""Images of known content written in every format, DICOM slice by slice."""

from pathlib import Path

import numpy as np

from meshes.images.image import Image, to_itk


def write(image: Image, path: Path) -> Path:
    import SimpleITK as sitk  # noqa: N813

    sitk.WriteImage(to_itk(image), str(path))
    return path


def write_series(
    image: Image, folder: Path, number: str = "1.2.840.99.1", about: str = "veins", **changes: str
) -> Path:
    """One file a slice, named so that their order is none; ``changes`` are DICOM tags."""
    import SimpleITK as sitk  # noqa: N813

    folder.mkdir(exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    count = image.values.shape[2]
    order = np.random.default_rng(1).permutation(count)
    axes = "\\".join(f"{x:.9g}" for x in image.direction[:, :2].T.ravel())
    for k in range(count):
        place = image.to_mm(np.array([[0, 0, k]]))[0]
        flat = sitk.GetImageFromArray(np.ascontiguousarray(image.values[:, :, k].T, np.int16))
        flat.SetSpacing(image.spacing[:2].tolist())
        tags = {
            "0008|0060": "CT", "0008|103e": about, "0020|000d": "1.2.840.99",
            "0020|000e": number, "0020|0013": str(order[k]), "0020|0037": axes,
            "0020|0032": "\\".join(f"{x:.9g}" for x in place), "0010|0010": "SECRET^NAME",
        }  # fmt: skip
        for tag, value in (tags | changes).items():
            flat.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{about}{order[k]:03d}.dcm"))
        writer.Execute(flat)
    return folder


def slice_at(folder: Path, image: Image, k: int) -> Path:
    """The file of slice ``k`` of a series that `write_series` wrote."""
    order = np.random.default_rng(1).permutation(image.values.shape[2])
    return next(folder.glob(f"*{order[k]:03d}.dcm"))
