"""A tube and a small phantom of the iliac confluence that several files of tests look at."""

from pathlib import Path

import numpy as np
import pytest

from core.settings import read
from meshes.build import build
from meshes.shapes import anatomy
from meshes.sources.mask import Mask
from meshes.sources.tube import Tube
from meshes.tagged import TaggedMesh

SMALL = anatomy.Shape(cava_length=34.0, leg_length=46.0, stenosis=0.6, stenosis_at=22.0)
SHIFT = np.array([12.0, -30.0, 250.0])
SPACING = np.array([0.9, 0.9, 1.1])


def mm(*numbers: float) -> list[str]:
    return [f"{number:.3f} mm" for number in numbers]


@pytest.fixture(scope="session")
def tube() -> TaggedMesh:
    """Radius 5 mm, length 20 mm, edges of 1.5 mm."""
    return read(Tube, {"radius": "5 mm", "length": "20 mm", "size": "1.5 mm"}, "test").build(
        Path()
    )


@pytest.fixture(scope="session")
def veins() -> list[anatomy.Tube]:
    return anatomy.tubes(SMALL)


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory, veins: list[anatomy.Tube]) -> Path:
    """A folder with `veins.nii.gz`: the small confluence, shifted, label 7 (3 is a stray)."""
    import SimpleITK as sitk  # noqa: N813

    folder = tmp_path_factory.mktemp("phantom")
    low = np.concatenate([tube.curve for tube in veins]).min(axis=0) - 12
    high = np.concatenate([tube.curve for tube in veins]).max(axis=0) + 12
    shape = np.ceil((high - low) / SPACING).astype(int)
    points = low + np.indices(shape).reshape(3, -1).T * SPACING
    label = 7 * (anatomy.union(points, veins) < 0).reshape(shape).astype(np.uint8)
    label[1, 1, 1] = 3
    write_labels(folder / "veins.nii.gz", label, SPACING, low + SHIFT)
    assert sitk.ReadImage(str(folder / "veins.nii.gz")).GetSize() == tuple(shape)
    return folder


def write_labels(path: Path, label: np.ndarray, spacing: np.ndarray, origin: np.ndarray) -> None:
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(np.ascontiguousarray(label.transpose(2, 1, 0)))
    image.SetSpacing([float(x) for x in spacing])
    image.SetOrigin([float(x) for x in origin])
    sitk.WriteImage(image, str(path))


def phantom_case(veins: list[anatomy.Tube], **changes: object) -> dict[str, object]:
    """A `[mesh]` table for the phantom; the openings lie at the vessels' ends."""
    ends = {end.name: end.point + 3 * end.outward + SHIFT for end in anatomy.ends(veins)}
    return {
        "path": "veins.nii.gz",
        "labels": [7],
        "unit": "mm",
        "root": "cava",
        "size": "2.5 mm",
        "across": 6,
        "openings": {name: {"at": mm(*at)} for name, at in ends.items()},
        **changes,
    }


@pytest.fixture(scope="session")
def vein_mesh(phantom: Path, veins: list[anatomy.Tube]) -> TaggedMesh:
    """The phantom's mesh, refined around the compression."""
    left = next(tube for tube in veins if tube.name == "left")
    narrow = left.curve[int(np.argmin(left.depth))] + SHIFT
    zone = {"at": mm(*narrow), "radius": "5 mm", "size": "0.9 mm"}
    return build(read(Mask, phantom_case(veins, refine=[zone]), "test"), phantom)
