"""Looking into foreign files, and cases written from them: proposals are never used unasked."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import CaseError, MeshError
from core.settings import read
from jobs import from_file, look
from jobs.case import load
from jobs.look import summary
from meshes import export
from meshes.ends import proposals
from meshes.images.image import Image
from meshes.inspection import inspected, kind_of
from meshes.sources.tube import Tube
from tests.meshes import scans, shells


def wye() -> Image:
    """A label map of a trunk along z and two legs, the patient's left one at +x."""
    size = (70, 24, 60)
    grid = Image(np.zeros(size, np.uint8), np.eye(3), np.full(3, 1.0), np.array([-35.0, -12, 0]))
    at = grid.to_mm(np.indices(size).reshape(3, -1).T)
    x, y, z = at.T
    trunk = (np.hypot(x, y) < 6) & (z > 28)
    legs = (np.hypot(np.abs(x) - 0.75 * np.maximum(32 - z, 0), y) < 4.5) & (z <= 33) & (z > 3)
    return Image(
        (trunk | legs).reshape(size).astype(np.uint8), np.eye(3), grid.spacing, grid.origin
    )


def confirmed(case: Path) -> Path:
    """The case as after a person has looked: marks taken away."""
    text = "\n".join(line.removeprefix(from_file.MARK) for line in case.read_text().splitlines())
    (case.parent / "confirmed.toml").write_text(text)
    return case.parent / "confirmed.toml"


def test_ends_of_a_label_are_found_and_named_by_place() -> None:
    ends = {end.name: end for end in proposals.of_label(wye())}
    assert set(ends) == {"root", "left", "right"}
    assert ends["root"].radius > ends["left"].radius
    assert ends["root"].centre == pytest.approx([0, 0, 59], abs=3)
    assert ends["left"].centre == pytest.approx([21, 0, 4], abs=4.5)
    assert ends["left"].outward[2] < -0.5
    assert ends["right"].centre[0] == pytest.approx(-ends["left"].centre[0], abs=2)


def test_case_for_an_image_waits_for_a_person(tmp_path: Path) -> None:
    scans.write(wye(), tmp_path / "veins.nii.gz")
    case = from_file.write(tmp_path / "veins.nii.gz", tmp_path / "case", None)
    with pytest.raises(CaseError, match="missing"):
        load(case)
    known = load(confirmed(case))
    assert known.mesh.kind == "mask"  # type: ignore[attr-defined]
    assert set(known.flow.boundary) == {"root", "left", "right"}
    assert known.mesh.inputs(case.parent)["image"].exists()
    with pytest.raises(CaseError, match="a case already"):
        from_file.write(tmp_path / "veins.nii.gz", tmp_path / "case", None)


def test_case_for_a_surface_needs_its_unit(tmp_path: Path) -> None:
    shells.write(shells.pipe(), tmp_path / "p.stl")
    with pytest.raises(CaseError, match="do not say their unit") as caught:
        from_file.write(tmp_path / "p.stl", tmp_path, None)
    assert "7.986 × 7.986 × 30" in caught.value.do
    known = load(confirmed(from_file.write(tmp_path / "p.stl", tmp_path, "mm")))
    assert set(known.flow.boundary) == {"root", "end_1"}


def test_case_for_a_named_mesh(tmp_path: Path) -> None:
    tube = read(Tube, {"radius": "5 mm", "length": "20 mm", "size": "2.5 mm"}, "test").build(
        tmp_path
    )
    export.write_msh(tube, tmp_path / "t.msh")
    found = inspected(tmp_path / "t.msh", "mm")
    assert found.declared
    assert {end.name for end in found.ends} == {"inlet", "outlet"}
    areas = [end.area for end in found.ends]
    assert areas == pytest.approx([np.pi * 25] * 2, rel=0.08)
    case = from_file.write(tmp_path / "t.msh", tmp_path, "mm")
    with pytest.raises(CaseError, match="missing"):
        load(case)
    assert set(load(confirmed(case)).flow.boundary) == {"inlet", "outlet"}


def test_scan_is_sent_to_segmentation(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(40, 60, (20, 20, 20)).astype(np.int16)
    scans.write(Image(noise, np.eye(3), np.ones(3), np.zeros(3)), tmp_path / "ct.nrrd")
    found = inspected(tmp_path / "ct.nrrd", None)
    assert found.kind == "scan"
    assert "dvtwin segment" in dict(found.lines)["next"]
    with pytest.raises(CaseError, match="must be segmented"):
        from_file.write(tmp_path / "ct.nrrd", tmp_path / "x", None)
    assert not (tmp_path / "x").exists()


def test_label_map_of_several_says_volumes(tmp_path: Path) -> None:
    image = wye()
    image.values[2:8, 2:8, 2:8] = 63
    scans.write(image, tmp_path / "v.mha")
    found = inspected(tmp_path / "v.mha", None)
    assert not found.ends
    assert (
        dict(found.lines)["label 63"]
        == "0.22 ml in 1 piece; inferior_vena_cava if from TotalSegmentator"
    )
    assert {end.name for end in inspected(tmp_path / "v.mha", None, wanted=[1]).ends} >= {"root"}


def test_damaged_file_is_refused_or_said(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no such file"):
        kind_of(tmp_path / "x.stl")
    (tmp_path / "x.nii").write_text("hello")
    with pytest.raises(CaseError):
        inspected(tmp_path / "x.nii", None)
    shells.write(shells.moebius(), tmp_path / "m.ply")
    assert "one side" in dict(inspected(tmp_path / "m.ply", "mm").lines)["damaged"]
    with pytest.raises((CaseError, MeshError)):
        inspected(tmp_path / "m.ply", "apples")


def test_commands_of_meshes(tmp_path: Path) -> None:
    """`inspect`, `new --from` and `mesh --study` as they are typed."""
    from typer.testing import CliRunner

    from jobs.cli import app

    shells.write(shells.pipe(), tmp_path / "p.stl")
    looked = CliRunner().invoke(app, ["inspect", str(tmp_path / "p.stl"), "--unit", "mm"])
    assert looked.exit_code == 0, looked.output
    assert "opening?       root at" in looked.output
    assert "#? root = " in looked.output
    made = CliRunner().invoke(
        app, ["new", "--from", str(tmp_path / "p.stl"), str(tmp_path / "case"), "--unit", "mm"]
    )
    assert "Confirm the lines" in made.output
    (tmp_path / "case.toml").write_text(TUBE)
    done = CliRunner().invoke(app, ["mesh", str(tmp_path / "case.toml"), "--study", "2"])
    assert done.exit_code == 0, done.output
    told = [dict(summary(tmp_path / "meshes" / f"mesh-{k}.h5"))["cells"] for k in (1, 2)]
    sizes = [float(text.split()[0].replace(",", "")) for text in told]
    # edges shorter by 1.5: 3.4 times the cells, more or less
    assert 2.2 < sizes[1] / sizes[0] < 4.5
    assert look.is_ours(tmp_path / "meshes" / "mesh-1.h5")


TUBE = """
title = "Tube"
mesh = { kind = "tube", radius = "5 mm", length = "20 mm", size = "2.5 mm" }
[flow]
period = "1 s"
[flow.boundary.inlet]
kind = "flow_rate"
mean = "300 mL/min"
[flow.boundary.outlet]
kind = "pressure"
pressure = "0 Pa"
"""
