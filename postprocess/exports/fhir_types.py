"""The FHIR data types that a report needs, as plain JSON types."""

from typing import Any

from postprocess.exports.document import Value, codes

Resource = dict[str, Any]


def coding(system: str, code: str, display: str) -> Resource:
    """A code of a system."""
    return {"system": system, "code": code, "display": display}


def quantity(value: Value, number: float | None = None) -> Resource:
    """A number with its UCUM unit: the value, or a bound of it."""
    made: Resource = {
        "value": value.number if number is None else number,
        "unit": value.unit,
        "system": codes()["system"]["ucum"],
        "code": value.ucum,
    }
    if value.comparator and number is None:
        made["comparator"] = value.comparator
    return made


def interval(value: Value) -> Resource:
    """The bounds of a value as components; nothing where it has none."""
    bounds = (("lower", value.low), ("upper", value.high))
    parts = [
        {"code": {"text": f"95 % interval, {side}"}, "valueQuantity": quantity(value, bound)}
        for side, bound in bounds
        if bound is not None
    ]
    return {"component": parts} if parts else {}


def source(name: str, digest: str) -> Resource:
    """What something was made from, by its SHA-256."""
    return {
        "role": "source",
        "what": {
            "identifier": {"system": "urn:oid:2.16.840.1.101.3.4.2.1", "value": digest},
            "display": f"{name} (SHA-256)",
        },
    }
