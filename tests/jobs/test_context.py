"""What a FHIR file tells of a patient: facts of a list, and nothing else."""

import datetime
import json
import re
from pathlib import Path

import pytest

from core.errors import CaseError
from jobs.case import dump, load
from jobs.hospital import context
from jobs.hospital.context import DRUGS, facts
from tests.jobs import finished
from tests.jobs.planted import NAME, Planted, a_bundle


def told(tmp_path: Path, bundle: object) -> dict:
    (tmp_path / "context.json").write_text(json.dumps(bundle))
    found = facts(tmp_path / "context.json", datetime.date(2026, 11, 20))
    assert re.fullmatch("[0-9a-f]{64}", found.pop("context_sha256"))
    return found


def test_the_facts_of_a_bundle(tmp_path):
    assert told(tmp_path, a_bundle(Planted())) == {
        "sex": "female",
        "age_band": "60-69",
        "side": "left",
        "haematocrit": "0.41 L/L",
        "d_dimer": "1800 ng/mL",
        "d_dimer_units": "FEU",
        "drugs": ["apixaban", "enoxaparin"],
    }


@pytest.mark.parametrize(
    ("born", "band"),
    [
        ("1961-11-20", "60-69"),
        ("1956-11-21", "60-69"),
        ("1956-11-20", "70-79"),
        ("1930", "90+"),
        ("2021-01-01", "0-9"),
        ("born 1961", None),
        ("2027-01-01", None),
    ],
)
def test_age_bands(tmp_path, born, band):
    assert told(tmp_path, {"resourceType": "Patient", "birthDate": born}).get("age_band") == band


def test_one_resource_alone_is_read_as_well(tmp_path):
    assert told(tmp_path, {"resourceType": "Patient", "gender": "male"}) == {"sex": "male"}
    assert told(tmp_path, {"resourceType": "Patient", "gender": NAME}) == {}


@pytest.mark.parametrize(
    "quantity",
    [
        {"value": NAME},
        {"code": NAME},
        {"code": "g/dL"},
        {"system": "urn:x"},
        {"value": True},
        {"comparator": "<"},
    ],
)
def test_a_laboratory_value_that_is_not_clear_is_left_out(tmp_path, quantity):
    one = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": context.LOINC, "code": "4544-3"}]},
        "valueQuantity": {"value": 41, "system": context.UCUM, "code": "%"} | quantity,
    }
    assert told(tmp_path, one) == {}


def test_two_patients_in_one_file_are_refused(tmp_path):
    two = {
        "resourceType": "Bundle",
        "entry": [
            {"resource": {"resourceType": "Patient"}},
            {"resource": {"resourceType": "Patient"}},
        ],
    }
    with pytest.raises(CaseError, match="more than one patient"):
        told(tmp_path, two)


@pytest.mark.parametrize("content", [f"{{ {NAME}", None])
def test_an_unreadable_file_is_said_without_its_name(tmp_path, content):
    path = tmp_path / f"{NAME}.json"
    if content:
        path.write_text(content)
    with pytest.raises(CaseError, match="cannot be read") as error:
        facts(path)
    assert NAME not in str(error.value)


def _case(tmp_path: Path, more: str) -> Path:
    patient = {"resourceType": "Patient", "gender": "female", "birthDate": "1990-01-01"}
    (tmp_path / "context.json").write_text(json.dumps(patient))
    text = finished.CASE.replace(
        'sex = "female"\nage_band = "30-39"\n', f'context = "context.json"\n{more}\n'
    )
    (tmp_path / "case.toml").write_text(text)
    return tmp_path / "case.toml"


def test_the_effective_case_holds_facts_and_not_the_file(tmp_path):
    case = load(_case(tmp_path, 'age_band = "unknown"'))
    assert (case.patient.sex, case.patient.age_band) == ("female", "30-39")
    assert case.patient.context is None
    assert case.patient.context_sha256
    assert "context.json" not in dump(case)
    (tmp_path / "again.toml").write_text(dump(case))
    assert load(tmp_path / "again.toml") == case


@pytest.mark.parametrize("more", ['sex = "male"', 'age_band = "60-69"'])
def test_a_context_about_somebody_else_stops_the_case(tmp_path, more):
    with pytest.raises(CaseError, match="its context file"):
        load(_case(tmp_path, more))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('drugs = ["Zyxwold"]', "none of the drugs"),
        ('haematocrit = "95 %"', "haematocrit"),
        ('d_dimer = "1.8 mmol/L"', "d_dimer"),
        ('d_dimer_units = "ng"', "FEU"),
    ],
)
def test_facts_in_the_case_are_checked(tmp_path, more, said):
    with pytest.raises(CaseError) as error:
        load(_case(tmp_path, more))
    assert said in str(error.value)


def test_every_drug_of_the_list_is_found_by_code_and_by_name(tmp_path):
    for code, name in DRUGS.items():
        for concept in (
            {"coding": [{"system": context.ATC, "code": code}]},
            {"text": name.upper()},
        ):
            one = {
                "resourceType": "MedicationStatement",
                "status": "recorded",
                "medication": {"concept": concept},
            }
            assert told(tmp_path, one) == {"drugs": [name]}
