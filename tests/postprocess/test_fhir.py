"""The FHIR bundle keeps the standard and says what the page says; broken ones are seen."""

import base64
import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import TwinError
from jobs.hospital.delivery import gather
from postprocess.exports import document, fhir
from postprocess.exports.conformance import problems
from postprocess.exports.document import Report, Signature, codes, value_of
from postprocess.exports.fhir import FhirBundle
from postprocess.metrics import metrics
from tests.jobs import finished

VERSIONS = ("R4B", "R5")
STEPS = [
    Signature("TECHNICAL CHECK", "modeler", "", "", "balances seen", "2026-11-23T08:00:00Z"),
    Signature("CLINICAL REVIEW", "clinician", "jd12", "", "fits", "2026-11-23T09:00:00Z"),
    Signature("SIGNED", "clinician", "jd12", "Ward 3", "agreed", "2026-11-23T10:00:00Z"),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> Report:
    return gather(finished.copy(tmp_path_factory.mktemp("run")))


def resources(bundle, kind):
    return [
        entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == kind
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_bundle_is_whole_and_without_a_fault(report, version, tmp_path):
    FhirBundle(version).write(report, tmp_path / "bundle.json")
    bundle = json.loads((tmp_path / "bundle.json").read_text())
    assert problems(bundle, version) == []
    kinds = {
        "Patient",
        "Device",
        "Observation",
        "DiagnosticReport",
        "DocumentReference",
        "Provenance",
        "CodeSystem",
        "ImagingStudy",
        "RiskAssessment",
    }
    assert {entry["resource"]["resourceType"] for entry in bundle["entry"]} == kinds
    attachment = resources(bundle, "DocumentReference")[0]["content"][0]["attachment"]
    assert base64.b64decode(attachment["data"]) == report.pdf
    assert attachment["size"] == len(report.pdf)
    results = resources(bundle, "DiagnosticReport")[0]["result"]
    assert len(results) == len(resources(bundle, "Observation")) == len(report.rows)


@pytest.mark.parametrize("version", VERSIONS)
def test_values_are_those_of_the_page(report, version):
    told = {
        one["code"]["text"]: one
        for one in resources(FhirBundle(version).bundle(report), "Observation")
    }
    for line in report.document["rows"]:
        quantity = told[line["label"]].get("valueQuantity")
        if quantity is None:
            assert line["value"] == "–"
            continue
        comparator = f"{quantity['comparator']} " if "comparator" in quantity else ""
        shown = line["value"].replace("\u00a0", " ").removeprefix(comparator)
        assert quantity["value"] == float(shown.split()[0].replace("−", "-"))
        assert quantity["unit"] == (shown.split()[1] if " " in shown else "1")
    gradient = told["Pressure gradient, narrowing"]
    assert gradient["valueQuantity"]["code"] == "mm[Hg]"
    assert "not a measurement" in gradient["method"]["text"]
    assert gradient["bodySite"]["coding"][0]["code"] == "46027005"
    stenosis = told["Lumen area stenosis"]
    assert {one["code"] for one in stenosis["code"]["coding"]} == {"area_stenosis", "408714007"}
    assert stenosis["interpretation"][0]["coding"][0]["code"] == "H"
    assert "< 50 %" in stenosis["referenceRange"][0]["text"]
    assert "referenceRange" not in told["Wall shear stress, mean"]


@pytest.mark.parametrize(
    ("steps", "status", "shown"),
    [(0, "preliminary", "current"), (2, "preliminary", "current"), (3, "final", "current")],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_status_follows_the_state(report, version, steps, status, shown):
    bundle = FhirBundle(version).bundle(replace(report, signatures=STEPS[:steps]))
    assert problems(bundle, version) == []
    for kind in ("DiagnosticReport", "Observation", "RiskAssessment"):
        assert {one["status"] for one in resources(bundle, kind)} == {status}
    pdf = resources(bundle, "DocumentReference")[0]
    assert (pdf["docStatus"], pdf["status"]) == (status, shown)
    agents = resources(bundle, "Provenance")[0]["agent"]
    assert len(agents) == 1 + steps
    if steps:
        assert agents[1]["who"] == {"type": "Practitioner", "display": "modeler"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_superseded_report_is_withdrawn(report, version):
    last = replace(STEPS[2], state="SUPERSEDED")
    bundle = FhirBundle(version).bundle(replace(report, signatures=[*STEPS, last]))
    assert problems(bundle, version) == []
    assert resources(bundle, "DocumentReference")[0]["status"] == "superseded"
    assert resources(bundle, "DiagnosticReport")[0]["status"] == "entered-in-error"


def test_without_snomed_there_is_none(report):
    assert "snomed" in json.dumps(FhirBundle("R4B").bundle(report))
    plain = FhirBundle("R4B", snomed=False).bundle(report)
    assert "snomed" not in json.dumps(plain)
    assert problems(plain, "R4B") == []


def test_a_forecast_is_one_only_where_a_clot_was_grown(report):
    found = replace(
        report.found, clot={}, rows=[row for row in report.rows if row.group != "clot"]
    )
    bundle = FhirBundle("R5").bundle(replace(report, found=found, imaged=False))
    assert problems(bundle, "R5") == []
    assert not resources(bundle, "RiskAssessment")
    assert not resources(bundle, "ImagingStudy")
    risk = resources(FhirBundle("R5").bundle(report), "RiskAssessment")[0]
    assert "48 h" in risk["prediction"][0]["outcome"]["text"]
    assert "probabilityDecimal" not in risk["prediction"][0]


def test_an_interval_has_its_unit(report):
    rows = [
        replace(row, low=0.4, high=0.8) if row.name == "area_stenosis" else row
        for row in report.rows
    ]
    bundle = FhirBundle("R4B").bundle(replace(report, found=replace(report.found, rows=rows)))
    assert problems(bundle, "R4B") == []
    one = next(
        one
        for one in resources(bundle, "Observation")
        if one["code"]["text"] == "Lumen area stenosis"
    )
    assert [part["valueQuantity"]["value"] for part in one["component"]] == [40, 80]


def test_what_is_not_shown_is_not_handed_over(report):
    rows = [replace(row, flag="not resolved") for row in report.rows]
    bundle = FhirBundle("R5").bundle(replace(report, found=replace(report.found, rows=rows)))
    assert problems(bundle, "R5") == []
    for one in resources(bundle, "Observation"):
        assert "valueQuantity" not in one
        assert one["dataAbsentReason"]["text"]


def test_the_same_report_gives_the_same_bundle(report):
    assert FhirBundle("R5").bundle(report) == FhirBundle("R5").bundle(report)
    urls = [
        {entry["fullUrl"] for entry in FhirBundle(version).bundle(one)["entry"]}
        for version in VERSIONS
        for one in (report, replace(report, signatures=STEPS))
    ]
    assert len(set().union(*urls)) == sum(map(len, urls))


def _first(bundle, kind):
    return resources(bundle, kind)[0]


BREAKS = {
    "status": (lambda b: _first(b, "Observation").update(status="nonsense"), "'nonsense' is none"),
    "report status": (
        lambda b: _first(b, "DiagnosticReport").update(status="done"),
        "'done' is none",
    ),
    "risk status": (lambda b: _first(b, "RiskAssessment").update(status="sure"), "'sure' is none"),
    "docStatus": (
        lambda b: _first(b, "DocumentReference").update(docStatus="signed"),
        "'signed' is none",
    ),
    "bundle type": (lambda b: b.update(type="pile"), "'pile' is none"),
    "device status": (lambda b: _first(b, "Device").update(status="on"), "'on' is none"),
    "gender": (lambda b: _first(b, "Patient").update(gender="f"), "'f' is none"),
    "comparator": (
        lambda b: _first(b, "Observation")["valueQuantity"].update(comparator="~"),
        "'~' is none",
    ),
    "reference": (
        lambda b: _first(b, "Observation")["subject"].update(reference="urn:uuid:0"),
        "which is not in the bundle",
    ),
    "twice": (
        lambda b: b["entry"][1].update(fullUrl=b["entry"][0]["fullUrl"]),
        "the same fullUrl",
    ),
    "unit": (
        lambda b: _first(b, "Observation")["valueQuantity"].update(code="mmHg"),
        "no UCUM unit",
    ),
    "unit system": (
        lambda b: _first(b, "Observation")["valueQuantity"].pop("system"),
        "without the UCUM",
    ),
    "no value": (lambda b: _first(b, "Observation").pop("valueQuantity"), "needs either a value"),
    "wrong code": (
        lambda b: _first(b, "DiagnosticReport")["code"]["coding"][0].update(code="18748-5"),
        "not in the list",
    ),
    "wrong system": (
        lambda b: _first(b, "DiagnosticReport")["code"]["coding"][0].update(system="urn:x"),
        "is not known here",
    ),
    "metric": (
        lambda b: _first(b, "Observation")["code"]["coding"][0].update(code="none_such"),
        "not in the list",
    ),
    "no code": (lambda b: _first(b, "Observation").pop("code"), "code"),
    "unknown field": (lambda b: _first(b, "Observation").update(colour="red"), "colour"),
    "two values": (lambda b: _first(b, "Observation").update(valueString="x"), "value"),
    "date": (lambda b: _first(b, "Observation").update(effectiveDateTime="22.11."), "effective"),
}


@pytest.mark.parametrize("name", BREAKS)
@pytest.mark.parametrize("version", VERSIONS)
def test_each_fault_is_seen(report, version, name):
    bundle = copy.deepcopy(FhirBundle(version).bundle(report))
    spoil, expected = BREAKS[name]
    spoil(bundle)
    found = problems(bundle, version)
    assert found
    assert expected in " ".join(found)


def test_a_faulty_bundle_is_not_written(report, monkeypatch, tmp_path):
    monkeypatch.setattr(fhir, "ENTERED_IN_ERROR", "gone")
    gone = replace(report, signatures=[replace(STEPS[0], state="SUPERSEDED")])
    with pytest.raises(TwinError, match="'gone' is none of"):
        FhirBundle("R5").write(gone, tmp_path / "bundle.json")
    assert not list(tmp_path.iterdir())


def test_every_metric_has_a_unit_that_the_world_knows():
    shown = {
        metric.shown_unit.replace("^2", "²").replace("^3", "³") for metric in metrics().values()
    }
    assert {"" if unit == "1" else unit for unit in shown} <= set(codes()["ucum"])
    assert set(codes()["metric"]) <= set(metrics())


def test_an_unknown_unit_is_said(report):
    with pytest.raises(TwinError, match="'furlong' has no UCUM"):
        value_of(replace(report.rows[0], shown_unit="furlong"))


def test_codes_have_the_right_check_digit():
    """LOINC: Luhn, as in the LOINC Users' Guide; SNOMED CT: Verhoeff, as in its Release File
    Specifications.
    """
    entries = [
        *codes()["metric"].values(),
        *codes()["document"].values(),
        *({"system": "snomed", **one} for one in codes()["segment"].values()),
        *({"system": "snomed", **one} for one in codes()["side"].values()),
    ]
    for entry in entries:
        code = entry["code"]
        assert _verhoeff(code) if entry["system"] == "snomed" else _luhn(code), code
    assert not _verhoeff("408714008")
    assert not _luhn("18748-5")


def _luhn(code: str) -> bool:
    body, check = code.split("-")
    doubled = [int(digit) * (2 - at % 2) for at, digit in enumerate(reversed(body))]
    return (10 - sum(part // 10 + part % 10 for part in doubled) % 10) % 10 == int(check)


def _verhoeff(code: str) -> bool:
    turn = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
    check = 0
    for at, digit in enumerate(reversed(code)):
        number = int(digit)
        for _ in range(at % 8):
            number = turn[number]
        check = _dihedral(check, number)
    return check == 0


def _dihedral(a: int, b: int) -> int:
    """The product in the group of the pentagon's ten symmetries."""
    if a < 5:
        return (a + b) % 5 if b < 5 else 5 + (a + b) % 5
    return 5 + (a - b) % 5 if b < 5 else (a - b) % 5


def test_the_own_code_system_is_a_valid_urn():
    assert codes()["system"]["local"] == f"urn:uuid:{fhir.SPACE}"
    assert Path(fhir.__file__).with_name("codes.toml") == document.CODES
