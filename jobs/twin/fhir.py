"""Measurements in a hospital's FHIR file: Observations with a code of a list, as observations.

A site is the local code of `bodySite`, or of `component`s "site" and "over"; of everything else in
the file nothing is looked at, and no text of it is passed on.
"""

import datetime
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from calibration.observations import KINDS, Observation
from core.errors import CaseError
from core.units import UnitError, to_si
from jobs.hospital.context import LOINC, UCUM, codes_of, resources_of
from postprocess.exports.document import codes

LOINC_KINDS = {
    "11692-1": "velocity",
    "33867-3": "velocity_ratio",
    "33878-0": "flow",
}
"""Time-averaged peak velocity, velocity ratio, volume flow (terms of ultrasound)."""
LOINC_FACTORS = {
    "3289-6": "II", "3193-0": "V", "3198-9": "VII", "3209-4": "VIII", "3187-2": "IX",
    "3218-5": "X", "27811-9": "AT",
}  # fmt: skip
"""Activity of clotting factors, as a share of normal."""
UCUM_UNITS = {"mm[Hg]": "mmHg", "mm2": "mm^2", "cm2": "cm^2", "1": ""}
"""UCUM codes that are written otherwise here."""
FINAL = {"final", "amended", "corrected"}
SAFE = re.compile(r"[A-Za-z0-9_-]{1,32}")
Table = Mapping[str, Any]


def observations(path: Path) -> tuple[Observation, ...]:
    """The measurements of the FHIR bundle or resource at ``path``. Raises `CaseError`."""
    found, everything = [], resources_of(path)
    if sum(one.get("resourceType") == "Patient" for one in everything) > 1:
        raise CaseError(
            "the FHIR file is about more than one patient",
            where=f"fhir ({path.suffix})",
            do="give a bundle of one patient",
        )
    for resource in everything:
        if resource.get("resourceType") == "Observation" and resource.get("status") in FINAL:
            found += _observation(resource, path)
    if not found:
        raise CaseError(
            "the FHIR file holds no measurement that a twin can use",
            where=f"fhir ({path.suffix})",
            do=f"final Observations with LOINC {', '.join([*LOINC_KINDS, *LOINC_FACTORS])}, or "
            f"codes {', '.join(KINDS)} of the system {_local()}",
        )
    return tuple(found)


def _observation(resource: Table, path: Path) -> list[Observation]:
    """The observation that ``resource`` tells, if its code is known."""
    code = resource.get("code")
    loinc, own = codes_of(code, LOINC), codes_of(code, _local())
    kinds = [LOINC_KINDS[c] for c in loinc if c in LOINC_KINDS] + [c for c in own if c in KINDS]
    factors = [LOINC_FACTORS[c] for c in loinc if c in LOINC_FACTORS]
    if not kinds and not factors:
        return []
    amount = _amount(resource.get("valueQuantity"), KINDS["factor" if factors else kinds[0]].unit)
    table: dict[str, Any] = {
        "kind": "factor" if factors else kinds[0],
        "site": factors[0] if factors else _site(resource.get("bodySite")),
        "value": amount, "device": "FHIR",
    }  # fmt: skip
    if other := _second(resource):
        table["over"] = other
    day = re.match(r"\d{4}-\d\d-\d\d", str(resource.get("effectiveDateTime", "")))
    try:
        if day:
            table["date"] = datetime.date.fromisoformat(day[0])
        return [Observation.model_validate(table)]
    except ValueError as error:
        raise CaseError(
            f"a FHIR Observation of {table['kind']!r} cannot be used",
            where=f"fhir ({path.suffix})",
            do="it needs a quantity in UCUM of the right dimension, and its sites as codes of "
            f'{_local()} in bodySite (and in a component "over")',
        ) from error


def _amount(quantity: Any, unit: str) -> str:
    """A FHIR quantity as text with a unit; empty where it is none of the right dimension."""
    if not isinstance(quantity, Mapping) or quantity.get("comparator"):
        return ""
    value, code = quantity.get("value"), re.sub(r"\{\w*\}", "", str(quantity.get("code", "")))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    text = f"{value!r} {UCUM_UNITS.get(code, code)}".rstrip()
    try:
        to_si(text, unit)
    except UnitError:
        return ""
    return text if quantity.get("system") == UCUM else ""


def _site(concept: Any) -> str:
    return next((code for code in codes_of(concept, _local()) if SAFE.fullmatch(code)), "")


def _second(resource: Table) -> str:
    """The second site of a ratio or gradient, from the component that is coded "over"."""
    parts: Iterator[Any] = iter(resource.get("component") or [])
    for part in parts:
        if isinstance(part, Mapping) and "over" in codes_of(part.get("code"), _local()):
            return _site(part.get("valueCodeableConcept"))
    return ""


def _local() -> str:
    return str(codes()["system"]["local"])
