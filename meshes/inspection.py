"""What a foreign file holds, and the lines of a case that it suggests: image, surface or mesh."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from core.errors import CaseError, TwinError
from core.units import UnitError, length_factor
from meshes import topology
from meshes.ends import proposals
from meshes.ends.proposals import Found
from meshes.foreign import surface as foreign_surface
from meshes.foreign import volume as foreign
from meshes.images import dicom, image, labels
from meshes.shape import dihedral_angles, radius_ratios
from meshes.surface import Surface
from meshes.tagged import EXTENSION, WALL

Array = NDArray[Any]

IMAGES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".dcm")
FEW = 12
"""So many labels are looked at one by one."""


@dataclass(frozen=True)
class Inspection:
    """What a file is, what it holds (name, text), the `[mesh]` table that it suggests, and its
    possible openings [mm]. ``declared`` is whether the file names its openings itself.
    """

    kind: str
    lines: list[tuple[str, str]]
    table: Mapping[str, Any]
    ends: Sequence[Found] = ()
    declared: bool = False
    surface: Surface | None = field(default=None, repr=False)


def kind_of(path: Path) -> str:
    """What a file is, "image", "surface" or "mesh", by its name, and a folder by its contents."""
    if not path.exists():
        raise CaseError("there is no such file", where=str(path), do="correct the path")
    if path.is_dir():
        if any(path.rglob("*.mesh.vtu")) or any(path.rglob("polyMesh")):
            return "mesh"
        return "surface" if any(path.rglob("*.vtp")) else "image"
    if path.name.lower().endswith(IMAGES) or (not path.suffix and dicom.is_dicom(path)):
        return "image"
    return "surface" if foreign_surface.is_surface(path) else "mesh"


def inspected(
    path: Path, unit: str | None, series: str = "", wanted: Sequence[int] = ()
) -> Inspection:
    """Look into ``path``; without ``unit`` only images, which say it, are measured in mm.

    ``wanted`` are the labels of the vein in a label map that has several.
    """
    kind = kind_of(path)
    try:
        metres = length_factor(unit or ("mm" if kind == "image" else "m"))
    except UnitError as error:
        raise CaseError(str(error), where="--unit", do="give mm, cm or m") from error
    if kind == "image":
        return _of_image(path, metres, unit or "mm", series, wanted)
    if kind == "surface":
        return _of_surface(path, metres, unit)
    return _of_mesh(path, metres, unit)


def _of_image(
    path: Path, metres: float, unit: str, series: str, wanted: Sequence[int]
) -> Inspection:
    found = image.read(path, metres, series)
    size = " × ".join(map(str, found.values.shape))
    spacing = " × ".join(f"{x:.3g}" for x in found.spacing)
    low, high = found.to_mm(np.array([[0, 0, 0], np.array(found.values.shape) - 1]))
    lines = [
        ("voxels", f"{size} of {spacing} mm"),
        ("axes", ", ".join(_letters(way) for way in found.direction.T) + " (towards)"),
        ("from", f"{_place(low)} mm (LPS)"),
        ("to", f"{_place(high)} mm"),
    ]
    table: dict[str, Any] = {"kind": "mask", "path": str(path), "unit": unit}
    if series:
        table["series"] = series
    try:
        there = [int(v) for v in labels.values(found, path) if v != 0]
    except CaseError:
        middle = np.percentile(found.values, [1, 50, 99])
        lines += [
            ("kind", "scan"),
            ("values", "1, 50, 99 %: " + ", ".join(f"{x:.4g}" for x in middle)),
            ("next", f"dvtwin segment {path} --seed X,Y,Z --seed X,Y,Z"),
        ]
        return Inspection("scan", lines, table)
    lines.insert(0, ("kind", "label map"))
    lines += _label_lines(found, there)
    chosen = list(wanted) or there
    if len(chosen) != 1 and not wanted:
        return Inspection("labels", lines, table)
    picked = labels.pick(found, chosen, path)
    try:
        mask, changed = labels.gated(picked)
    except TwinError as error:
        return Inspection("labels", [*lines, ("damaged", error.what)], table)
    lines += [("note", text) for text in changed]
    ends = proposals.of_label(mask)
    return Inspection(
        "labels", lines, {**table, "labels": chosen, **_sizes(ends)}, ends,
        surface=labels.surface_of(mask),
    )  # fmt: skip


def _label_lines(found: image.Image, there: Sequence[int]) -> list[tuple[str, str]]:
    known = {number: name for name, number in labels.TOTALSEGMENTATOR.items()}
    lines = []
    for value in there[:FEW]:
        mask = found.values == value
        pieces = ndimage.label(mask)[1]
        text = f"{mask.sum() * found.voxel / 1e3:.2f} ml in {pieces} piece{'s' * (pieces != 1)}"
        guess = f"; {known[value]} if from TotalSegmentator" if value in known else ""
        lines.append((f"label {value}", text + guess))
    if len(there) > FEW:
        lines.append(("labels", f"{len(there) - FEW} more: {', '.join(map(str, there[FEW:60]))}"))
    return lines


def _of_surface(path: Path, metres: float, unit: str | None) -> Inspection:
    raw = foreign_surface.read_safely(path)
    surface = Surface(raw.points * metres * 1e3, raw.triangles, raw.tags)
    lines = [
        ("kind", "surface"),
        ("triangles", f"{len(surface.triangles):,} on {len(surface.points):,} points"),
        ("size", _size(raw.points, unit)),
    ]
    table = {"kind": "surface", "path": str(path), **({"unit": unit} if unit else {})}
    try:
        sound, said = foreign_surface.joined(surface)
    except TwinError as error:
        lines.append(("damaged", error.what))
        return Inspection("surface", lines, table)
    lines += [("note", text) for text in said]
    ends = proposals.of_surface(sound)
    return Inspection("surface", lines, {**table, **_sizes(ends)}, ends, surface=sound)


def _of_mesh(path: Path, metres: float, unit: str | None) -> Inspection:
    found = foreign.read_safely(path)
    points = found.points * metres * 1e3
    faces = topology.faces(found.cells)
    border = faces.outward[faces.count == 1]
    if topology.volumes(points, found.cells).sum() < 0:
        border = border[:, ::-1]
    lines = [
        ("kind", "volume mesh"),
        ("cells", f"{len(found.cells):,} tetrahedra on {len(points):,} points"),
        ("size", _size(found.points, unit)),
        ("shape", _histogram("radius ratio", radius_ratios(points, found.cells), 0.2)),
        ("angles", _histogram("dihedral", dihedral_angles(points, found.cells), 10.0)),
    ]
    table: dict[str, Any] = {"kind": "file", "path": str(path), **({"unit": unit} if unit else {})}
    if found.cell_tags is not None and len(np.unique(found.cell_tags)) > 1:
        tags, counts = np.unique(found.cell_tags, return_counts=True)
        lines += [(f"region {t}", f"{n:,} cells") for t, n in zip(tags, counts, strict=True)]
        table["regions"] = [int(tags[0])]
    skin = Surface(points, border, np.zeros(len(border), dtype=np.int32))
    if not len(found.facets):
        return Inspection("mesh", lines, table, proposals.of_surface(skin), surface=skin)
    ends, names, more = _patches(found, points, border)
    declared = bool(found.names) and WALL in names.values()
    if not declared:
        table["names"] = {str(tag): name for tag, name in names.items()}
    return Inspection("mesh", lines + more, table, ends, declared, skin)


def _patches(
    found: foreign.Foreign, points: Array, border: Array
) -> tuple[list[Found], dict[int, str], list[tuple[str, str]]]:
    """The tagged patches: likely openings, a name for each tag, and a line on each."""
    row = topology.match(found.facets, border)
    tags = found.facet_tags[row >= 0]
    facets = border[row[row >= 0]]
    patches: dict[int, Found] = {}
    lines, names = [], {}
    for tag in (int(t) for t in np.unique(tags)):
        own = facets[tags == tag]
        vectors = topology.facet_vectors(points, own)
        area = np.linalg.norm(vectors, axis=1)
        centre = area @ points[own].mean(axis=1) / area.sum()
        total = vectors.sum(axis=0)
        flat = float(np.linalg.norm(total) / area.sum())
        is_opening = flat > 0.95 and found.names.get(tag) not in (WALL, EXTENSION)
        title = found.names.get(tag, "")
        lines.append((
            f"boundary {tag}", f"{title + ': ' if title else ''}{area.sum():.4g} mm² at "
            f"{_place(centre)} mm, {len(own):,} facets, likely "
            + (f"an opening towards {_place(total / np.linalg.norm(total))}" if is_opening
               else "wall"),
        ))  # fmt: skip
        names[tag] = title or WALL
        if is_opening:
            radius = float(np.sqrt(area.sum() / np.pi))
            patches[tag] = Found(title, centre, total / np.linalg.norm(total), radius)
    ends = proposals.named(list(patches.values()))
    for tag, patch in patches.items():
        if not patch.name:
            names[tag] = next(end.name for end in ends if end.centre is patch.centre)
    ends = [
        next((p for p in patches.values() if p.name and p.centre is end.centre), end)
        for end in ends
    ]
    return ends, names, lines


def _histogram(what: str, values: Array, step: float) -> str:
    """Shares of cells by steps of ``values``, e.g. "dihedral: 0–10 1 %, 10–20 4 %, …"."""
    edges = np.arange(0, max(float(values.max()), step) + step, step)
    share = np.histogram(values, edges)[0] / len(values)
    text = ", ".join(
        f"{low:g}–{low + step:g} {100 * part:.1f} %"
        for low, part in zip(edges, share, strict=False) if part > 0
    )  # fmt: skip
    return f"{what} {values.min():.3g} at worst; {text}"


def _sizes(ends: Sequence[Found]) -> dict[str, str]:
    """An edge length that suits the ends."""
    if not ends:
        return {}
    return {"size": f"{max(0.1, round(float(np.median([e.radius for e in ends])) / 3, 1)):g} mm"}


def _size(points: Array, unit: str | None) -> str:
    extent = " × ".join(f"{x:.4g}" for x in np.ptp(points, axis=0))
    return f"{extent} {unit or '(the file does not say in which unit)'}"


def _letters(way: Array) -> str:
    """The direction in the patient's frame: the nearest of L, R, P, A, S, I."""
    axis = int(np.argmax(np.abs(way)))
    return ("LPS" if way[axis] > 0 else "RAI")[axis]


def _place(point: Array) -> str:
    return "(" + ", ".join(f"{x + 0.0:.1f}" for x in point) + ")"
