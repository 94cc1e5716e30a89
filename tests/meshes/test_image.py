"""Images in every format: the same voxels at the same places; bad series refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import CaseError, MeshError, TwinError
from meshes.images import image, labels
from meshes.images.image import Image
from meshes.surface import Surface, contour
from tests.meshes.scans import slice_at, write, write_series

FORMATS = ("p.nii", "p.nii.gz", "p.nrrd", "p.nhdr", "p.mha", "p.mhd")


def turned(degrees: float, axis: int) -> np.ndarray:
    a, b = (k for k in range(3) if k != axis)
    matrix = np.eye(3)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix[a, a], matrix[a, b], matrix[b, a], matrix[b, b] = c, -s, s, c
    return matrix


FRAMES = {
    "as LPS": np.eye(3),
    "as RAS": np.diag([-1.0, -1.0, 1.0]),
    "feet up": np.diag([1.0, -1.0, -1.0]),
    "coronal": np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]),
    "oblique": turned(20, 2) @ turned(-35, 0),
}


def asymmetric(direction: np.ndarray) -> Image:
    """A long piece (5), one on its +x side only (6), one at the +y end of the first slice (7)."""
    values = np.zeros((9, 12, 14), dtype=np.uint8)
    values[3:5, 4:7, 2:13] = 5
    values[6, 5, 9] = 6
    values[4, 10, 0] = 7
    return Image(values, direction, np.array([0.8, 0.9, 1.3]), np.array([-31.0, 12.0, -410.0]))


def places(found: Image) -> dict[int, np.ndarray]:
    """Where the labels' middles lie [mm]."""
    return {
        value: found.to_mm(np.argwhere(found.values == value)).mean(axis=0) for value in (5, 6, 7)
    }


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("name", [*FORMATS, "dicom"])
def test_every_format_keeps_every_voxel_at_its_place(
    frame: str, name: str, tmp_path: Path
) -> None:
    known = asymmetric(FRAMES[frame])
    path = tmp_path / name
    found = image.read(write_series(known, path) if name == "dicom" else write(known, path))
    assert found.voxel == pytest.approx(known.voxel, rel=1e-6)
    for value, place in places(known).items():
        # NIfTI and DICOM store the axes in single precision or as text
        assert places(found)[value] == pytest.approx(place, abs=2e-4), value


def test_index_and_place_are_each_others_inverse() -> None:
    known = asymmetric(FRAMES["oblique"])
    index = np.array([[1.0, 2.0, 3.5], [0, 0, 0]])
    assert known.to_index(known.to_mm(index)) == pytest.approx(index)


def test_tilted_gantry_is_a_sheared_grid(tmp_path: Path) -> None:
    """Slices tilted by 15 degrees while the table moves along z: no voxel leaves its place."""
    axes = turned(15, 0)
    axes[:, 2] = [0, 0, 1]
    known = replace(asymmetric(np.eye(3)), direction=axes)
    found = image.read(write_series(known, tmp_path / "tilted"))
    assert found.direction == pytest.approx(axes, abs=1e-6)
    for value, place in places(known).items():
        assert places(found)[value] == pytest.approx(place, abs=1e-4)
    label = labels.pick(found, (5,), tmp_path)
    assert label.voxel == pytest.approx(0.8 * 0.9 * 1.3 * np.cos(np.radians(15)))
    middle = labels.surface_of(label).points.mean(axis=0)
    assert middle == pytest.approx(places(known)[5], abs=0.15)
    with pytest.raises(MeshError, match="tilted gantry"):
        image.to_itk(found)


def test_one_of_several_series_is_chosen_by_name(tmp_path: Path) -> None:
    known = asymmetric(np.eye(3))
    write_series(known, tmp_path / "d", "1.2.3", "venous 1 mm")
    write_series(replace(known, values=known.values * 2), tmp_path / "d", "1.2.4", "arterial")
    (tmp_path / "d" / "DICOMDIR").write_text("index")
    with pytest.raises(CaseError, match="holds 2 DICOM series") as caught:
        image.read(tmp_path / "d")
    assert "CT (14 slices, 1.2.4)" in caught.value.do
    assert "arterial" not in str(caught.value)
    assert image.read(tmp_path / "d", series="VENOUS").values.max() == 7
    assert image.read(tmp_path / "d", series="1.2.4").values.max() == 14
    with pytest.raises(CaseError, match="fits 0 of them"):
        image.read(tmp_path / "d", series="portal")


def test_missing_slice_is_refused_with_its_place(tmp_path: Path) -> None:
    known = asymmetric(np.eye(3))
    folder = write_series(known, tmp_path / "gap")
    slice_at(folder, known, 6).unlink()
    with pytest.raises(MeshError, match="about 1 slices are missing") as caught:
        image.read(folder)
    assert "2.60 instead of 1.30 mm after -403.5 mm" in caught.value.where


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"0020|0032": "0\\0\\0"}, "at the same place"),
    ],
)
def test_bad_series_is_refused(changes: dict[str, str], said: str, tmp_path: Path) -> None:
    folder = write_series(asymmetric(np.eye(3)), tmp_path / "bad", **changes)
    with pytest.raises(TwinError, match=said):
        image.read(folder)


def test_mixed_slices_are_refused(tmp_path: Path) -> None:
    known = asymmetric(np.eye(3))
    folder = write_series(known, tmp_path / "mixed")
    write_series(
        replace(known, values=known.values[:5], origin=known.origin + 50), folder, about="scout"
    )
    with pytest.raises(MeshError, match="14 of 28 slices have another size"):
        image.read(folder)


def test_names_of_totalsegmentator_are_labels() -> None:
    assert labels.numbers(["iliac_vena_left", 7]) == (67, 7)
    with pytest.raises(CaseError, match="no label is called 'femoral'"):
        labels.numbers(["femoral"])


def test_scan_is_no_label_map(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(size=(12, 12, 12))
    scan = replace(asymmetric(np.eye(3)), values=noise)
    with pytest.raises(CaseError, match="no label map") as caught:
        labels.pick(scan, (1,), tmp_path)
    assert "dvtwin segment" in caught.value.do


def tube(radius: float, spacing: list[float], lean: float) -> Image:
    """A tube whose axis leans by ``lean`` degrees against the slices' normal."""
    size = np.ceil(np.array([48.0, 30.0, 44.0]) / spacing).astype(int)
    grid = Image(np.zeros(size), np.eye(3), np.array(spacing), np.zeros(3))
    at = grid.to_mm(np.indices(size).reshape(3, -1).T)
    inside = (away(at, lean)[0] < radius).reshape(size)
    margin = ((2, 2), (2, 2), (1, 1))
    return replace(grid, values=np.pad(inside[2:-2, 2:-2, 1:-1], margin))


def away(at: np.ndarray, lean: float) -> tuple[np.ndarray, np.ndarray]:
    """Distances of points from the tube's axis and along it [mm]."""
    way = np.array([np.sin(np.radians(lean)), 0, np.cos(np.radians(lean))])
    along = (at - [9.0, 15.0, 0.0]) @ way
    return np.linalg.norm(at - [9.0, 15.0, 0.0] - np.outer(along, way), axis=1), along


def radii(surface: Surface, lean: float) -> np.ndarray:
    """Distances of the wall from the tube's axis, ends left out [mm]."""
    distance, along = away(surface.points, lean)
    return distance[(along > 12) & (along < 28)]


def test_thick_slices_are_interpolated_by_shape() -> None:
    """5 mm slices of a 10 mm vessel that leans: nearer to the truth than the label's contour."""
    mask = tube(5.0, [0.8, 0.8, 5.0], 40.0)
    assert labels.is_thick(mask)
    even = radii(labels.surface_of(mask), 40.0)
    stepped = radii(contour(mask.values.astype(np.uint8), 0.5, mask.to_mm, smooth=True), 40.0)
    assert np.sqrt(np.mean((even - 5) ** 2)) < 0.9 * np.sqrt(np.mean((stepped - 5) ** 2))
    # shape-based interpolation cuts bends: 6 % of radius is what the warning says
    assert even.mean() == pytest.approx(5.0, rel=0.06)


def test_wall_can_be_moved_by_less_than_a_voxel() -> None:
    mask = tube(5.0, [0.8, 0.8, 0.8], 25.0)
    sound, wide = (radii(labels.surface_of(mask, shift), 25.0).mean() for shift in (0.0, 0.3))
    assert sound == pytest.approx(5.0, abs=0.05)
    assert wide - sound == pytest.approx(0.3, abs=0.01)
