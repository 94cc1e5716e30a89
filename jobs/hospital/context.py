"""What a hospital's FHIR file tells of a patient, reduced on arrival to an allow-list of facts.

    age band, sex        Patient.birthDate, .gender
    side                 Condition.bodySite (SNOMED CT left, right)
    haematocrit, D-dimer Observation (LOINC), the latest
    drugs                MedicationStatement, MedicationRequest that are active (ATC, or the name)

Everything else (names, addresses, identifiers, narratives, notes, extensions) is never looked at,
and no text of the file is ever passed on: a fact is a number or a word of a list in this module.
"""

import datetime
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from core.errors import CaseError
from core.record import digest_file
from core.units import UnitError, to_si

LOINC, SNOMED, ATC = "http://loinc.org", "http://snomed.info/sct", "http://www.whocc.no/atc"
UCUM = "http://unitsofmeasure.org"
HAEMATOCRIT = {"4544-3", "20570-8", "4545-0", "71833-8"}
D_DIMER = {"48065-7": "FEU", "48067-3": "FEU", "48066-5": "DDU", "48058-2": "DDU"}
"""Fibrin D-dimer in platelet-poor plasma, the second of each by immunoassay. Fibrinogen-equivalent
units are about twice D-dimer units: which one it is must be kept.
"""
SIDES = {"7771000": "left", "24028007": "right", "51440002": "both"}
SEXES = {"female", "male", "other"}
DRUGS = {
    "B01AA03": "warfarin",
    "B01AA04": "phenprocoumon",
    "B01AA07": "acenocoumarol",
    "B01AB01": "heparin",
    "B01AB04": "dalteparin",
    "B01AB05": "enoxaparin",
    "B01AB06": "nadroparin",
    "B01AB10": "tinzaparin",
    "B01AC04": "clopidogrel",
    "B01AC06": "acetylsalicylic acid",
    "B01AD02": "alteplase",
    "B01AD04": "urokinase",
    "B01AD11": "tenecteplase",
    "B01AE07": "dabigatran",
    "B01AF01": "rivaroxaban",
    "B01AF02": "apixaban",
    "B01AF03": "edoxaban",
    "B01AX05": "fondaparinux",
}
"""ATC codes of drugs that act on a clot."""
UNITS = {"%", "L/L", "1", "ng/mL", "ug/mL", "ug/L", "mg/L", "mg/dL", "g/L"}
Table = Mapping[str, Any]


def facts(path: Path, today: datetime.date | None = None) -> dict[str, Any]:
    """The `[patient]` settings that the FHIR resource or bundle at ``path`` gives.

    Ages count up to ``today`` (default: the present day). Raises `CaseError`; no message holds
    anything of the file.
    """
    resources = resources_of(path)
    patients = [one for one in resources if one.get("resourceType") == "Patient"]
    if len(patients) > 1:
        raise _refused("it is about more than one patient", path)
    found: dict[str, Any] = {"context_sha256": digest_file(path)}
    for patient in patients:
        found |= _person(patient, today or datetime.datetime.now(datetime.UTC).date())
    try:
        found |= _laboratory(resources)
    except UnitError as error:
        raise _refused("a laboratory value has an impossible amount", path) from error
    sides = {SIDES[code] for one in resources for code in _sites(one) if code in SIDES}
    if sides:
        found["side"] = sides.pop() if len(sides) == 1 else "both"
    if drugs := sorted({name for one in resources for name in _drugs(one)}):
        found["drugs"] = drugs
    return found


def merge(table: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The `[patient]` table with what its ``context`` file tells, and without that file's name.

    What the case says itself stands; where the two differ about whose side, sex or age it is,
    `CaseError`: one of them is about somebody else.
    """
    own = {name: value for name, value in table.items() if name != "context"}
    day = own.get("date")
    told = facts(folder / str(table["context"]), day if isinstance(day, datetime.date) else None)
    for name in ("side", "sex", "age_band"):
        said = own.get(name, "unknown")
        if name in told and said not in ("unknown", told[name]):
            raise CaseError(
                f"the case says {said!r}, its context file {told[name]!r}",
                where=f"patient.{name}",
                do="find out which is right: they may be two patients",
            )
        if said == "unknown":
            own.pop(name, None)
    return told | own


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _refused("it cannot be opened", path) from error
    except ValueError as error:
        raise _refused("it is not JSON", path) from error


def resources_of(path: Path) -> list[Table]:
    """The resources of the FHIR file at ``path``. Raises `CaseError`."""
    return list(_resources(_read(path)))


def _refused(why: str, path: Path) -> CaseError:
    # the file's name may be the patient's
    return CaseError(
        f"the patient's context cannot be read: {why}",
        where=f"patient.context ({path.suffix})",
        do="give a FHIR bundle or resource of one patient, as JSON",
    )


def _resources(value: Any) -> Iterator[Table]:
    """The resources of a bundle, or the one there is."""
    if not isinstance(value, Mapping):
        return
    if value.get("resourceType") != "Bundle":
        yield value
    for entry in _list(value.get("entry")):
        yield from _resources(_table(entry).get("resource"))


def _person(patient: Table, today: datetime.date) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if patient.get("gender") in SEXES:
        found["sex"] = patient["gender"]
    born = re.match(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?", str(patient.get("birthDate", "")))
    if born:
        year, month, day = (int(part or 1) for part in born.groups())
        age = today.year - year - ((today.month, today.day) < (month, day))
        if 0 <= age < 130:
            decade = age // 10 * 10
            found["age_band"] = "90+" if age >= 90 else f"{decade}-{decade + 9}"
    return found


def _laboratory(resources: Iterable[Table]) -> dict[str, Any]:
    """Haematocrit and D-dimer, each the latest that is final."""
    found: dict[str, Any] = {}
    values = [
        one
        for one in resources
        if one.get("resourceType") == "Observation"
        and one.get("status") in {"final", "amended", "corrected"}
    ]
    for one in sorted(values, key=lambda value: str(value.get("effectiveDateTime", ""))):
        code = next(iter(codes_of(one.get("code"), LOINC) & (HAEMATOCRIT | set(D_DIMER))), "")
        amount = _amount(_table(one.get("valueQuantity")))
        if amount and code in HAEMATOCRIT:
            to_si(amount, "1")
            found["haematocrit"] = amount
        elif amount and code:
            to_si(amount, "kg/m^3")
            found |= {"d_dimer": amount, "d_dimer_units": D_DIMER[code]}
    return found


def _amount(quantity: Table) -> str:
    """A FHIR quantity in a UCUM unit of the list as text ("1.8 mg/L"); empty for any other."""
    unit = re.sub(r"\{\w*\}", "", str(quantity.get("code", "")))
    value = quantity.get("value")
    if quantity.get("system") != UCUM or unit not in UNITS or quantity.get("comparator"):
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    return f"{value!r} {unit}" if unit != "1" else repr(value)


def _sites(resource: Table) -> set[str]:
    if resource.get("resourceType") != "Condition":
        return set()
    return set().union(*(codes_of(site, SNOMED) for site in _list(resource.get("bodySite"))))


def _drugs(resource: Table) -> Iterator[str]:
    """Our own word for each active drug of the list."""
    if resource.get("resourceType") not in {"MedicationStatement", "MedicationRequest"}:
        return
    if resource.get("status") not in {"active", "recorded"}:  # R4B and R5
        return
    concept = resource.get("medicationCodeableConcept") or _table(resource.get("medication")).get(
        "concept"
    )
    codes, words = codes_of(concept, ATC), _words(concept)
    yield from (name for code, name in DRUGS.items() if code in codes or name in words)


def codes_of(concept: Any, system: str) -> set[str]:
    """The codes of a CodeableConcept in ``system``."""
    return {
        str(_table(coding).get("code"))
        for coding in _list(_table(concept).get("coding"))
        if _table(coding).get("system") == system
    }


def _words(concept: Any) -> str:
    shown = [_table(coding).get("display", "") for coding in _list(_table(concept).get("coding"))]
    return " ".join(str(text).lower() for text in [*shown, _table(concept).get("text", "")])


def _table(value: Any) -> Table:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
