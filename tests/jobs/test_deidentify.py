"""A planted name does not get in: from DICOM or FHIR, by any attribute, into any file made."""

import json
import shutil
import warnings

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from typer.testing import CliRunner

from core import deidentify as names
from core.deidentify import deidentify, replaced, scan
from core.errors import CaseError, MeshError
from jobs.case import load
from jobs.cli import app
from jobs.hospital import importing
from jobs.hospital.delivery import deliver
from jobs.stages import digest_inputs
from meshes.images import image
from tests.jobs import finished
from tests.jobs.planted import NAME, Planted, a_bundle, a_slice, leaks, save_series


@pytest.fixture
def planted() -> Planted:
    return Planted()


def test_the_search_finds_what_is_there(tmp_path, planted):
    save_series(tmp_path / "in", planted, 1)
    (tmp_path / "context.json").write_text(json.dumps(a_bundle(planted)))
    found = " ".join(leaks(tmp_path))
    missing = [
        place
        for number, place in enumerate(planted.places, 1)
        if f"{NAME}{number:03d}".lower() not in found.lower()
    ]
    assert not missing
    assert len(set(planted.places)) > 100


def test_no_name_comes_through_to_any_file(tmp_path, planted):
    """DICOM and FHIR in, a run with report, exports, logs and steps out."""
    source = save_series(tmp_path / "in", planted)
    (tmp_path / "in" / f"{NAME}.json").write_text(json.dumps(a_bundle(planted)))
    made = tmp_path / "out"
    done = CliRunner().invoke(
        app,
        ["deidentify", str(source), "--out", str(made / "images"), "--as", "SYN-0001"],
        catch_exceptions=False,
    )
    assert NAME.lower() not in done.output.lower()
    assert len(list((made / "images").iterdir())) == 3
    text = finished.CASE.replace('sex = "female"\nage_band = "30-39"\n', "").replace(
        "[mesh]", f'context = "../in/{NAME}.json"\n[mesh]', 1
    )
    folder = finished.finished(made, text)
    (made / "case.toml").unlink()  # the user's own: it names the file
    finished.take(folder, "CLINICAL REVIEW")
    deliver(folder, None, fhir=True, dicom=True)
    assert leaks(made) == []
    case = load(folder.case)
    assert (case.patient.age_band, case.patient.sex) == ("60-69", "female")
    report = folder.report.read_text().replace("\u00a0", " ")
    assert "haematocrit 41 %, D-dimer 1.8 mg/L FEU, apixaban, enoxaparin" in report


def test_pixels_and_geometry_come_through_unchanged(tmp_path, planted):
    source = save_series(tmp_path / "in", planted)
    _, dropped = importing.images(source, tmp_path / "out", "SYN-1", tmp_path / "key")
    assert any(text.startswith("PatientName") for text in dropped)
    for before, after in zip(
        sorted((tmp_path / "in").iterdir(), key=lambda path: path.name),
        sorted((tmp_path / "out").iterdir()),
        strict=True,
    ):
        old, new = pydicom.dcmread(before), pydicom.dcmread(after)
        assert np.array_equal(new.pixel_array, old.pixel_array)
        for name in (
            "ImagePositionPatient",
            "ImageOrientationPatient",
            "PixelSpacing",
            "SliceThickness",
            "RescaleSlope",
            "RescaleIntercept",
            "InstanceNumber",
            "Modality",
            "PatientSex",
        ):
            assert new[name].value == old[name].value
        ours = {*names.EMPTY, "PatientIdentityRemoved", "DeidentificationMethod"}
        assert set(scan(new)) <= ours
        assert "PatientAge" not in new
        assert not new.StudyDate
        assert new.ImageType == ["ORIGINAL", "PRIMARY"]
    assert (tmp_path / "key").stat().st_mode & 0o077 == 0


def test_uids_hold_together_and_lead_nowhere(tmp_path, planted):
    source = save_series(tmp_path / "in", planted)

    def uids(out: str, key: str | None) -> list[set[str]]:
        importing.images(source, tmp_path / out, "SYN-1", tmp_path / key if key else None)
        made = [pydicom.dcmread(path) for path in (tmp_path / out).iterdir()]
        return [
            {str(one[name].value) for one in made}
            for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
        ]

    first, again, other, once = (
        uids(out, key) for out, key in (("a", "k"), ("b", "k"), ("c", "l"), ("d", None))
    )
    assert [len(values) for values in first] == [1, 1, 3]
    assert first == again
    assert not first[0] & other[0]
    assert not first[0] & once[0]
    assert replaced("1.2.3.4", b"x") != replaced("1.2.3.4", b"y")
    assert pydicom.uid.UID(next(iter(first[0]))).is_valid


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"BurnedInAnnotation": "YES"}, "burned into"),
        ({"Modality": "US"}, "ultrasound"),
        ({"Modality": "SC"}, "screen"),
        ({"Modality": NAME}, "modality is none of"),
        ({"SOPClassUID": "1.2.3"}, "SOP class"),
        ({"PixelData": b"\0\0"}, "cut off"),
        ({"SOPInstanceUID": None}, "no SOP Instance"),
        ({"PixelData": None}, "no pixels"),
    ],
)
def test_what_may_show_a_name_is_refused(planted, change, said):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = a_slice(0, planted)
        for keyword, value in change.items():
            if value is None:
                del one[keyword]
            else:
                setattr(one, keyword, value)
    with pytest.raises(CaseError, match=said) as error:
        deidentify(one, "SYN-1", b"k" * 32)
    assert NAME.lower() not in str(error.value).lower()


@pytest.mark.parametrize("pseudonym", ["Jane Doe", "", "Doe^Jane", "x" * 33])
def test_a_pseudonym_is_one_word(pseudonym):
    with pytest.raises(CaseError, match="one made-up word"):
        deidentify(Dataset(), pseudonym, b"k")


def test_a_refused_series_leaves_nothing(tmp_path, planted):
    source = save_series(tmp_path / "in", planted)
    last = pydicom.dcmread(sorted(source.iterdir())[-1])
    last.BurnedInAnnotation = "YES"
    last.save_as(sorted(source.iterdir())[-1])
    with pytest.raises(CaseError):
        importing.images(source, tmp_path / "out", "SYN-1", None)
    assert not list((tmp_path / "out").iterdir())


def test_folders_and_keys_that_do_not_serve_are_said(tmp_path, planted):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "notes.txt").write_text("no image")
    with pytest.raises(CaseError, match="no DICOM file"):
        importing.images(tmp_path / "in", tmp_path / "out", "SYN-1", None)
    with pytest.raises(CaseError, match="not empty"):
        importing.images(tmp_path, tmp_path / "in", "SYN-1", None)
    (tmp_path / "key").write_text("abc")
    with pytest.raises(CaseError, match="this is no key"):
        importing.images(tmp_path / "in", tmp_path / "out", "SYN-1", tmp_path / "key")


def test_images_that_were_not_cleaned_tell_nothing_either(tmp_path, planted):
    """A case may name a series as it came: then errors, keys and records must not quote it."""
    source = save_series(tmp_path / "case" / "images", planted, 4)
    first = sorted(source.iterdir())[0]
    stray = pydicom.dcmread(first)
    stray.SeriesInstanceUID = "1.2.9"
    stray.SOPInstanceUID = stray.file_meta.MediaStorageSOPInstanceUID = "1.2.9.1"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stray.save_as(source / f"{planted('stray')}.dcm")
    text = finished.CASE.replace("veins.nii.gz", "images")
    (tmp_path / "case" / "case.toml").write_text(text)
    case = load(tmp_path / "case" / "case.toml")
    assert NAME not in json.dumps(digest_inputs(case, tmp_path / "case"))
    with pytest.raises(CaseError, match="holds 2 DICOM series") as error:
        image.read(source)
    assert NAME not in str(error.value)
    (source / f"{NAME}{len(planted.places):03d}.dcm").unlink()
    sorted(source.iterdir())[1].unlink()
    with pytest.raises((CaseError, MeshError)) as error:
        image.read(source)
    assert NAME not in str(error.value)


def test_cleaned_images_keep_their_study_in_what_is_handed_over(tmp_path):
    """The segmentation of a series lies in that series' frame of reference."""
    folder = finished.copy(tmp_path)
    source = save_series(tmp_path / "in", Planted())
    importing.images(source, tmp_path / "images", "SYN-0001", None)
    text = folder.case.read_text().replace("veins.nii.gz", "images")
    folder.case.write_text(text)
    folder.sign()
    deliver(folder, None, fhir=True, dicom=False)
    header = pydicom.dcmread(tmp_path / "images" / "00001.dcm")
    bundle = json.loads((folder.path / "outbox/fhir/bundle-R5.json").read_text())
    study = next(
        entry["resource"]
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "ImagingStudy"
    )
    assert study["identifier"][0]["value"] == f"urn:oid:{header.StudyInstanceUID}"
    shutil.rmtree(tmp_path / "images")
    shutil.copytree(source, tmp_path / "images")
    deliver(folder, None, fhir=True, dicom=False)
    assert "1.2.3.4" not in (folder.path / "outbox/fhir/bundle-R5.json").read_text()
