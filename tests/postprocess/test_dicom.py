"""The DICOM objects pass dciodvfy, give back what went in, and lie where the image lies."""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest

from jobs.hospital.delivery import gather
from postprocess.exports import dicom
from postprocess.exports.document import LabelMap, Report, Signature
from tests.jobs import finished

NAMES = ("measurements.dcm", "report.dcm", "segmentation.dcm")
SIGNED = Signature("SIGNED", "clinician", "jd12", "Ward 3", "agreed", "2026-11-23T10:00:00Z")


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Report:
    return gather(finished.copy(tmp_path_factory.mktemp("run")), with_labels=True)


@pytest.fixture(scope="module")
def made(report, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dicom")
    dicom.write(report, folder)
    return folder


def errors(path: Path) -> list[str]:
    """What dciodvfy finds wrong; skipped where it is not installed."""
    if not shutil.which("dciodvfy"):
        pytest.skip("dciodvfy (Debian: dicom3tools) is not installed")
    done = subprocess.run(
        ["dciodvfy", str(path)], capture_output=True, text=True, errors="replace"
    )
    return [line for line in done.stderr.splitlines() if line.startswith("Error")]


@pytest.mark.parametrize("name", NAMES)
def test_dciodvfy_finds_no_error(made, name):
    assert errors(made / name) == []


def test_dciodvfy_sees_a_fault(made, tmp_path):
    broken = pydicom.dcmread(made / "report.dcm")
    del broken.MIMETypeOfEncapsulatedDocument
    broken.save_as(tmp_path / "broken.dcm")
    assert errors(tmp_path / "broken.dcm")


@pytest.mark.parametrize("signed", [SIGNED, replace(SIGNED, who=""), None])
def test_signed_ones_pass_as_well(report, tmp_path, signed):
    rows = [
        replace(row, low=0.4, high=0.8) if row.name == "area_stenosis" else row
        for row in report.rows
    ]
    found = replace(report.found, rows=rows)
    dicom.write(replace(report, found=found, signatures=[signed] if signed else []), tmp_path)
    for name in NAMES:
        assert errors(tmp_path / name) == [], name
    sr = pydicom.dcmread(tmp_path / "measurements.dcm")
    verified = "VERIFIED" if signed and signed.who else "UNVERIFIED"
    assert sr.VerificationFlag == verified
    assert pydicom.dcmread(tmp_path / "report.dcm").VerificationFlag == verified
    assert sr.CompletionFlag == ("COMPLETE" if signed else "PARTIAL")
    assert sr.PreliminaryFlag == ("FINAL" if signed else "PRELIMINARY")
    if verified == "VERIFIED":
        observer = sr.VerifyingObserverSequence[0]
        assert observer.VerifyingObserverName == "jd12^"
        assert observer.VerifyingOrganization == "Ward 3"


def test_the_pdf_comes_back_byte_for_byte(report, made):
    one = pydicom.dcmread(made / "report.dcm")
    assert one.EncapsulatedDocument[: one.EncapsulatedDocumentLength] == report.pdf
    assert one.DocumentTitle.endswith("(research use only)")


def test_all_are_of_one_study_and_nobody(made):
    found = [pydicom.dcmread(made / name) for name in NAMES]
    assert len({one.StudyInstanceUID for one in found}) == 1
    assert len({one.SeriesInstanceUID for one in found}) == 3
    assert {str(one.PatientID) for one in found} == {"SYN-0001"}
    assert {str(one.PatientName) for one in found} == {"SYN-0001^"}
    assert {one.PatientIdentityRemoved for one in found} == {"YES"}
    assert {one.PatientBirthDate for one in found} == {""}


def test_the_report_holds_the_values_that_may_be_shown(report, made):
    sr = hd.sr.srread(made / "measurements.dcm")
    groups = sr.content.get_image_measurement_groups()
    told = [measure for group in groups for measure in group.get_measurements()]
    assert len(told) == sum(row.is_shown for row in report.rows) > 20
    lesion = next(group for group in groups if group.tracking_identifier == "narrowing")
    assert lesion.finding_sites[0].value.value == "46027005"
    assert lesion.finding_sites[0].laterality.meaning == "Left"
    found = {m.name.value: (m.value, m.unit.value) for m in lesion.get_measurements()}
    row = report.found.row("area_stenosis")
    assert found["408714007"] == (float(row.shown_value), "%")
    assert found["pressure_gradient"][1] == "mm[Hg]"


def test_what_is_not_resolved_is_not_in_it(report, tmp_path):
    rows = [
        replace(row, flag="not resolved") if row.group == "clot" else row for row in report.rows
    ]
    dicom.write(replace(report, found=replace(report.found, rows=rows), labels=None), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["measurements.dcm", "report.dcm"]
    groups = hd.sr.srread(tmp_path / "measurements.dcm").content.get_image_measurement_groups()
    assert {group.tracking_identifier for group in groups} == {"vein", "narrowing"}
    assert errors(tmp_path / "measurements.dcm") == []


def test_every_voxel_lies_where_it_lay_in_the_image(report, made):
    seg = hd.seg.segread(made / "segmentation.dcm")
    volume = seg.get_volume(combine_segments=True)
    place = np.argwhere(volume.array == 1)
    got = volume.map_indices_to_reference(place)
    labels = report.labels
    voxels = np.argwhere(labels.lumen)
    want = voxels @ labels.affine[:3, :3].T + labels.affine[:3, 3]
    assert len(got) == len(want) > 1000
    order = [np.lexsort(np.round(points, 3).T) for points in (got, want)]
    assert got[order[0]] == pytest.approx(want[order[1]], abs=1e-3)
    assert seg.get_segment_description(1).segmented_property_type.meaning == "Vein"


def test_the_segmentation_refers_to_no_picture_that_is_not(made):
    seg = pydicom.dcmread(made / "segmentation.dcm")
    uids = {element.value for element in seg.iterall() if element.keyword.startswith("Referenced")}
    assert not {uid for uid in uids if isinstance(uid, str)}
    assert "ReferencedSeriesSequence" not in seg


def test_a_left_handed_grid_keeps_its_place(report, tmp_path):
    labels = report.labels
    flip = np.diag([-1.0, 1, 1, 1])
    flip[0, 3] = labels.lumen.shape[0] - 1
    turned = LabelMap(labels.lumen[::-1], labels.affine @ flip)
    dicom.write(replace(report, labels=turned), tmp_path)
    assert errors(tmp_path / "segmentation.dcm") == []
    volume = hd.seg.segread(tmp_path / "segmentation.dcm").get_volume(combine_segments=True)
    got = volume.map_indices_to_reference(np.argwhere(volume.array == 1)).mean(axis=0)
    want = np.argwhere(labels.lumen) @ labels.affine[:3, :3].T + labels.affine[:3, 3]
    assert got == pytest.approx(want.mean(axis=0), abs=1e-3)


def test_the_same_report_gives_the_same_objects(report, made, tmp_path):
    """A node that gets it twice holds it once: same UID, so same content."""
    dicom.write(report, tmp_path)
    for name in NAMES:
        assert pydicom.dcmread(tmp_path / name) == pydicom.dcmread(made / name), name


def test_a_new_state_is_a_new_object_of_the_same_study(report):
    first, second = (
        dicom.encapsulated_pdf(one) for one in (report, replace(report, signatures=[SIGNED]))
    )
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.StudyInstanceUID == second.StudyInstanceUID
    assert dicom.encapsulated_pdf(report).SOPInstanceUID == first.SOPInstanceUID
