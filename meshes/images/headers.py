"""What image headers say themselves, where ITK mends without a word: spacing 0 becomes 1, a place
that is no number becomes 0, missing voxels become 0.
"""

import gzip
import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from core.errors import CaseError

NIFTI_BYTES = 348


def check(path: Path) -> None:
    """Raises `CaseError` for a NIfTI or MetaImage header that ITK would mend."""
    name = path.name.lower()
    try:
        if name.endswith((".nii", ".nii.gz")):
            problem = _nifti(path)
        elif name.endswith((".mha", ".mhd")):
            problem = _meta(path)
        else:
            return
    except (OSError, EOFError, ValueError, struct.error) as error:
        raise CaseError(
            "cannot read the image: its header is damaged", where=str(path), do="export it anew"
        ) from error
    if problem:
        raise CaseError(problem, where=str(path), do="export the image anew, whole and with sizes")


def _nifti(path: Path) -> str:
    packed = path.name.lower().endswith(".gz")
    with gzip.open(path) if packed else path.open("rb") as file:
        head = file.read(NIFTI_BYTES)
    order = "<" if struct.unpack_from("<i", head)[0] == NIFTI_BYTES else ">"
    size = struct.unpack_from(f"{order}8h", head, 40)
    bits = struct.unpack_from(f"{order}h", head, 72)[0]
    spacing = struct.unpack_from(f"{order}3f", head, 80)
    start = struct.unpack_from(f"{order}f", head, 108)[0]
    place = struct.unpack_from(f"{order}18f", head, 256)
    if not all(np.isfinite(x) and x > 0 for x in spacing):
        return f"the header gives voxels of {_said(spacing)} mm"
    if not np.isfinite(place).all():
        return "the header's place or axes are no numbers"
    voxels = np.prod([float(max(n, 1)) for n in size[1 : 1 + max(size[0], 0)]])
    if not packed and path.stat().st_size < start + voxels * bits / 8:
        return "the file ends before its last voxel"
    return ""


def _meta(path: Path) -> str:
    """MetaImage: lines of text up to `ElementDataFile`."""
    with path.open("rb") as file:
        lines = file.read(8192).split(b"\n")
    said = dict(line.split(b"=", 1) for line in lines[:60] if b"=" in line)
    numbers = {
        key.strip().decode("ascii", "replace"): [float(x) for x in value.split()]
        for key, value in said.items()
        if key.strip() in (b"ElementSpacing", b"ElementSize", b"Offset", b"Position", b"Origin")
    }
    for key, values in numbers.items():
        sized = key.startswith("Element")
        if not np.isfinite(values).all() or (sized and min(values, default=1) <= 0):
            return f"the header says {key} = {_said(values)}"
    if not {"ElementSpacing", "ElementSize"} & set(numbers):
        return "the header does not say how large the voxels are"
    return ""


def _said(values: Iterable[float]) -> str:
    return " × ".join(f"{x:g}" for x in values)
