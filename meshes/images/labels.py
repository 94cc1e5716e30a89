"""Labels of an image: picked, gated on topology, and contoured in millimetres."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.errors import CaseError, MeshError
from meshes import topology
from meshes.images.image import Image
from meshes.surface import Surface, contour

Array = NDArray[Any]

MOST_REPAIR = 0.05
"""The largest part of the voxels that may be changed without a person looking."""

MARGIN = 3
"""Empty voxels around the vessel, so that its contour is closed where it leaves the image."""

THICK = 5.0
"""Slices so many times as far apart as their pixels are interpolated by shape: from there on it
brings a leaning vessel's wall nearer to the truth than smoothing the label alone.
"""

THIN = 0.1
"""Where less of the label than this is left without its outermost voxels, vessels are narrower
than three voxels and their radius is not known.
"""

MOST_LABELS = 250
"""An image of more values, or of negative ones, is a scan: TotalSegmentator has 117 labels."""

TOTALSEGMENTATOR = {
    "inferior_vena_cava": 63,
    "portal_vein_and_splenic_vein": 64,
    "iliac_artery_left": 65,
    "iliac_artery_right": 66,
    "iliac_vena_left": 67,
    "iliac_vena_right": 68,
}
"""Numbers of the vessels in TotalSegmentator's task `total`, version 2 (its map_to_binary.py)."""


def numbers(
    labels: Sequence[int | str], known: Mapping[str, int] = TOTALSEGMENTATOR
) -> tuple[int, ...]:
    """The label values that ``labels`` name. Raises `CaseError` for an unknown name."""
    strange = [label for label in labels if isinstance(label, str) and label not in known]
    if strange:
        raise CaseError(
            f"no label is called {strange[0]!r}",
            where="mesh.labels",
            do=f"give its number, or one of {', '.join(known)}",
        )
    return tuple(known[label] if isinstance(label, str) else label for label in labels)


def values(image: Image, path: Path) -> Array:
    """The label values there are, ascending. Raises `CaseError` for an image that has none."""
    there = np.unique(image.values)
    if not np.isfinite(there).all() or (there != np.round(there)).any():
        raise CaseError(
            "the image has values that are no whole numbers: it is no label map",
            where=str(path),
            do="give a label map; `dvtwin segment` makes one from a scan",
        )
    if len(there) > MOST_LABELS or there[0] < 0:
        raise CaseError(
            f"the image has {len(there)} values from {there[0]:g} on: it is a scan, no label map",
            where=str(path),
            do="give a label map; `dvtwin segment` makes one from a scan",
        )
    return there


def pick(image: Image, labels: Sequence[int], where: Path) -> Image:
    """The voxels that carry one of ``labels``, cropped to them with a margin."""
    there = values(image, where)
    mask = np.isin(image.values, labels)
    missing = sorted(set(labels) - set(there.tolist()))
    if not mask.any() or missing:
        raise CaseError(
            f"the image has no voxel with label {missing or list(labels)}",
            where=f"mesh.labels, {where}",
            do=f"labels in the image: {', '.join(f'{v:g}' for v in there[:40])}",
        )
    low, high = (
        np.array([np.flatnonzero(mask.any(axis=axes))[end] for axes in ((1, 2), (0, 2), (0, 1))])
        for end in (0, -1)
    )
    cropped = mask[tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))]
    origin = image.to_mm((low - MARGIN)[None])[0]
    return replace(image, values=np.pad(cropped, MARGIN), origin=origin)


def gated(mask: Image) -> tuple[Image, list[str]]:
    """One piece without cavities or handles, and what was changed. Raises `MeshError`.

    Of the repairs that leave no handle the one that changes least is taken, up to 5 %.
    """
    whole = _one_piece(mask.values)
    if ndimage.binary_erosion(whole).sum() < THIN * whole.sum():
        raise MeshError(
            "the label is only one or two voxels thick: no radius can be taken from it",
            where=f"voxels of {mask.spacing.max():.2f} mm",
            do="segment the vessel on a finer image, or check mesh.labels",
        )
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
        return replace(mask, values=whole), said
    repaired, name, change = _repaired(whole)
    said.append(f"label: removed handles by {name} ({change:.2%} of the voxels)")
    return replace(mask, values=repaired), said


def surface_of(mask: Image, shift: float = 0.0) -> Surface:
    """The smooth closed surface of the label [mm], its wall moved outwards by ``shift`` [mm].

    Thick slices are interpolated by shape first: a contour of the label alone has steps.
    """
    if is_thick(mask):
        field, fine = between_slices(mask)
        surface = contour(field, 0.0, fine.to_mm, smooth=True)
    else:
        surface = contour(mask.values.astype(np.uint8), 0.5, mask.to_mm, smooth=True)
    return moved(surface, shift) if shift else surface


def is_thick(image: Image) -> bool:
    """Whether slices are at least `THICK` times as far apart as their pixels."""
    return float(image.spacing.max()) >= THICK * float(image.spacing.min())


def between_slices(mask: Image) -> tuple[Array, Image]:
    """Shape-based interpolation: each slice's signed distance from its outline [mm], positive
    inside, interpolated to slices about as close as their pixels; and that finer grid.

    Raya and Udupa, IEEE Trans. Med. Imaging 9 (1990) 32.
    """
    axis = int(np.argmax(mask.spacing))
    plane = np.delete(mask.spacing, axis)
    slices = np.moveaxis(mask.values, axis, 0)
    far = float(mask.spacing[axis])
    distance = np.full(slices.shape, -far, dtype=np.float32)
    for k, slice_ in enumerate(slices):
        if slice_.any():
            inside, outside = (
                ndimage.distance_transform_edt(x, sampling=plane) for x in (slice_, ~slice_)
            )
            # from the outline between voxels, not from their centres
            distance[k] = np.where(slice_, inside - plane.min() / 2, plane.min() / 2 - outside)
    times = int(np.ceil(far / plane.max()))
    at = np.arange((len(slices) - 1) * times + 1) / times
    low = np.minimum(at.astype(int), len(slices) - 2)
    way = (at - low)[:, None, None]
    field = np.moveaxis((1 - way) * distance[low] + way * distance[low + 1], 0, axis)
    spacing = mask.spacing.copy()
    spacing[axis] /= times
    return field, replace(mask, values=field > 0, spacing=spacing)


def moved(surface: Surface, shift: float) -> Surface:
    """The surface with every point moved by ``shift`` [mm] along its normal."""
    normal = np.zeros_like(surface.points)
    vectors = topology.facet_vectors(surface.points, surface.triangles)
    for k in range(3):
        np.add.at(normal, surface.triangles[:, k], vectors)
    normal /= np.maximum(np.linalg.norm(normal, axis=1), 1e-300)[:, None]
    return replace(surface, points=surface.points + shift * normal)


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
