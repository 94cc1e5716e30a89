"""De-identification of DICOM by allow-list: what is not known to be harmless does not pass.

An attribute is kept if its keyword is listed here **and** its value has the listed form: numbers,
words of a closed list, identifiers that are replaced. No text that a person typed is among them.
File meta information, preamble, private attributes, overlays and curves are written anew or left
out. Dates and times are left out: a study's day, where it matters, stands in the case.
"""

import contextlib
import hashlib
import hmac
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from core.errors import CaseError

if TYPE_CHECKING:
    from pydicom import Dataset

PSEUDONYM = re.compile(r"[A-Za-z0-9._-]{1,32}")
METHOD = "dvtwin allow-list: numbers, listed words, replaced UIDs"
WORDS: Mapping[str, frozenset[str]] = {
    "Modality": frozenset({"CT", "MR", "PT", "NM", "SEG"}),
    "PatientSex": frozenset({"F", "M", "O"}),
    "PatientPosition": frozenset(
        {
            "HFP",
            "HFS",
            "HFDR",
            "HFDL",
            "FFP",
            "FFS",
            "FFDR",
            "FFDL",
        }
    ),
    "ImageType": frozenset(
        {
            "ORIGINAL",
            "DERIVED",
            "PRIMARY",
            "SECONDARY",
            "AXIAL",
            "LOCALIZER",
            "REFORMATTED",
            "MPR",
            "VOLUME",
            "OTHER",
            "M",
            "P",
            "NONE",
            "RESAMPLED",
        }
    ),
    "PhotometricInterpretation": frozenset({"MONOCHROME1", "MONOCHROME2"}),
    "RescaleType": frozenset({"HU", "US"}),
    "BurnedInAnnotation": frozenset({"NO"}),
    "LossyImageCompression": frozenset({"00", "01"}),
    "SegmentationType": frozenset({"BINARY", "FRACTIONAL", "LABELMAP"}),
    "SegmentAlgorithmType": frozenset({"AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"}),
}
"""Attributes that hold one of few words; any other word is left out."""
NUMBERS = frozenset(
    {
        "InstanceNumber",
        "SeriesNumber",
        "AcquisitionNumber",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "PixelSpacing",
        "SliceThickness",
        "SpacingBetweenSlices",
        "SliceLocation",
        "GantryDetectorTilt",
        "KVP",
        "EchoTime",
        "RepetitionTime",
        "FlipAngle",
        "MagneticFieldStrength",
        "Rows",
        "Columns",
        "NumberOfFrames",
        "SamplesPerPixel",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "PixelPaddingValue",
        "SmallestImagePixelValue",
        "LargestImagePixelValue",
        "RescaleSlope",
        "RescaleIntercept",
        "WindowCenter",
        "WindowWidth",
        "SegmentNumber",
        "ReferencedSegmentNumber",
        "DimensionIndexValues",
        "InStackPositionNumber",
        "MaximumFractionalValue",
    }
)
IDENTIFIERS = frozenset(
    {
        "SOPInstanceUID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "FrameOfReferenceUID",
        "DimensionOrganizationUID",
    }
)
"""UIDs that are replaced, the same by the same each time the same key is used."""
GROUPS = frozenset(
    {
        "SharedFunctionalGroupsSequence",
        "PerFrameFunctionalGroupsSequence",
        "SegmentSequence",
        "PlaneOrientationSequence",
        "PlanePositionSequence",
        "PixelMeasuresSequence",
        "PixelValueTransformationSequence",
        "FrameContentSequence",
        "SegmentIdentificationSequence",
    }
)
EMPTY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyID",
    "PositionReferenceIndicator",
)
"""Attributes that must be there, if empty."""
REFUSED = {
    "US": "ultrasound",
    "SC": "screen captures",
    "OT": "screen captures",
    "XA": "angiography",
}
"""Modalities whose pixels often show a name."""
PASSING = {"PixelData", "SOPClassUID", "ImageType"} | IDENTIFIERS
LARGEST = 1 << 40


def deidentify(dataset: "Dataset", pseudonym: str, key: bytes) -> "Dataset":
    """A new dataset with what may be known of ``dataset``, under ``pseudonym``.

    UIDs become ``2.25.…`` by HMAC-SHA-256 with ``key``: without the key they lead nowhere.
    Raises `CaseError` for a pseudonym that may be a name, for pixels that may show one, and for
    pixels that cannot be read.
    """
    from pydicom import Dataset

    if not PSEUDONYM.fullmatch(pseudonym):
        raise CaseError(
            "a pseudonym is one made-up word (letters, digits, . _ -)",
            where="pseudonym",
            do="never use a name or a hospital number",
        )
    _may_show_no_name(dataset)
    _decompress(dataset)
    made = Dataset()
    _keep(dataset, made, lambda uid: replaced(uid, key))
    if "SOPInstanceUID" not in made:
        raise _unread("it has no SOP Instance UID")
    made.SOPClassUID = _known_class(dataset)
    for name in EMPTY:
        if name not in made:
            setattr(made, name, "")
    made.PatientName = made.PatientID = pseudonym
    made.PatientIdentityRemoved = "YES"
    made.DeidentificationMethod = METHOD
    _pixels(dataset, made)
    _meta(made)
    return made


def scan(dataset: "Dataset") -> list[str]:
    """The attributes of ``dataset`` that would not pass: keyword, or number if it has none."""
    found = []
    for element in _elements(dataset):
        name, value = element.keyword, element.value
        if name in GROUPS and element.VR == "SQ":
            found += [inner for item in value for inner in scan(item)]
        elif name not in PASSING and not _is_harmless(name, value):
            found.append(name or str(element.tag))
    return found


def replaced(uid: str, key: bytes) -> str:
    """A UID that stands for ``uid``: ``2.25.`` and 126 bits of HMAC-SHA-256."""
    mark = hmac.new(key, uid.encode(), hashlib.sha256).digest()
    return f"2.25.{int.from_bytes(mark[:16]) >> 2}"


def _elements(dataset: "Dataset") -> Iterator[Any]:
    """The attributes that can be read; a text where a number belongs cannot."""
    for tag in dataset.keys():  # noqa: SIM118 (iterating a dataset reads the values)
        with contextlib.suppress(ValueError, TypeError, OverflowError, NotImplementedError):
            yield dataset[tag]


def _keep(source: "Dataset", made: "Dataset", rename: Callable[[str], str]) -> None:
    from pydicom import Dataset

    for element in _elements(source):
        name, value = element.keyword, element.value
        if name in GROUPS and element.VR == "SQ":
            items = []
            for item in value:
                items.append(Dataset())
                _keep(item, items[-1], rename)
            setattr(made, name, items)
        elif name in IDENTIFIERS and value:
            setattr(made, name, rename(str(value)))
        elif name == "ImageType":
            kept = [word for word in _listed(value) if str(word) in WORDS[name]]
            made.ImageType = kept if len(kept) > 1 else ["DERIVED", "SECONDARY"]
        elif _is_harmless(name, value):
            setattr(made, name, value)


def _is_harmless(name: str, value: Any) -> bool:
    """Whether the attribute is listed and its value has the listed form."""
    if name in NUMBERS:
        return all(_is_number(item) for item in _listed(value))
    return name in WORDS and all(str(item) in WORDS[name] for item in _listed(value))


def _listed(value: Any) -> list[Any]:
    if value is None or isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        return [value]
    return list(value)


def _is_number(value: Any) -> bool:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return False
    return math.isfinite(number) and abs(number) < LARGEST


def _may_show_no_name(dataset: "Dataset") -> None:
    modality = str(dataset.get("Modality", ""))
    if str(dataset.get("BurnedInAnnotation", "NO")) != "NO":
        reason = "its header says that text is burned into the picture"
    elif modality in REFUSED:
        reason = f"pixels of {REFUSED[modality]} often show a name"
    elif modality not in WORDS["Modality"]:
        reason = "its modality is none of " + ", ".join(sorted(WORDS["Modality"]))
    else:
        return
    raise CaseError(
        f"this image is not imported: {reason}",
        where="Modality, BurnedInAnnotation",
        do="import volumes of CT or MR; take from ultrasound the numbers only",
    )


def _known_class(dataset: "Dataset") -> str:
    from pydicom.uid import UID

    uid = UID(str(dataset.get("SOPClassUID", "")))
    if uid.type != "SOP Class":
        raise _unread("its SOP class is not one of the standard")
    return str(uid)


def _decompress(source: "Dataset") -> None:
    if "PixelData" not in source:
        raise _unread("it has no pixels")
    try:
        if source.file_meta.TransferSyntaxUID.is_compressed:
            source.decompress(generate_instance_uid=False)
    except (RuntimeError, ValueError, AttributeError, NotImplementedError) as error:
        raise _unread("its compression cannot be undone here") from error


def _pixels(source: "Dataset", made: "Dataset") -> None:
    """The pixels, and not one byte more than they take."""
    frames = int(source.get("NumberOfFrames", 1))
    bits = source.Rows * source.Columns * source.SamplesPerPixel * source.BitsAllocated * frames
    size = math.ceil(bits / 8)
    data = bytes(source.PixelData)
    if len(data) < size:
        raise _unread("its pixels are cut off")
    made.PixelData = data[:size] + b"\0" * (size % 2)
    made["PixelData"].VR = "OW" if source.BitsAllocated > 8 else "OB"


def _meta(made: "Dataset") -> None:
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID


def _unread(why: str) -> CaseError:
    return CaseError(
        f"this DICOM image cannot be imported: {why}",
        where="DICOM file",
        do="export it again, uncompressed (dcmtk: dcmdjpeg, gdcm: gdcmconv --raw)",
    )
