"""Label images: read, picked, gated on topology, and contoured in millimetres."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.errors import CaseError, MeshError
from meshes.surface import Surface, contour

Array = NDArray[Any]

MOST_REPAIR = 0.05
"""The largest part of the voxels that may be changed without a person looking."""

MARGIN = 3
"""Empty voxels around the vessel, so that its contour is closed where it leaves the image."""


@dataclass(frozen=True)
class Labels:
    """Label values by voxel (x, y, z) and the map from voxel indices to millimetres (LPS)."""

    values: Array
    direction: Array
    spacing: Array
    origin: Array

    def to_mm(self, index: Array) -> Array:
        """Voxel indices (n, 3) as positions [mm]."""
        return (index * self.spacing) @ self.direction.T + self.origin

    @property
    def voxel(self) -> float:
        """Volume of a voxel [mm³]."""
        return float(np.prod(self.spacing))


def read(path: Path, metres: float) -> Labels:
    """A label image (NIfTI, NRRD, MHA, …) whose coordinates are in units of ``metres``."""
    import SimpleITK as sitk  # noqa: N813

    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise CaseError(
            "cannot read the label image",
            where=str(path),
            do="give a NIfTI, NRRD or MetaImage file",
        ) from error
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1:
        raise CaseError(
            f"the label image has {image.GetDimension()} dimensions and "
            f"{image.GetNumberOfComponentsPerPixel()} values a voxel",
            where=str(path),
            do="give a three-dimensional image with one label a voxel",
        )
    mm = metres * 1e3
    return Labels(
        np.ascontiguousarray(sitk.GetArrayFromImage(image).transpose(2, 1, 0)),
        np.array(image.GetDirection()).reshape(3, 3),
        np.array(image.GetSpacing()) * mm,
        np.array(image.GetOrigin()) * mm,
    )


def pick(image: Labels, labels: tuple[int, ...], where: str) -> Labels:
    """The voxels that carry one of ``labels``, cropped to them with a margin."""
    mask = np.isin(image.values, labels)
    there = np.unique(image.values)
    missing = sorted(set(labels) - set(there.tolist()))
    if not mask.any() or missing:
        raise CaseError(
            f"the image has no voxel with label {missing or list(labels)}",
            where=f"mesh.labels, {where}",
            do=f"labels in the image: {', '.join(f'{v:g}' for v in there[:40])}",
        )
    low = np.array([np.flatnonzero(mask.any(axis=axes))[0] for axes in ((1, 2), (0, 2), (0, 1))])
    high = np.array([np.flatnonzero(mask.any(axis=axes))[-1] for axes in ((1, 2), (0, 2), (0, 1))])
    cropped = mask[tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))]
    origin = image.to_mm((low - MARGIN)[None])[0]
    return Labels(np.pad(cropped, MARGIN), image.direction, image.spacing, origin)


def gated(mask: Labels) -> tuple[Labels, list[str]]:
    """One piece without cavities or handles, and what was changed. Raises `MeshError`.

    Of the repairs that leave no handle the one that changes least is taken, up to 5 %.
    """
    whole = _one_piece(mask.values)
    changed = _share(whole, mask.values)
    said = [f"label: kept the largest piece without cavities ({changed:.2%})"] if changed else []
    if changed > MOST_REPAIR:
        lost, number = ndimage.label(mask.values & ~whole)
        centre = mask.to_mm(
            np.argwhere(lost == np.argmax(np.bincount(lost.ravel())[1:]) + 1)
        ).mean(0)
        raise MeshError(
            f"the label is in {number + 1} pieces; {changed:.0%} of it is not connected",
            where=f"largest lost piece around {np.round(centre, 1).tolist()} mm",
            do="join the pieces in the segmentation, or leave that label out",
        )
    if _handles(whole) == 0:
        return Labels(whole, mask.direction, mask.spacing, mask.origin), said
    repaired, name, change = _repaired(whole)
    said.append(f"label: removed handles by {name} ({change:.2%} of the voxels)")
    return Labels(repaired, mask.direction, mask.spacing, mask.origin), said


def surface_of(mask: Labels) -> Surface:
    """The smooth closed surface of the label [mm]."""
    return contour(mask.values.astype(np.uint8), 0.5, mask.to_mm, smooth=True)


def _one_piece(mask: Array) -> Array:
    pieces, _ = ndimage.label(mask)
    largest = pieces == np.argmax(np.bincount(pieces.ravel())[1:]) + 1
    return np.asarray(ndimage.binary_fill_holes(largest))


def _share(new: Array, old: Array) -> float:
    return float((new != old).sum() / old.sum())


def _handles(mask: Array) -> int:
    """Tunnels through a piece without cavities: 0 for a tree."""
    from skimage.measure import euler_number

    return 1 - int(euler_number(mask, connectivity=1))


def _repaired(mask: Array) -> tuple[Array, str, float]:
    full = np.ones((3, 3, 3))
    repairs: dict[str, Callable[[Array], Array]] = {
        "closing (6)": lambda x: ndimage.binary_closing(x),
        "closing (26)": lambda x: ndimage.binary_closing(x, full),
        "opening (6)": lambda x: ndimage.binary_opening(x),
        "median of 3": lambda x: ndimage.median_filter(x.astype(np.uint8), 3) > 0,
    }
    best: tuple[Array, str, float] | None = None
    for name, repair in repairs.items():
        tried = _one_piece(repair(mask))
        change = _share(tried, mask)
        if _handles(tried) == 0 and (best is None or change < best[2]):
            best = tried, name, change
    if best is None or best[2] > MOST_REPAIR:
        seen = f"the least repair changes {best[2]:.1%}" if best else "no simple repair helps"
        raise MeshError(
            f"the label has {_handles(mask)} handles (vessels that touch); {seen}",
            where="mesh.labels",
            do="part the touching vessels in the segmentation",
        )
    return best
