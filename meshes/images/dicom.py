"""DICOM series: slices of any order in any folder, one series chosen, none missing.

The place of every slice comes from its own header (Image Position and Orientation, Patient), so
file names and numbers do not matter, and a tilted gantry is kept as a sheared grid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError, MeshError
from meshes.images.image import Image, from_itk

Array = NDArray[Any]

UNEVEN = 0.02
"""Slices whose distances differ by more than this part are not one even stack."""

CINE = "(0018,1063)"
"""Frame increment pointer of frames that follow each other in time, not in space."""


@dataclass(frozen=True)
class Slice:
    """The header of one file: its series, where it lies [mm], and its grid."""

    file: Path
    series: str
    about: str
    place: Array
    axes: Array
    spacing: tuple[float, float]
    size: tuple[int, int]
    modality: str


def is_dicom(path: Path) -> bool:
    """Whether ``path`` is a folder (of slices) or one DICOM file."""
    if path.is_dir():
        return True
    try:
        with path.open("rb") as file:
            return path.suffix.lower() == ".dcm" or file.read(132)[128:] == b"DICM"
    except OSError as error:
        raise CaseError(
            "the image cannot be opened", where=str(path), do=str(error.strerror)
        ) from error


def read(path: Path, series: str = "") -> Image:
    """The one series in ``path``, or the one that ``series`` names by number or description."""
    if not path.is_dir():
        return _single(path)
    there = list_series(path)
    if not there:
        raise CaseError(
            "the folder has no DICOM slices", where=str(path), do="name the folder of the series"
        )
    return _stacked(_chosen(there, series, path))


def list_series(path: Path) -> dict[str, list[Slice]]:
    """The slices below ``path`` by series."""
    found: dict[str, list[Slice]] = {}
    for file in sorted(path.rglob("*")):
        if header := _header(file):
            found.setdefault(header.series, []).append(header)
    return found


def _header(file: Path) -> Slice | None:
    """The header of a slice; None for what is no DICOM file with a place in space."""
    import SimpleITK as sitk  # noqa: N813

    if not file.is_file():
        return None
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(file))

    def tag(key: str) -> str:
        return reader.GetMetaData(key).strip() if reader.HasMetaDataKey(key) else ""

    try:
        reader.ReadImageInformation()
        place = np.array([float(x) for x in tag("0020|0032").split("\\")])
        axes = np.array([float(x) for x in tag("0020|0037").split("\\")]).reshape(2, 3)
        down, across = (float(x) for x in tag("0028|0030").split("\\"))
    except (RuntimeError, ValueError):
        return None
    if place.shape != (3,) or not np.isfinite(np.concatenate([place, axes.ravel()])).all():
        return None
    return Slice(
        file, tag("0020|000e"), tag("0008|103e"), place, axes, (across, down),
        reader.GetSize()[:2], tag("0008|0060"),
    )  # fmt: skip


def _chosen(there: dict[str, list[Slice]], series: str, path: Path) -> list[Slice]:
    fit = [
        number
        for number, slices in there.items()
        if not series or series == number or series.lower() in slices[0].about.lower()
    ]
    if len(fit) == 1:
        return there[fit[0]]
    said = "; ".join(
        f"{s[0].modality} ({len(s)} slices, {number})"  # a description may hold a name
        for number, s in there.items()
    )
    raise CaseError(
        f"the folder holds {len(there)} DICOM series and mesh.series fits {len(fit)} of them",
        where=str(path),
        do=f'say which: series = "part of its description" or its number; there are {said}',
    )


def _stacked(slices: list[Slice]) -> Image:
    """The slices as one even stack. Raises `MeshError` for gaps, doubles and strays."""
    import SimpleITK as sitk  # noqa: N813

    first = slices[0]
    where = f"series {first.series}"
    _one_grid(slices, where)
    normal = np.cross(*first.axes)
    slices = sorted(slices, key=lambda one: float(one.place @ normal))
    _evenly_spaced([float(one.place @ normal) for one in slices], where)
    start = slices[0].place
    step = (slices[-1].place - start) / (len(slices) - 1)
    straight = start + np.outer(np.arange(len(slices)), step)
    stray = np.linalg.norm(np.array([one.place for one in slices]) - straight, axis=1)
    if stray.max() > 0.1 * min(first.spacing):
        raise MeshError(
            f"slices lie up to {stray.max():.2f} mm beside the stack",
            where=where,
            do="the series mixes acquisitions: export one of them",
        )
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(one.file) for one in slices])
    try:
        values = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise CaseError(
            "a slice of the series is damaged", where=where, do="copy the series anew"
        ) from error
    length = float(np.linalg.norm(step))
    return Image(
        np.ascontiguousarray(values.transpose(2, 1, 0)),
        np.stack([*first.axes, step / length], axis=1),
        np.array([*first.spacing, length]),
        start,
    )


def _one_grid(slices: Sequence[Slice], where: str) -> None:
    first = slices[0]
    other = [
        one
        for one in slices
        if one.size != first.size
        or not np.allclose(one.spacing, first.spacing, rtol=1e-3)
        or np.abs(one.axes - first.axes).max() > 1e-3
    ]
    if other or len(slices) < 3:
        raise MeshError(
            f"{len(other)} of {len(slices)} slices have another size or direction"
            if other
            else f"the series has {len(slices)} slices",
            where=where,
            do="export the volume alone, without localisers and reformatted views",
        )
    skew = np.abs(first.axes @ first.axes.T - np.eye(2)).max()
    if skew > 1e-3:
        raise MeshError("the slices' axes are damaged", where=where, do="export them anew")


def _evenly_spaced(places: Sequence[float], where: str) -> None:
    steps = np.diff(places)
    usual = float(np.median(steps))
    if usual <= 0 or steps.min() < 0.1 * usual:
        at = places[int(np.argmin(steps))]
        raise MeshError(
            f"two slices lie at the same place, {at:.1f} mm along the stack",
            where=where,
            do="the series holds several times or copies: export one of them",
        )
    wide = np.flatnonzero(steps > (1 + UNEVEN) * usual)
    narrow = np.flatnonzero(steps < (1 - UNEVEN) * usual)
    if len(wide) or len(narrow):
        k = int(wide[0] if len(wide) else narrow[0])
        missing = int(np.sum(np.round(steps[wide] / usual) - 1))
        raise MeshError(
            f"about {missing} slices are missing"
            if missing
            else f"slices are {steps.min():.2f} to {steps.max():.2f} mm apart",
            where=f"{where}; {steps[k]:.2f} instead of {usual:.2f} mm after {places[k]:.1f} mm",
            do="export the whole series again: a gap would move every vessel",
        )


def _single(path: Path) -> Image:
    """A DICOM file of many frames. Raises where the frames are no slices."""
    import SimpleITK as sitk  # noqa: N813

    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        _no_segmentation_object(reader, path)
        cine = reader.HasMetaDataKey("0028|0009") and CINE in reader.GetMetaData("0028|0009")
        image = reader.Execute()
    except RuntimeError as error:
        raise CaseError(
            "cannot read this DICOM file", where=str(path), do="export it anew"
        ) from error
    if cine or image.GetDimension() != 3 or image.GetSize()[2] < 3:
        raise CaseError(
            "the frames of this DICOM file follow each other in time, not in space"
            if cine
            else "this DICOM file is one slice",
            where=str(path),
            do="give the folder of a series of slices",
        )
    return from_itk(image)


def _no_segmentation_object(reader: Any, path: Path) -> None:
    if reader.HasMetaDataKey("0008|0060") and reader.GetMetaData("0008|0060").strip() == "SEG":
        raise CaseError(
            "a DICOM segmentation object is not read",
            where=str(path),
            do="export the segmentation as NRRD or NIfTI",
        )
