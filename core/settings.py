"""Settings of the parts of a case: frozen pydantic models whose numbers carry unit, meaning
and source.

One `quantity(…)` line is at once the schema of the case file, the check of the unit and the
range, the default, a row of the reference page and a row of the report's assumption table.
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.fields import FieldInfo

from core.errors import CaseError
from core.units import UnitError, to_si


def quantity(
    unit: str,
    default: str | float | None = None,
    meaning: str = "",
    *,
    source: str = "",
    at_least: str | float | None = None,
    at_most: str | float | None = None,
    above: str | float | None = None,
    optional: bool = False,
) -> Any:
    """A float (or tuple of floats) field in SI ``unit``, written in a case as text with a unit.

    Bounds are inclusive but for ``above``. Without a default the field must be given, unless
    ``optional``, when it is None. A point is a ``tuple[float, float, float]`` field, written
    ``["10 mm", "-4 mm", "30 mm"]``.
    """
    bounds: dict[str, Any] = {
        name: to_si(bound, unit)
        for name, bound in (("ge", at_least), ("le", at_most), ("gt", above))
        if bound is not None
    }
    extra: dict[str, Any] = {"unit": unit, "default_text": default, "source": source}
    if optional:
        value: Any = None
    else:
        value = ... if default is None else to_si(default, unit)
    # `to_si` has refused what is not finite, also within a tuple
    return Field(default=value, description=meaning, json_schema_extra=extra, **bounds)


def unit_of(field: FieldInfo) -> str | None:
    """The SI unit that a field was declared with, or None where it is no quantity."""
    extra = field.json_schema_extra
    return str(extra["unit"]) if isinstance(extra, dict) and "unit" in extra else None


class Settings(BaseModel):
    """A frozen, checked table of a case file; unknown keys are refused with the nearest name."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _read_quantities(cls, table: Any) -> Any:
        if not isinstance(table, Mapping):
            return table
        known = cls.model_fields
        for key in table:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
                raise ValueError(f"unknown key {key!r}; {hint}")
        return {key: _si(known[key], key, value) for key, value in table.items()}


def _si(field: FieldInfo, key: str, value: Any) -> Any:
    unit = unit_of(field)
    if unit is None or value is None:
        return value
    try:
        if isinstance(value, list | tuple):
            return tuple(to_si(item, unit) for item in value)
        return to_si(value, unit)
    except UnitError as error:
        raise ValueError(f"{key}: {error}") from error


def read[S: BaseModel](model: type[S], table: Mapping[str, Any], where: str) -> S:
    """``table`` as a ``model``; the first mistake becomes a `CaseError` at ``where``."""
    try:
        return model.model_validate(dict(table))
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(step) for step in first["loc"] if not _is_tag(step))
        message = str(first["msg"]).removeprefix("Value error, ")
        if first["type"] == "missing":
            message = "this key is missing"
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        do = "mend this line; `dvtwin new` writes a commented example"
        raise CaseError(
            message + more, where=f"{where}: {path}" if path else where, do=do
        ) from error


def _is_tag(step: object) -> bool:
    return isinstance(step, str) and step.startswith(("function-", "tagged-union"))


@dataclass(frozen=True)
class Row:
    """One setting as documentation: where it is, its value, what it means, whence it comes."""

    path: str
    value: Any
    unit: str
    meaning: str
    source: str
    is_default: bool


def rows(settings: BaseModel, path: str = "") -> Iterator[Row]:
    """Every quantity in ``settings`` and below, for the docs and the report's assumptions."""
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        here = f"{path}.{name}" if path else name
        unit = unit_of(field)
        if unit is None:
            yield from _rows_below(value, here)
        elif value is not None:
            extra = field.json_schema_extra
            source = str(extra["source"]) if isinstance(extra, dict) else ""
            yield Row(here, value, unit, field.description or "", source, value == field.default)


def _rows_below(value: Any, path: str) -> Iterator[Row]:
    if isinstance(value, BaseModel):
        yield from rows(value, path)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _rows_below(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value, 1):
            yield from _rows_below(item, f"{path}.{number}")


def effective(settings: BaseModel) -> dict[str, Any]:
    """``settings`` as a table that reads back as the same settings, defaults included."""
    table: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if value is None:
            continue
        unit = unit_of(field)
        table[name] = _text(value, unit) if unit is not None else _plain(value)
    return table


def _text(value: Any, unit: str) -> Any:
    if isinstance(value, tuple):
        return [_text(item, unit) for item in value]
    return value if unit == "1" else f"{value!r} {unit}"


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return effective(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


__all__ = ["Row", "Settings", "effective", "quantity", "read", "rows", "unit_of"]
