"""Whether a FHIR bundle keeps the standard: what the models check, and what they do not.

The models of fhir.resources accept any code in a field with a required binding, references to
nothing and any unit; so these are looked at here.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from postprocess.exports.document import codes

Table = Mapping[str, Any]
REPORT_STATUS = frozenset(
    {
        "registered",
        "partial",
        "preliminary",
        "final",
        "amended",
        "corrected",
        "appended",
        "cancelled",
        "entered-in-error",
        "unknown",
    }
)
OBSERVATION_STATUS = frozenset(
    {
        "registered",
        "preliminary",
        "final",
        "amended",
        "corrected",
        "cancelled",
        "entered-in-error",
        "unknown",
    }
)
CUT_SHORT = {
    ("DiagnosticReport", "status"): REPORT_STATUS,
    ("Observation", "status"): OBSERVATION_STATUS,
    ("RiskAssessment", "status"): OBSERVATION_STATUS,
    ("Quantity", "comparator"): frozenset({"<", "<=", ">=", ">"}),
}
"""Required value sets that the models list in part ("final | +") or not: hl7.org/fhir/R4B."""
TERMS = {
    "v3-ActReason": {"HRESCH"},
    "v3-ObservationValue": {"PSEUDED"},
    "observation-category": {"imaging"},
    "data-absent-reason": {"not-performed"},
    "v3-ObservationInterpretation": {"H", "L"},
    "provenance-participant-type": {"assembler", "verifier"},
}
"""Codes of terminology.hl7.org that we use."""


def problems(bundle: Table, version: Literal["R5", "R4B"]) -> list[str]:
    """What is wrong with ``bundle``, a line each; empty where nothing is."""
    from pydantic import ValidationError

    try:
        model = _models(version).model_validate(bundle)
    except ValidationError as error:
        return [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()] or [
            str(error)
        ]
    return [
        *_bindings(model, "Bundle"),
        *_references(bundle),
        *_quantities(bundle),
        *_codings(bundle),
        *_values(bundle),
    ]


def _models(version: str) -> Any:
    if version == "R5":
        from fhir.resources.bundle import Bundle

        return Bundle
    from fhir.resources.R4B.bundle import Bundle as BundleR4B

    return BundleR4B


def _bindings(model: Any, where: str) -> Iterator[str]:
    """Codes outside the required value set of their field."""
    kind = type(model)
    for name, field in kind.model_fields.items():
        value = getattr(model, name, None)
        if value is None or name.endswith("__ext"):
            continue
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        allowed = CUT_SHORT.get((kind.__name__, name)) or set(extra.get("enum_values") or ())
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str) and allowed and item not in allowed:
                yield f"{where}.{name}: {item!r} is none of {', '.join(sorted(allowed))}"
            if hasattr(type(item), "model_fields"):
                yield from _bindings(item, f"{where}.{name}")


def _walk(value: Any, where: str = "Bundle") -> Iterator[tuple[str, Table]]:
    """Every JSON object and its place."""
    if isinstance(value, Mapping):
        yield where, value
        for name, item in value.items():
            yield from _walk(item, f"{where}.{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _walk(item, f"{where}[{number}]")


def _references(bundle: Table) -> Iterator[str]:
    urls = [entry.get("fullUrl") for entry in bundle.get("entry", [])]
    if len(set(urls)) != len(urls):
        yield "Bundle.entry: two resources have the same fullUrl"
    for where, table in _walk(bundle):
        target = table.get("reference")
        if isinstance(target, str) and target not in urls:
            yield f"{where}: refers to {target}, which is not in the bundle"


def _quantities(bundle: Table) -> Iterator[str]:
    known = set(codes()["ucum"].values())
    for where, table in _walk(bundle):
        if "value" not in table or not {"unit", "code"} & set(table):
            continue
        if table.get("system") != codes()["system"]["ucum"]:
            yield f"{where}: a quantity without the UCUM system"
        elif table.get("code") not in known:
            yield f"{where}: {table.get('code')!r} is no UCUM unit that is known here"


def _codings(bundle: Table) -> Iterator[str]:
    """Codes that no list of ours has: a typing error would say something else."""
    allowed = _allowed(bundle)
    for where, table in _walk(bundle):
        if "code" not in table or not re.search(r"\.(coding|security)\[\d+\]$", where):
            continue
        system, code = table.get("system"), table["code"]
        if system not in allowed:
            yield f"{where}: the code system {system!r} is not known here"
        elif code not in allowed[system]:
            yield f"{where}: {code!r} is not in the list of {system}"


def _allowed(bundle: Table) -> dict[str, set[str]]:
    system, lists = codes()["system"], codes()
    found: dict[str, set[str]] = {url: set() for url in system.values()}
    for entry in (*lists["metric"].values(), *lists["document"].values()):
        found[system[entry["system"]]].add(entry["code"])
    for entry in (*lists["segment"].values(), *lists["side"].values()):
        found[system["snomed"]].add(entry["code"])
    for _, table in _walk(bundle):
        if table.get("resourceType") == "CodeSystem":
            known = {concept["code"] for concept in table.get("concept", [])}
            found.setdefault(table["url"], set()).update(known)
    return found | {
        f"http://terminology.hl7.org/CodeSystem/{name}": set(terms)
        for name, terms in TERMS.items()
    }


def _values(bundle: Table) -> Iterator[str]:
    """An Observation says either a value or why there is none."""
    for where, table in _walk(bundle):
        if table.get("resourceType") != "Observation":
            continue
        if ("valueQuantity" in table) == ("dataAbsentReason" in table):
            yield f"{where}: needs either a value or the reason why there is none"
