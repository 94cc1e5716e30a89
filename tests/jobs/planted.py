"""DICOM slices and a FHIR bundle that are full of names, and the search for them in what is made.

Every place holds a name of its own (NAME and a number), so that a leak says where it came from.
"""

import re
import warnings
import zlib
from pathlib import Path

import h5py
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from jobs.hospital import context

NAME = "Zyxwold"
"""A name that no other word contains."""
TEXTS = (
    "InstitutionName",
    "InstitutionAddress",
    "InstitutionalDepartmentName",
    "StationName",
    "StudyDescription",
    "SeriesDescription",
    "ProtocolName",
    "PatientID",
    "OtherPatientIDs",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "PatientComments",
    "PatientMotherBirthName",
    "PatientBirthName",
    "OtherPatientNames",
    "MilitaryRank",
    "EthnicGroup",
    "Occupation",
    "AdditionalPatientHistory",
    "MedicalAlerts",
    "Allergies",
    "CountryOfResidence",
    "PatientInsurancePlanCodeSequence",
    "AccessionNumber",
    "StudyID",
    "ReferringPhysicianName",
    "ReferringPhysicianAddress",
    "PerformingPhysicianName",
    "OperatorsName",
    "NameOfPhysiciansReadingStudy",
    "PhysiciansOfRecord",
    "RequestingPhysician",
    "RequestedProcedureDescription",
    "RequestedProcedureID",
    "ScheduledProcedureStepDescription",
    "PerformedProcedureStepDescription",
    "PerformedProcedureStepID",
    "ReasonForStudy",
    "ImageComments",
    "StudyComments",
    "FrameComments",
    "DerivationDescription",
    "AcquisitionComments",
    "ContrastBolusAgent",
    "SoftwareVersions",
    "DeviceSerialNumber",
    "Manufacturer",
    "ManufacturerModelName",
    "IssuerOfPatientID",
    "AdmissionID",
    "CurrentPatientLocation",
    "PatientInstitutionResidence",
    "InterpretationText",
    "ResponsiblePerson",
    "RetrieveAETitle",
    "DeidentificationMethod",
    "BodyPartExamined",
    "PositionReferenceIndicator",
    "RescaleType",
    "SequenceName",
    "FilterType",
    "ConvolutionKernel",
    "DocumentTitle",
    "DataSetName",
)
"""Attributes that take a text."""


class Planted:
    """Names with a number each, and where each was put."""

    def __init__(self) -> None:
        self.places: list[str] = []

    def __call__(self, place: str) -> str:
        self.places.append(place)
        return f"{NAME}{len(self.places):03d}"


def a_slice(number: int, planted: Planted) -> Dataset:
    """A CT slice that is full of names."""
    one = Dataset()
    one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, generate_uid()
    one.StudyInstanceUID, one.SeriesInstanceUID = "1.2.3.4", "1.2.3.4.5"
    one.FrameOfReferenceUID, one.Modality, one.PatientSex = "1.2.3.4.6", "CT", "F"
    one.PatientBirthDate, one.PatientAge, one.StudyDate = "19610203", "065Y", "20261120"
    one.Rows, one.Columns, one.SamplesPerPixel = 4, 3, 1
    one.BitsAllocated, one.BitsStored, one.HighBit, one.PixelRepresentation = 16, 16, 15, 1
    one.PhotometricInterpretation = "MONOCHROME2"
    one.ImagePositionPatient, one.PixelSpacing = [1, 2, 3.5 * number], [0.7, 0.8]
    one.ImageOrientationPatient, one.SliceThickness = [1, 0, 0, 0, 1, 0], 3.5
    one.RescaleSlope, one.RescaleIntercept, one.InstanceNumber = 1, -1024, number + 1
    pixels = np.arange(12, dtype="<i2") + number
    # room after the last pixel, where some devices leave a text
    one.PixelData = pixels.tobytes() + planted("behind the pixels").encode() + b"\0\0"
    one.ImageType = ["ORIGINAL", "PRIMARY", planted("ImageType")]
    one.PatientName = f"{planted('PatientName')}^{planted('PatientName, given')}"
    _texts(one, planted)
    _hidden(one, planted)
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID
    one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
    one.file_meta.SourceApplicationEntityTitle = planted("SourceApplicationEntityTitle")
    one.file_meta.PrivateInformationCreatorUID = "1.2.3"
    one.file_meta.PrivateInformation = planted("PrivateInformation").encode()
    one.preamble = planted("preamble").encode().ljust(128, b"\0")
    return one


def _texts(one: Dataset, planted: Planted) -> None:
    for keyword in TEXTS:
        if keyword.endswith("Sequence"):
            item = Dataset()
            item.CodeValue, item.CodeMeaning = "1", planted(f"{keyword}, code meaning")
            setattr(one, keyword, [item])
        else:
            setattr(one, keyword, planted(keyword))


def _hidden(one: Dataset, planted: Planted) -> None:
    """Names in private, nested and repeating attributes, and where a number or code belongs."""
    for group in (0x0009, 0x0029, 0x0051):
        block = one.private_block(group, planted(f"private creator {group:04x}"), create=True)
        block.add_new(0x01, "LO", planted(f"private text {group:04x}"))
        block.add_new(0x02, "OB", planted(f"private bytes {group:04x}").encode())
    item = Dataset()
    item.PatientID, item.PatientName = planted("nested PatientID"), planted("nested PatientName")
    block = item.private_block(0x0011, planted("nested private creator"), create=True)
    block.add_new(0x01, "UT", planted("nested private text"))
    one.ReferencedPatientSequence = [item]
    group = Dataset()
    group.ImageComments = planted("text in a functional group")
    frame = Dataset()
    frame.FrameComments, frame.InStackPositionNumber = planted("text in a frame"), 1
    group.FrameContentSequence = [frame]
    one.SharedFunctionalGroupsSequence = [group]
    one.add_new((0x6000, 0x4000), "LT", planted("overlay comments"))
    one.add_new((0x6000, 0x0022), "LO", planted("overlay description"))
    one.add_new((0x0011, 0x0099), "UN", planted("unknown attribute").encode())
    # a text where a number, a code or a position belongs
    for keyword in ("KVP", "EchoTime", "SliceLocation", "GantryDetectorTilt"):
        one[keyword] = pydicom.DataElement(
            keyword,
            "DS",
            planted(f"number {keyword}"),
            validation_mode=pydicom.config.IGNORE,
            already_converted=True,
        )
    for keyword in ("PatientPosition", "LossyImageCompression"):
        one[keyword] = pydicom.DataElement(
            keyword,
            "CS",
            planted(f"code {keyword}"),
            validation_mode=pydicom.config.IGNORE,
        )


def save_series(folder: Path, planted: Planted, count: int = 3) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(count):
            one = a_slice(number, planted)
            one.save_as(folder / f"{planted('file name')}.dcm", enforce_file_format=True)
    return folder


def a_bundle(name: Planted) -> dict:
    """A FHIR bundle of one patient that is full of names."""
    resources = [
        _patient(name),
        _condition(name),
        *_drugs(name),
        _observation(name, "4544-3", 44, "%", "2026-01-02", "old haematocrit"),
        _observation(name, "20570-8", 0.41, "L/L", "2026-11-02", "haematocrit"),
        _observation(name, "48065-7", 1800, "ng/mL{FEU}", "2026-11-02", "D-dimer"),
        _observation(name, "8867-4", 70, "/min", "2026-11-02", "pulse"),
    ]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "id": name("Bundle id"),
        "meta": {"source": name("Bundle source")},
        "entry": [{"fullUrl": name("fullUrl"), "resource": one} for one in resources],
    }


def _patient(name: Planted) -> dict:
    return {
        "resourceType": "Patient",
        "id": name("Patient id"),
        "gender": "female",
        "birthDate": "1961-02-03",
        "identifier": [{"system": "urn:mrn", "value": name("Patient identifier")}],
        "name": [{"family": name("family"), "given": [name("given")], "text": name("name text")}],
        "telecom": [{"system": "email", "value": f"{name('email')}@example.org"}],
        "address": [{"line": [name("street")], "city": name("city")}],
        "contact": [{"name": {"family": name("contact")}}],
        "extension": [{"url": "urn:x", "valueString": name("extension")}],
        "text": {"status": "generated", "div": f"<div>{name('Patient narrative')}</div>"},
    }


def _condition(name: Planted) -> dict:
    return {
        "resourceType": "Condition",
        "code": {"text": name("diagnosis")},
        "bodySite": [
            {
                "coding": [{"system": context.SNOMED, "code": "7771000"}],
                "text": name("site text"),
            }
        ],
    }


def _drugs(name: Planted) -> list[dict]:
    return [
        {
            "resourceType": "MedicationStatement",
            "status": "active",
            "medicationCodeableConcept": {
                "coding": [
                    {
                        "system": context.ATC,
                        "code": "B01AF02",
                        "display": name("drug display"),
                    }
                ],
                "text": name("drug text"),
            },
            "note": [{"text": name("drug note")}],
            "dosage": [{"text": name("dosage")}],
        },
        {
            "resourceType": "MedicationRequest",
            "status": "active",
            "medication": {"concept": {"text": f"Enoxaparin for {name('drug as text')}"}},
        },
        {
            "resourceType": "MedicationRequest",
            "status": "stopped",
            "medication": {"concept": {"text": "warfarin"}},
        },
    ]


def _observation(name: Planted, code: str, value: float, unit: str, day: str, place: str) -> dict:
    return {
        "resourceType": "Observation",
        "id": name(f"{place} id"),
        "status": "final",
        "text": {"status": "generated", "div": f"<div>{name(f'{place} narrative')}</div>"},
        "code": {
            "coding": [
                {
                    "system": context.LOINC,
                    "code": code,
                    "display": name(f"{place} display"),
                }
            ],
            "text": name(f"{place} code text"),
        },
        "subject": {"reference": "Patient/1", "display": name(f"{place} subject")},
        "performer": [{"display": name(f"{place} performer")}],
        "effectiveDateTime": day,
        "note": [{"text": name(f"{place} note")}],
        "valueQuantity": {
            "value": value,
            "unit": name(f"{place} unit"),
            "system": context.UCUM,
            "code": unit,
        },
    }


def leaks(folder: Path) -> list[str]:
    """The names in ``folder``: in file names, bytes, compressed streams and HDF5 attributes."""
    found = []
    mark = re.compile(rf"{NAME}\d*".encode(), re.IGNORECASE)
    for path in folder.rglob("*"):
        data = str(path.relative_to(folder)).encode() + b"\n"
        if path.is_file():
            data += path.read_bytes()
            data += b"".join(_unpacked(data)) + _attributes(path)
        wide = data.replace(b"\0", b"")
        hits = mark.findall(data) + mark.findall(wide)
        found += [f"{path.name}: {hit.decode()}" for hit in hits]
    return found


def _unpacked(data: bytes):
    for start in re.finditer(rb"stream\r?\n", data):
        try:
            yield zlib.decompressobj().decompress(data[start.end() :])
        except zlib.error:
            continue


def _attributes(path: Path) -> bytes:
    if path.suffix != ".h5":
        return b""
    told: list[str] = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: told.append(f"{name} {dict(item.attrs)}"))
    return " ".join(told).encode()
