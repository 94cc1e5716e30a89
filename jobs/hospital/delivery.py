"""A finished run → files that a hospital's systems can take in, and from there to a node."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import CaseError, GateFailed
from core.record import digest_file
from jobs import audit
from jobs.folder import Folder, unwritable
from jobs.hospital import signing

if TYPE_CHECKING:
    from jobs.case import Case
    from postprocess.exports.document import LabelMap, Report
    from postprocess.exports.fhir import Version

OUTBOX = "outbox"
VERSIONS: tuple["Version", ...] = ("R4B", "R5")


def deliver(
    folder: Folder, out: Path | None, *, fhir: bool, dicom: bool, snomed: bool = True
) -> list[Path]:
    """Write what is asked for into ``out`` (default: the run's `outbox`). Gives the files.

    Raises `GateFailed` for a run without a result, one that was changed, or a rejected report.
    """
    report = gather(folder, with_labels=dicom)
    out = out or folder.path / OUTBOX
    made: list[Path] = []
    try:
        if fhir:
            made += _fhir(report, out, snomed=snomed)
        if dicom:
            made += _dicom(report, out)
    except OSError as error:
        raise unwritable(error, out) from error
    audit.note(
        folder.audit,
        "deliver",
        state=report.state,
        report=report.name,
        files={path.name: digest_file(path) for path in made},
    )
    return made


def gather(folder: Folder, *, with_labels: bool = False) -> "Report":
    """The finished report of a run, for the exports."""
    from core.store import Results
    from jobs.case import load
    from meshes.sources.mask import Mask
    from postprocess.exports.document import Report
    from postprocess.findings import load as load_findings

    document = signing.finished(folder)
    taken = signing.signatures(folder)
    if taken and taken[-1].state == signing.REJECTED:
        raise GateFailed(
            f"this report was rejected: {taken[-1].reason}",
            where=str(folder.pdf),
            do="mend the case and run it again",
        )
    case = load(folder.case)
    found = load_findings(folder.metrics)
    with Results(folder.results) as results:
        record = results.record()
    return Report(
        document,
        folder.pdf.read_bytes(),
        found,
        record,
        case.patient.model_dump(mode="json"),
        case.measure.segment or str(found.lesion.get("segment", "")),
        taken,
        audit.last_sealed(folder.audit) or "",
        imaged=isinstance(case.mesh, Mask),
        labels=_labels(case, folder, record) if with_labels else None,
        source=_source(case, folder),
    )


def _labels(case: "Case", folder: Folder, record: dict[str, Any]) -> "LabelMap | None":
    """The label map that the run was made from; None where it came from something else.

    Raises `CaseError` where it is no longer what it was.
    """
    from meshes.sources.mask import Mask

    mesh = case.mesh
    if not isinstance(mesh, Mask):
        return None
    import numpy as np

    from core.units import length_factor
    from meshes.images import image, labels
    from postprocess.exports.document import LabelMap

    base = (folder.path / folder.status()["base"]).resolve()
    known = {one["sha256"] for one in record.get("inputs", {}).values()}
    if {digest_file(path) for path in mesh.inputs(base).values()} != known:
        raise CaseError(
            "the image is not the one that this run was made from",
            where="mesh.path",
            do="put it back, or run the case again",
        )
    whole = image.read(base / mesh.path, length_factor(mesh.unit), mesh.series)
    vein = labels.pick(whole, labels.numbers(mesh.labels), base / mesh.path)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = vein.direction * vein.spacing, vein.origin
    return LabelMap(vein.values, affine)


def _source(case: "Case", folder: Folder) -> dict[str, str]:
    """The UIDs of the de-identified DICOM series that the run came from; none of any other."""
    from meshes.sources.mask import Mask

    base = folder.path / folder.status()["base"]
    if not isinstance(case.mesh, Mask) or not (base / case.mesh.path).is_dir():
        return {}
    from pydicom import dcmread

    for file in sorted((base / case.mesh.path).rglob("*.dcm")):
        header = dcmread(file, stop_before_pixels=True)
        if case.mesh.series in ("", header.SeriesInstanceUID):
            if header.get("PatientIdentityRemoved") != "YES":
                return {}
            return {
                "study": str(header.StudyInstanceUID),
                "frame": str(header.FrameOfReferenceUID),
            }
    return {}


def _fhir(report: "Report", out: Path, *, snomed: bool) -> list[Path]:
    from postprocess.exports.fhir import FhirBundle

    place = _place(out / "fhir")
    made = []
    for version in VERSIONS:
        made.append(place / f"bundle-{version}.json")
        FhirBundle(version, snomed).write(report, made[-1])
    return made


def _dicom(report: "Report", out: Path) -> list[Path]:
    from postprocess.exports import dicom

    place = _place(out / "dicom")
    dicom.write(report, place)
    return sorted(place.glob("*.dcm"))


def _place(path: Path) -> Path:
    """The folder ``path``, without what an earlier delivery left in it."""
    path.mkdir(parents=True, exist_ok=True)
    for old in (*path.glob("*.dcm"), *path.glob("bundle-*.json")):
        old.unlink()
    return path
