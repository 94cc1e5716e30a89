"""A vein drawn in a noisy scan: near the truth where it can be, refused where it would leak."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from core.errors import CaseError, MeshError
from meshes.images import image, segmentation
from meshes.images.image import Image
from meshes.images.segmentation import Limits, in_scan

SPACING = np.array([1.0, 1.0, 1.2])
SEEDS = [(0.0, 0.0, 4.0), (0.0, 0.0, 50.0)]
VEIN, ARTERY, TISSUE = 165.0, 230.0, 45.0


def scan(leak: bool = False) -> tuple[Image, np.ndarray]:
    """A vein of 5 mm radius, an artery that touches it, blur and noise; and the truth."""
    size = (44, 44, 46)
    grid = Image(np.zeros(size), np.eye(3), SPACING, np.array([-22.0, -22.0, 0.0]))
    x, y, z = grid.to_mm(np.indices(size).reshape(3, -1).T).T
    vein = (np.hypot(x, y) < 5).reshape(size)
    artery = (np.hypot(x - 2 + 0.35 * (z - 27), y + 9.2) < 4).reshape(size) & ~vein
    values = np.where(vein, VEIN, np.where(artery, ARTERY, TISSUE))
    if leak:
        values[22:, :, 15:30] = VEIN
    values = ndimage.gaussian_filter(values, 0.7) + np.random.default_rng(3).normal(0, 9, size)
    return replace(grid, values=values), vein


def test_vein_beside_an_artery_is_found() -> None:
    whole, truth = scan()
    found = in_scan(whole, SEEDS, Limits(), "scan")
    inside = found.label.values
    assert 2 * (inside & truth).sum() / (inside.sum() + truth.sum()) > 0.95
    assert inside.sum() == pytest.approx(truth.sum(), rel=0.08)
    # steps from voxel to voxel zigzag
    length = float(dict(found.lines)["length"].split()[0])
    assert length == pytest.approx(46, rel=0.1)


def test_leak_stops_and_says_where() -> None:
    with pytest.raises(MeshError, match="leaks") as caught:
        in_scan(scan(leak=True)[0], SEEDS, Limits(120, 220), "scan")
    assert "mm" in caught.value.where


@pytest.mark.parametrize(
    ("seeds", "limits", "said"),
    [
        (SEEDS[:1], Limits(), "one seed"),
        ([SEEDS[0], (0, 0, 500)], Limits(), "outside the scan"),
        (SEEDS, Limits(200, 100), "crossed"),
        ([SEEDS[0], (18, 18, 50)], Limits(140, 190), "not joined"),
    ],
)
def test_what_cannot_be_is_refused(
    seeds: list[tuple[float, float, float]], limits: Limits, said: str
) -> None:
    with pytest.raises((CaseError, MeshError), match=said):
        in_scan(scan()[0], seeds, limits, "scan")


def test_result_is_written_and_drawn_on_the_scans_grid(tmp_path: Path) -> None:
    whole, truth = scan()
    made = segmentation.Segmented(whole, replace(whole, values=truth), [])
    made.write(tmp_path / "v.nii.gz")
    made.draw(tmp_path / "v.png")
    again = image.read(tmp_path / "v.nii.gz")
    assert np.array_equal(again.values > 0, truth)
    assert again.origin == pytest.approx(whole.origin)
    assert (tmp_path / "v.png").stat().st_size > 20_000
    with pytest.raises(CaseError, match="cannot be written"):
        made.write(tmp_path / "no" / "v.nii.gz")
