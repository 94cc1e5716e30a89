"""A report as a FHIR bundle (R5 or R4B): what a hospital's record can take in.

    Patient (pseudonym) ← DiagnosticReport → Observation … → Device (the program)
                              │  RiskAssessment (if a clot was grown: a forecast)
    DocumentReference (PDF)   └→ ImagingStudy (if the run came from an image)
    Provenance (who answers), CodeSystem (the codes that are ours alone)

R5: hl7.org/fhir/R5, R4B: hl7.org/fhir/R4B. Written only if `conformance.problems` finds none.
"""

import base64
import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from core.errors import TwinError
from postprocess.exports.conformance import problems
from postprocess.exports.document import (
    METHOD,
    NOTICE,
    SIGNED,
    SUPERSEDED,
    Report,
    codes,
    value_of,
)
from postprocess.exports.fhir_types import Resource, coding, interval, quantity, source
from postprocess.findings import Row
from postprocess.thresholds import HIGH, LOW, NOT_ASSESSABLE, sources, thresholds

Version = Literal["R5", "R4B"]
HL7 = "http://terminology.hl7.org/CodeSystem"
SPACE = uuid.UUID("58af47c2-a7d6-52a4-a37d-3d11c88cb96a")
ENTERED_IN_ERROR = "entered-in-error"
INTERPRETATION = {HIGH: ("H", "High"), LOW: ("L", "Low")}


@dataclass(frozen=True)
class FhirBundle:
    """The bundle of one FHIR version; without ``snomed`` no SNOMED CT code is used (licence)."""

    version: Version
    snomed: bool = True

    def write(self, report: Report, path: Path) -> None:
        """Write the bundle as JSON. Raises `TwinError` where it would break the standard."""
        bundle = self.bundle(report)
        if wrong := problems(bundle, self.version):
            raise TwinError(
                f"the FHIR {self.version} bundle would break the standard: {wrong[0]}",
                where=str(path),
                do="this is a defect of dvtwin: nothing was written",
            )
        text = json.dumps(bundle, indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")

    def bundle(self, report: Report) -> Resource:
        """The bundle as plain JSON types."""
        return _Bundle(report, self.version, self.snomed).made()


@dataclass(frozen=True)
class _Bundle:
    """The resources of a report; each is referred to by a UUID made from the report and a name."""

    report: Report
    version: Version
    snomed: bool

    def made(self) -> Resource:
        resources = {
            "patient": self.patient(),
            "device": self.device(),
            **{f"row {row.name}": self.observation(row) for row in self.report.rows},
            "document": self.document(),
            "report": self.diagnostic_report(),
            "provenance": self.provenance(),
            "codes": self.code_system(),
        }
        if self.report.imaged:
            resources["study"] = self.study()
        if self.forecast:
            resources["forecast"] = self.risk()
        return {
            "resourceType": "Bundle",
            "type": "collection",
            "timestamp": self.report.issued,
            "identifier": {"system": "urn:ietf:rfc:3986", "value": self.url("bundle")},
            "meta": {
                "security": [
                    coding(f"{HL7}/v3-ActReason", "HRESCH", "healthcare research"),
                    coding(f"{HL7}/v3-ObservationValue", "PSEUDED", "pseudonymized"),
                ]
            },
            "entry": [
                {"fullUrl": self.url(name), "resource": resource}
                for name, resource in resources.items()
            ],
        }

    def url(self, name: str) -> str:
        return f"urn:uuid:{uuid.uuid5(SPACE, f'{self.report.version}/{self.version}/{name}')}"

    def to(self, name: str) -> dict[str, str]:
        return {"reference": self.url(name)}

    @property
    def status(self) -> str:
        if self.report.state == SUPERSEDED:
            return ENTERED_IN_ERROR
        return "final" if self.report.state == SIGNED else "preliminary"

    @property
    def forecast(self) -> Row | None:
        """The clot's forecast volume, where there is one that may be shown."""
        row = self.report.found.row("clot_volume_0.5")
        return row if row is not None and row.is_shown and self.report.found.clot else None

    def concept(self, known: Mapping[str, str] | None, *more: Resource, text: str) -> Resource:
        """A CodeableConcept; codings of systems that may not be used are left out."""
        found = list(more)
        system = known.get("system", "snomed") if known else ""
        if known and (self.snomed or system != "snomed"):
            found.append(coding(codes()["system"][system], known["code"], known["display"]))
        return ({"coding": found} if found else {}) | {"text": text}

    def patient(self) -> Resource:
        sex = self.report.patient.get("sex", "unknown")
        return {
            "resourceType": "Patient",
            "identifier": [{"system": self.own, "value": self.report.subject}],
            "gender": sex if sex in {"female", "male", "other"} else "unknown",
        }

    @property
    def own(self) -> str:
        return str(codes()["system"]["local"])

    def device(self) -> Resource:
        told = {
            "source sha256": str(self.report.record.get("code", "unknown")),
            "context of use": NOTICE,
        }
        r5 = self.version == "R5"
        return {
            "resourceType": "Device",
            "status": "active",
            "type": [{"text": METHOD}] if r5 else {"text": METHOD},
            ("name" if r5 else "deviceName"): [
                {("value" if r5 else "name"): "dvtwin", "type": "user-friendly-name"}
            ],
            "version": [{"value": f"commit {self.report.software}"}],
            "property": [
                {"type": {"text": name}}
                | ({"valueString": text} if r5 else {"valueCode": [{"text": text}]})
                for name, text in told.items()
            ],
        }

    def observation(self, row: Row) -> Resource:
        value = value_of(row)
        made: Resource = {
            "resourceType": "Observation",
            "status": self.status,
            "category": [
                self.concept(
                    None,
                    coding(f"{HL7}/observation-category", "imaging", "Imaging"),
                    text="Imaging",
                )
            ],
            "code": self.concept(
                codes()["metric"].get(row.name),
                coding(self.own, row.name, row.label),
                text=row.label,
            ),
            "subject": self.to("patient"),
            "device": self.to("device"),
            "effectiveDateTime": self.report.studied,
            "issued": self.report.issued,
            "method": {"text": METHOD},
        }
        if value is None:
            made["dataAbsentReason"] = self.concept(
                None,
                coding(f"{HL7}/data-absent-reason", "not-performed", "Not Performed"),
                text=row.note or row.flag or NOT_ASSESSABLE,
            )
        else:
            made |= {"valueQuantity": quantity(value)} | self.judged(row) | interval(value)
        if row.site:
            made["bodySite"] = self.site(row)
        return made

    def site(self, row: Row) -> Resource:
        known = self.report.site(row)
        side = f", {known['side']}" if known and "side" in known else ""
        return self.concept(known, text=f"{row.site}{side}")

    def judged(self, row: Row) -> Resource:
        """Flag and limit; a value without an accepted range has neither."""
        made: Resource = {}
        if row.flag in INTERPRETATION:
            code, display = INTERPRETATION[row.flag]
            made["interpretation"] = [
                self.concept(
                    None,
                    coding(f"{HL7}/v3-ObservationInterpretation", code, display),
                    text="beyond the commonly used limit",
                )
            ]
        if row.name in thresholds():
            known = sources()[row.source]
            made["referenceRange"] = [{"text": f"commonly used: {row.reference} ({known})"}]
        return made

    def document(self) -> Resource:
        made: Resource = {
            "resourceType": "DocumentReference",
            "identifier": [{"system": self.own, "value": self.report.name}],
            "status": "superseded" if self.report.state == SUPERSEDED else "current",
            "docStatus": self.status,
            "subject": self.to("patient"),
            "type": self.concept(codes()["document"]["report"], text="Diagnostic imaging study"),
            "date": self.report.issued,
            "description": f"{self.report.document['title']}. {NOTICE}",
            "author": [self.to("device")],
            "securityLabel": [
                self.concept(
                    None,
                    coding(f"{HL7}/v3-ActReason", "HRESCH", "healthcare research"),
                    text="healthcare research",
                )
            ],
            "content": [
                {
                    "attachment": self.attachment()
                    | {
                        "data": base64.b64encode(self.report.pdf).decode(),
                    }
                }
            ],
        }
        if self.version == "R4B":
            made["context"] = {"related": [self.to("report")]}
        return made

    def attachment(self) -> Resource:
        """The PDF without its bytes, which stand in the DocumentReference alone."""
        sha1 = hashlib.sha1(self.report.pdf, usedforsecurity=False).digest()
        return {
            "contentType": "application/pdf",
            "language": "en",
            "title": self.report.name,
            "size": len(self.report.pdf),
            "hash": base64.b64encode(sha1).decode(),
        }

    def diagnostic_report(self) -> Resource:
        document = self.report.document
        made: Resource = {
            "resourceType": "DiagnosticReport",
            "status": self.status,
            "identifier": [{"system": self.own, "value": self.report.name}],
            "code": self.concept(
                codes()["document"]["report"],
                text="Simulation of the blood flow in a vein (research use only)",
            ),
            "subject": self.to("patient"),
            "effectiveDateTime": self.report.studied,
            "issued": self.report.issued,
            "result": [self.to(f"row {row.name}") for row in self.report.rows],
            "conclusion": " ".join(
                [
                    f"{document['status']}. {NOTICE}",
                    *document["findings"],
                    *document["limits"],
                ]
            ),
            "presentedForm": [self.attachment()],
        }
        if self.report.imaged:
            made["study" if self.version == "R5" else "imagingStudy"] = [self.to("study")]
        return made

    def study(self) -> Resource:
        made: Resource = {
            "resourceType": "ImagingStudy",
            "status": "unknown",
            "subject": self.to("patient"),
        }
        if "study" in self.report.source:
            made["identifier"] = [
                {
                    "system": "urn:dicom:uid",
                    "value": f"urn:oid:{self.report.source['study']}",
                }
            ]
        if self.report.patient.get("date"):
            made["started"] = self.report.studied
        if self.report.patient.get("study"):
            made["description"] = str(self.report.patient["study"])
        return made

    def risk(self) -> Resource:
        """The clot's growth as a forecast; without an ensemble it has no probability."""
        row, clot = self.forecast, self.report.found.clot
        assert row is not None
        hours = float(clot["time"][-1]) / 3600
        spread = (
            " No probability: it is one simulation."
            if row.low is None
            else (" 95 % of the simulated ensemble lie in the interval of the Observation.")
        )
        return {
            "resourceType": "RiskAssessment",
            "status": self.status,
            "subject": self.to("patient"),
            "performer": self.to("device"),
            "occurrenceDateTime": self.report.studied,
            "method": {"text": METHOD},
            "basis": [self.to(f"row {row.name}")],
            "prediction": [
                {
                    "outcome": {"text": f"Clot volume {row.text} after {hours:.0f} h"},
                    "rationale": "Forecast under the conditions of the case, not an observation."
                    + spread,
                }
            ],
        }

    def provenance(self) -> Resource:
        inputs: Mapping[str, Any] = self.report.record.get("inputs", {})
        made: Resource = {
            "resourceType": "Provenance",
            "target": [self.to("report"), self.to("document")],
            "recorded": self.report.issued,
            "activity": {"text": "simulated, measured, reported"},
            "agent": [self.agent("assembler", "Assembler", self.to("device"))],
            "entity": [source(f"input: {name}", entry["sha256"]) for name, entry in inputs.items()]
            + ([source("SHA256SUMS", self.report.sums)] if self.report.sums else []),
        }
        for step in self.report.signatures:
            who: Resource = {"type": "Practitioner", "display": f"{step.role} {step.who}".strip()}
            if step.who:
                who["identifier"] = {"system": self.own, "value": step.who}
            made["agent"].append(
                self.agent("verifier", "Verifier", who, f"{step.state} {step.time}: {step.reason}")
            )
        return made

    def agent(self, code: str, name: str, who: Resource, text: str = "") -> Resource:
        kind = coding(f"{HL7}/provenance-participant-type", code, name)
        return {"type": self.concept(None, kind, text=text or name), "who": who}

    def code_system(self) -> Resource:
        """Our own codes, with their meaning."""
        return {
            "resourceType": "CodeSystem",
            "url": self.own,
            "status": "active",
            "name": "DvtwinMetrics",
            "title": "Metrics of dvtwin",
            "content": "fragment",
            "caseSensitive": True,
            "concept": [
                {"code": row.name, "display": row.label}
                | ({"definition": row.definition} if row.definition else {})
                for row in self.report.rows
            ],
        }
