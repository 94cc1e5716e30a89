"""A vein drawn in a scan from points at its ends, for a person to look at: never unattended.

Smoothing that keeps edges → intensity of the lumen from the seeds → fast marching between the
seeds: voxels on or near a shortest way stay, so that what only touches the vein is left out →
geodesic active contour on the image's edges → gates for leaks and handles.

Sethian, PNAS 93 (1996) 1591; Caselles, Kimmel, Sapiro, Int. J. Comput. Vis. 22 (1997) 61;
Deschamps and Cohen, Med. Image Anal. 5 (2001) 281 (ways between two points).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from core.errors import CaseError, MeshError
from meshes.images import image as images
from meshes.images import labels
from meshes.images.image import Image

Array = NDArray[Any]

AROUND = 22.0
"""The vein is looked for up to this far from the seeds' bounding box [mm]."""

NEAR = 1.5
"""Radius of the ball around a seed from which the lumen's intensity is taken [mm]."""

DETOUR = 14.0
"""A voxel belongs to the vein if a way from seed to seed through it is longer than the shortest
by no more than this [mm of travel at full speed].
"""

LEAK = 5.0
"""Voxels farther from the way between the seeds than so many of its usual radii have leaked."""

SWOLLEN = 6.0
"""A section of so many times the usual area is a leak; a cava has four times a branch's."""

MOST_LEAK = 0.02
"""The part of the voxels that may lie there: side branches' roots."""

Seed = tuple[float, float, float]


@dataclass(frozen=True)
class Limits:
    """Values of the lumen, where the user knows them; else they are taken at the seeds."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Segmented:
    """The label on the scan's own grid, the scan, and what was found (name, text)."""

    scan: Image
    label: Image
    lines: list[tuple[str, str]]

    def write(self, path: Path) -> None:
        """Write the label map (1 = vein). Raises `CaseError` for a format that is unknown."""
        import SimpleITK as sitk  # noqa: N813

        data = images.to_itk(replace(self.label, values=self.label.values.astype(np.uint8)))
        try:
            sitk.WriteImage(data, str(path), True)
        except RuntimeError as error:
            raise CaseError(
                "the label map cannot be written", where=str(path),
                do="give a name that ends in .nii.gz, .nrrd or .mha in a folder that exists",
            ) from error  # fmt: skip

    def draw(self, path: Path) -> None:
        """Write a PNG of the outline on slices."""
        from meshes.picture import slices

        slices(self.scan, self.label, path)


def segmented(
    path: Path, seeds: Sequence[Seed], limits: Limits | None = None, series: str = ""
) -> Segmented:
    """The vein that holds ``seeds`` [mm, LPS] in the scan ``path``.

    Raises `CaseError` for seeds that cannot be, `MeshError` for a leak or handles.
    """
    scan = images.read(path, 1e-3, series)
    return in_scan(scan, seeds, limits or Limits(), str(path))


def in_scan(scan: Image, seeds: Sequence[Seed], limits: Limits, where: str) -> Segmented:
    """The same for an image that is read already."""
    part, corner = _around(scan, np.array(seeds, dtype=float), where)
    index = [
        tuple(int(i) for i in p) for p in np.round(part.to_index(np.array(seeds))).astype(int)
    ]
    smooth = _smoothed(part)
    low, high = _range(smooth, index, limits)
    rough, way = _between(smooth, index, low, high, where)
    _no_leak(rough, way, "its limits of intensity")
    fine = _halfway(smooth, _contoured(smooth, rough, index))
    _no_leak(fine, way, "the outline")
    vein, changed = labels.gated(fine)
    values = np.zeros(scan.values.shape, dtype=bool)
    values[tuple(slice(a, a + n) for a, n in zip(corner, vein.values.shape, strict=True))] = (
        vein.values
    )
    lines = [
        ("lumen", f"{low:.4g} to {high:.4g} in the scan's values"),
        ("volume", f"{vein.values.sum() * vein.voxel / 1e3:.2f} ml"),
        ("length", f"{_length(part, way):.0f} mm between the seeds"),
        *(("note", text) for text in changed),
    ]
    return Segmented(scan, replace(scan, values=values), lines)


def _around(scan: Image, seeds: Array, where: str) -> tuple[Image, Array]:
    """The part of the scan near the seeds, and its first voxel."""
    if len(seeds) < 2:
        raise CaseError(
            "one seed does not say where the vein ends", where="--seed",
            do="give one at each end of the vein",
        )  # fmt: skip
    index = scan.to_index(seeds)
    size = np.array(scan.values.shape)
    outside = ~((index >= -0.5) & (index <= size - 0.5)).all(axis=1)
    if outside.any():
        ends = scan.to_mm(np.array([[0, 0, 0], size - 1]))
        raise CaseError(
            f"the seed {seeds[outside][0].tolist()} lies outside the scan",
            where=where,
            do=f"it reaches from {np.round(ends[0], 1).tolist()} to "
            f"{np.round(ends[1], 1).tolist()} mm (LPS; Slicer shows RAS: x and y change sign)",
        )
    room = AROUND / scan.spacing
    low = np.maximum(np.floor(index.min(axis=0) - room), 0).astype(int)
    high = np.minimum(np.ceil(index.max(axis=0) + room) + 1, size).astype(int)
    values = scan.values[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    part = replace(scan, values=values.astype(np.float32), origin=scan.to_mm(low[None])[0])
    return part, low


def _smoothed(part: Image) -> Image:
    """Noise removed, edges kept (curvature anisotropic diffusion)."""
    import SimpleITK as sitk  # noqa: N813

    step = 0.9 * float(part.spacing.min()) / 16
    data = sitk.CurvatureAnisotropicDiffusion(
        images.to_itk(part), timeStep=step, conductanceParameter=3.0, numberOfIterations=8
    )
    return images.from_itk(data)


def _range(smooth: Image, seeds: Sequence[tuple[int, ...]], limits: Limits) -> tuple[float, float]:
    """The lumen's values: at the seeds, with room for four standard deviations."""
    reach = np.maximum(np.round(NEAR / smooth.spacing), 1).astype(int)
    boxes = [
        tuple(slice(max(i - r, 0), i + r + 1) for i, r in zip(seed, reach, strict=True))
        for seed in seeds
    ]
    there = np.concatenate([smooth.values[box].ravel() for box in boxes])
    middle, spread = float(np.median(there)), float(np.std(there))
    room = max(4 * spread, 0.05 * float(np.ptp(np.percentile(smooth.values, [1, 99]))))
    low = middle - room if limits.low is None else limits.low
    high = middle + room if limits.high is None else limits.high
    if low >= high:
        raise CaseError("the lumen's limits are crossed", where="--low, --high", do="swap them")
    return low, high


def _between(
    smooth: Image, seeds: Sequence[tuple[int, ...]], low: float, high: float, where: str
) -> tuple[Image, Array]:
    """The voxels of lumen near the ways from the first seed to the others, and those ways."""
    import SimpleITK as sitk  # noqa: N813

    data = images.to_itk(smooth)
    width = (high - low) / 10
    speed = np.ones_like(smooth.values, dtype=float)
    for edge, sign in ((low, 1), (high, -1)):
        speed *= 1 / (1 + np.exp(np.clip(-sign * (smooth.values - edge) / width, -50, 50)))
    field = images.to_itk(replace(smooth, values=(speed + 1e-3).astype(np.float32)))
    times = [
        images.from_itk(sitk.FastMarching(field, [list(seed)], 1.0, 1e4)).values for seed in seeds
    ]
    detour = np.full(smooth.values.shape, np.inf)
    ways = []
    for other in range(1, len(seeds)):
        total = times[0] + times[other]
        detour = np.minimum(detour, total - total.min())
        ways.append(_way(times[0], seeds[other]))
    grown = images.from_itk(sitk.ConnectedThreshold(data, [list(s) for s in seeds], low, high))
    near = (grown.values > 0) & (detour < DETOUR)
    opened = ndimage.binary_opening(near)
    pieces, number = ndimage.label(opened)
    held = [pieces[tuple(slice(max(i - 2, 0), i + 3) for i in seed)] for seed in seeds]
    wanted = set(np.unique(held[0])) - {0}
    for box in held[1:]:
        wanted &= set(np.unique(box))
    if not wanted or number == 0:
        raise MeshError(
            "the seeds are not joined by a vessel of one brightness",
            where=where,
            do="move them into the lumen, add seeds between them, or give --low and --high",
        )
    sizes = {k: int((pieces == k).sum()) for k in wanted}
    vein = pieces == max(sizes, key=lambda k: sizes[k])
    return replace(smooth, values=vein), np.concatenate(ways)


def _way(time: Array, start: tuple[int, ...]) -> Array:
    """The quickest way back from ``start`` to where ``time`` is zero: voxels (n, 3)."""
    at, way = np.array(start), [np.array(start)]
    while time[tuple(at)] > 0:
        low = np.maximum(at - 1, 0)
        box = time[tuple(slice(a, b) for a, b in zip(low, at + 2, strict=True))]
        after = low + np.array(np.unravel_index(np.argmin(box), box.shape))
        if (after == at).all():
            break
        at = after
        way.append(at)
    return np.array(way)


def _no_leak(vein: Image, way: Array, what: str) -> None:
    """Raises `MeshError` where many voxels lie far from the middle of the vein."""
    depth = ndimage.distance_transform_edt(vein.values, sampling=vein.spacing)
    line = np.unique(way, axis=0)
    # ways cut corners: the deepest place near them is the vein's middle
    size = np.maximum(2 * np.round(4 / vein.spacing) + 1, 3).astype(int)
    usual = float(np.median(ndimage.maximum_filter(depth, size=size)[tuple(line.T)]))
    index = np.argwhere(vein.values)
    distance, nearest = cKDTree(line * vein.spacing).query(index * vein.spacing)
    far = distance > LEAK * usual
    ball = cKDTree(line * vein.spacing).query_ball_point(line * vein.spacing, usual)
    held = np.bincount(nearest, minlength=len(line)) * vein.voxel
    # volume that belongs to the line's points within a radius either way, over that length
    area = np.array([held[near].sum() for near in ball]) / (2 * usual)
    swollen = area > SWOLLEN * np.pi * usual**2
    if far.mean() > MOST_LEAK or swollen.any():
        place = line[int(np.argmax(area))] if swollen.any() else index[far].mean(axis=0)
        raise MeshError(
            f"the segmentation leaks by {what}: it is {area.max() / (np.pi * usual**2):.0f} times "
            f"as wide as usual, {far.mean():.0%} of it far from the vein",
            where=f"around {np.round(vein.to_mm(place[None])[0], 1).tolist()} mm",
            do="narrow --low and --high, or add seeds along the vein and in its branches",
        )


def _contoured(smooth: Image, rough: Image, seeds: Sequence[tuple[int, ...]]) -> Image:
    """The outline drawn to the image's edges by a geodesic active contour."""
    import SimpleITK as sitk  # noqa: N813

    data = images.to_itk(smooth)
    start = images.to_itk(replace(rough, values=rough.values.astype(np.uint8)))
    distance = sitk.SignedMaurerDistanceMap(
        start, insideIsPositive=False, squaredDistance=False, useImageSpacing=True
    )
    slope = sitk.GradientMagnitudeRecursiveGaussian(data, sigma=float(smooth.spacing.min()))
    at_edge = np.percentile(
        sitk.GetArrayFromImage(slope).transpose(2, 1, 0)[_rim(rough.values)], 50
    )
    edges = sitk.Sigmoid(
        slope, alpha=-float(at_edge) / 4, beta=float(at_edge), outputMinimum=0.0,
        outputMaximum=1.0,
    )  # fmt: skip
    grown = sitk.GeodesicActiveContourLevelSet(
        sitk.Cast(distance, sitk.sitkFloat32), sitk.Cast(edges, sitk.sitkFloat32),
        maximumRMSError=0.002, propagationScaling=0.5, curvatureScaling=1.0,
        advectionScaling=2.0, numberOfIterations=60,
    )  # fmt: skip
    inside = images.from_itk(grown).values < 0
    pieces, _ = ndimage.label(inside)
    held = pieces[tuple(seeds[0])]
    if held == 0:
        raise MeshError(
            "the outline collapsed: the vein's edges are too faint",
            where="around the first seed",
            do="segment it by hand in an image viewer",
        )
    return replace(rough, values=pieces == held)


def _halfway(smooth: Image, vein: Image) -> Image:
    """The outline moved to where the scan is half-way between lumen and local surroundings.

    A blurred edge's half-level is its true place, whatever lies outside: fat, muscle or an artery.
    """
    values, mask = smooth.values, vein.values
    reach = 2.5 / smooth.spacing
    for _ in range(2):
        core = ndimage.binary_erosion(mask)
        outside = ~ndimage.binary_dilation(mask)
        means = [
            ndimage.gaussian_filter(values * part, reach)
            / np.maximum(ndimage.gaussian_filter(part.astype(np.float32), reach), 1e-6)
            for part in (core if core.any() else mask, outside)
        ]
        band = ndimage.binary_dilation(mask) & ~core
        nearer = np.abs(values - means[0]) < np.abs(values - means[1])
        mask = np.where(band, nearer, mask)
        mask = ndimage.median_filter(mask.astype(np.uint8), 3) > 0
    pieces, _ = ndimage.label(mask)
    sizes = np.bincount(pieces[vein.values], minlength=2)[1:]
    return replace(vein, values=pieces == np.argmax(sizes) + 1)


def _rim(mask: Array) -> Array:
    """The outermost voxels of ``mask``."""
    return mask & ~ndimage.binary_erosion(mask)


def _length(part: Image, way: Array) -> float:
    places = part.to_mm(way.astype(float))
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    # ways follow each other: the leap from one to the next is none
    return float(steps[steps < 3 * part.spacing.max()].sum())
