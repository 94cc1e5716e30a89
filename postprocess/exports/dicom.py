"""A report as DICOM objects of one study: Encapsulated PDF, Structured Report, Segmentation.

    report.dcm         PS3.3 A.45.1   the PDF as it is
    measurements.dcm   PS3.3 A.35.13  Comprehensive 3D SR, PS3.16 TID 1500: what may be shown
    segmentation.dcm   PS3.3 A.51     the label map that the vein was made from, if it was

The header holds the pseudonym; a hospital's gateway writes the real one. Only a report that is
signed, by a named person of a named organisation, is VERIFIED.
"""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.deidentify import replaced
from postprocess.exports.document import (
    DRAFT,
    METHOD,
    NOTICE,
    SIGNED,
    LabelMap,
    Report,
    Value,
    codes,
    value_of,
)
from postprocess.findings import Row

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.uid import UID

MAKER = "dvtwin"
DESIGNATOR = "99DVTWIN"
"""Of the codes that are ours: a metric's name."""
TITLE = "DVT digital twin summary (research use only)"
PDF, SR, SEG = 1, 2, 3
"""Series numbers, after a shared hundred."""
SERIES = 9000


def write(report: Report, path: Path) -> None:
    """Write the objects into the folder ``path``."""
    pdf = encapsulated_pdf(report)
    made = {"report.dcm": pdf}
    if report.labels is not None:
        made["segmentation.dcm"] = segmentation(report, report.labels)
    made["measurements.dcm"] = measurements(report, list(made.values()))
    for name, dataset in made.items():
        dataset.save_as(path / name, enforce_file_format=True)


def encapsulated_pdf(report: Report) -> "Dataset":
    """The PDF in a DICOM envelope."""
    from pydicom.uid import EncapsulatedPDFStorage

    made = _begin(report, EncapsulatedPDFStorage, "DOC", PDF)
    made.ConversionType = "WSD"
    made.AcquisitionDateTime = ""
    # the page prints a pseudonym, which tells nobody
    made.BurnedInAnnotation = "NO"
    made.DocumentTitle = TITLE
    title = codes()["document"]["report"]
    made.ConceptNameCodeSequence = [_code(title["code"], "LN", title["display"])]
    made.MIMETypeOfEncapsulatedDocument = "application/pdf"
    made.EncapsulatedDocumentLength = len(report.pdf)
    made.EncapsulatedDocument = report.pdf + b"\0" * (len(report.pdf) % 2)
    made.VerificationFlag = "VERIFIED" if _is_verified(report) else "UNVERIFIED"
    return made


def measurements(report: Report, evidence: "list[Dataset]") -> "Dataset":
    """The values in groups by what they were found in; ``evidence`` are the other objects."""
    import highdicom.sr as sr
    from pydicom.sr.codedict import codes as known

    device = sr.DeviceObserverIdentifyingAttributes(
        uid=_uid(report, "device"),
        name=MAKER,
        manufacturer_name=MAKER,
        model_name=MAKER,
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(
            observer_device_context=sr.ObserverContext(known.DCM.Device, device)
        ),
        procedure_reported=_own("flow-simulation", "Simulation of the blood flow in a vein"),
        imaging_measurements=_groups(report),
        title=known.DCM.ImagingMeasurementReport,
    )
    signed = _is_verified(report)
    last = report.signatures[-1] if report.signatures else None
    made = sr.Comprehensive3DSR(
        evidence=evidence,
        content=content,
        series_instance_uid=_uid(report, "series", SR),
        series_number=SERIES + SR,
        sop_instance_uid=_uid(report, "object", SR),
        instance_number=1,
        manufacturer=MAKER,
        is_complete=report.state != DRAFT,
        is_final=report.state == SIGNED,
        is_verified=signed,
        verifying_observer_name=f"{last.who}^" if signed and last else None,
        verifying_organization=last.organisation if signed and last else None,
        series_description=TITLE,
    )
    made.CompletionFlagDescription = str(report.document["status"])
    _settle(made, report)
    return made


def segmentation(report: Report, labels: LabelMap) -> "Dataset":
    """The lumen as a binary segment in the image's own frame (LPS, mm)."""
    import highdicom as hd
    import numpy as np
    from pydicom.sr.codedict import codes as known

    # highdicom's axes are slice, row, column: the label map's are x, y, z
    affine = labels.affine.copy()
    affine[:, :3] = labels.affine[:, 2::-1]
    volume = hd.Volume(
        np.ascontiguousarray(labels.lumen.transpose(2, 1, 0)).astype(np.uint8),
        affine,
        "PATIENT",
        frame_of_reference_uid=_frame(report),
    )
    vein = codes()["segment"].get(report.segment)
    made = hd.seg.Segmentation(
        source_images=[_grid(report, volume)],
        pixel_array=volume,
        segmentation_type="BINARY",
        segment_descriptions=[
            hd.seg.SegmentDescription(
                segment_number=1,
                segment_label="vein lumen",
                segmented_property_category=known.SCT.AnatomicalStructure,
                segmented_property_type=known.SCT.Vein,
                algorithm_type="SEMIAUTOMATIC",
                algorithm_identification=hd.AlgorithmIdentificationSequence(
                    name="label map given to dvtwin",
                    version=report.software,
                    family=_own("given", "Given, not computed"),
                ),
                tracking_uid=_uid(report, "lumen"),
                tracking_id=vein["display"] if vein else "vein",
            )
        ],
        series_instance_uid=_uid(report, "series", SEG),
        series_number=SERIES + SEG,
        sop_instance_uid=_uid(report, "object", SEG),
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=MAKER,
        software_versions=report.software,
        device_serial_number="none",
        content_label="LUMEN",
        content_description=NOTICE[:64],
    )
    _forget_source(made)
    _settle(made, report)
    return made


def _groups(report: Report) -> list[Any]:
    """TID 1501: the narrowing, the clot, and the whole model."""
    import highdicom.sr as sr

    chosen: dict[str, list[Row]] = {}
    for row in report.rows:
        if row.is_shown:
            place = "clot" if row.group == "clot" else "vein"
            place = "narrowing" if row.site == report.found.lesion.get("text") else place
            chosen.setdefault(place, []).append(row)
    types = {
        "narrowing": ("SCT", "415582006", "Stenosis"),
        "clot": ("SCT", "396339007", "Thrombus"),
        "vein": ("SCT", "29092000", "Vein"),
    }
    made = []
    for place, rows in chosen.items():
        scheme, code, meaning = types[place]
        sites = _finding_sites(report) if place == "narrowing" else None
        made.append(
            sr.MeasurementsAndQualitativeEvaluations(
                tracking_identifier=sr.TrackingIdentifier(_uid(report, place), place),
                finding_type=sr.CodedConcept(code, scheme, meaning),
                finding_sites=sites,
                method=_own("in-silico", METHOD[:64].partition(";")[0]),
                measurements=[_measurement(row) for row in rows],
            )
        )
    return made


def _finding_sites(report: Report) -> list[Any] | None:
    import highdicom.sr as sr

    vein = codes()["segment"].get(report.segment)
    if not vein:
        return None
    side = codes()["side"].get(vein.get("side", ""))
    return [
        sr.FindingSite(
            sr.CodedConcept(vein["code"], "SCT", vein["display"]),
            laterality=sr.CodedConcept(side["code"], "SCT", side["display"]) if side else None,
        )
    ]


def _measurement(row: Row) -> Any:
    import highdicom.sr as sr

    value = value_of(row)
    assert isinstance(value, Value)
    known = codes()["metric"].get(row.name)
    name = (
        sr.CodedConcept(known["code"], "SCT", known["display"])
        if known
        else _own(row.name, row.label)
    )
    bounds = None
    if value.low is not None and value.high is not None:
        bounds = sr.MeasurementProperties(
            upper_measurement_uncertainty=value.high - value.number,
            lower_measurement_uncertainty=value.number - value.low,
        )
    derived = {"<": "below", ">": "above"}.get(value.comparator)
    return sr.Measurement(
        name=name,
        value=value.number,
        unit=sr.CodedConcept(value.ucum, "UCUM", value.unit),
        properties=bounds,
        # a value too small to be printed is given as its bound
        derivation=_own(derived, f"The true value is {derived} this bound") if derived else None,
    )


def _own(code: str, meaning: str) -> Any:
    import highdicom.sr as sr

    return sr.CodedConcept(code, DESIGNATOR, meaning[:64])


def _is_verified(report: Report) -> bool:
    """Attested by someone who is named, for an organisation that is named."""
    last = report.signatures[-1] if report.signatures else None
    return bool(last and last.state == SIGNED and last.who and last.organisation)


def _begin(report: Report, sop_class: "UID", modality: str, series: int) -> "Dataset":
    """A dataset with patient, study, series and equipment, and its file meta information."""
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SOPClassUID, made.SOPInstanceUID = sop_class, _uid(report, "object", series)
    made.PatientName, made.PatientID = f"{report.subject}^", report.subject
    made.PatientBirthDate = ""
    made.PatientSex = {"female": "F", "male": "M", "other": "O"}.get(
        str(report.patient.get("sex")), ""
    )
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = "dvtwin: only a pseudonym was ever known"
    made.StudyInstanceUID = _study(report)
    made.StudyDate = str(report.patient.get("date") or "").replace("-", "")
    made.StudyTime = made.AccessionNumber = made.ReferringPhysicianName = made.StudyID = ""
    made.Modality, made.SeriesInstanceUID = modality, _uid(report, "series", series)
    made.SeriesNumber, made.InstanceNumber = SERIES + series, 1
    made.SeriesDescription = TITLE
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = sop_class
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    _settle(made, report)
    return made


def _settle(made: "Dataset", report: Report) -> None:
    """Equipment, and the report's times in place of the present one: same report, same object."""
    made.Manufacturer = made.ManufacturerModelName = MAKER
    made.SoftwareVersions = report.software
    day, time = _moment(report.issued)
    made.InstanceCreationDate, made.InstanceCreationTime = day, time
    made.ContentDate, made.ContentTime = day, time
    made.pop("ContributingEquipmentSequence", None)  # highdicom's own name, and the present time
    for element in made.iterall():
        if element.keyword == "DimensionOrganizationUID":
            element.value = _uid(report, "dimensions")
        elif element.keyword == "VerificationDateTime":
            element.value = day + time


def _grid(report: Report, volume: Any) -> "Dataset":
    """A picture that never was, on the label map's grid: highdicom wants one to copy from."""
    from pydicom.uid import CTImageStorage

    made = _begin(report, CTImageStorage, "CT", 0)
    made.FrameOfReferenceUID = volume.frame_of_reference_uid
    made.PositionReferenceIndicator = ""
    made.ImagePositionPatient = list(volume.position)
    made.ImageOrientationPatient = list(volume.direction_cosines)
    made.PixelSpacing = list(volume.pixel_spacing)
    made.SliceThickness = volume.spacing_between_slices
    _, made.Rows, made.Columns = volume.spatial_shape
    return made


def _forget_source(made: "Dataset") -> None:
    """Take out what refers to the picture that never was."""
    for name in ("ReferencedSeriesSequence", "SourceImageSequence"):
        if name in made:
            delattr(made, name)
    groups = [*made.PerFrameFunctionalGroupsSequence, *made.SharedFunctionalGroupsSequence]
    for group in groups:
        if "DerivationImageSequence" in group:
            del group.DerivationImageSequence


def _uid(report: Report, *parts: object) -> str:
    """The UID of a part of the report in its present state."""
    return replaced("/".join(map(str, parts)), report.version.encode())


def _study(report: Report) -> str:
    """The study of the image, or one that is the same for all of a patient's study."""
    whose = f"{report.subject}/{report.patient.get('date')}"
    root = report.document["key"] if report.subject == "unknown" else whose
    return report.source.get("study") or replaced("study", str(root).encode())


def _frame(report: Report) -> str:
    """The frame of reference of the image: the same for all that is made from it."""
    image = report.record.get("inputs", {}).get("image", {}).get("sha256", report.version)
    return report.source.get("frame") or replaced("frame", str(image).encode())


def _moment(iso: str) -> tuple[str, str]:
    """DA and TM of a time in ISO 8601."""
    moment = datetime.datetime.fromisoformat(iso)
    return moment.strftime("%Y%m%d"), moment.strftime("%H%M%S")


def _code(value: str, scheme: str, meaning: str) -> "Dataset":
    from pydicom import Dataset

    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = value, scheme, meaning
    return made
