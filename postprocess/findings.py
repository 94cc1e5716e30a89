"""What was measured, and its file `metrics.json`: rows, gates, curves for the plots, the key.

    metrics.json   schema, key, rows, gates, lesion, curves, clot
        curves   branch, arc, area, open_area, pressure, speed, why …   (one entry a plane)
        clot     time, volume, volume_low, volume_high (one a stored time); of an ensemble also
                 members, the volumes of each run

Numbers are SI where the key has no unit of its own; NaN is written as null.
"""

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from core.errors import CaseError
from core.units import from_si
from postprocess.thresholds import NOT_ASSESSABLE, NOT_RESOLVED

SCHEMA = 1


@dataclass(frozen=True)
class Gate:
    """A check that must hold before numbers are shown.

    ``state`` is "pass", "warn", "fail" or "not assessed".
    """

    name: str
    label: str
    state: str
    text: str


@dataclass(frozen=True)
class Row:
    """One measurement: SI value and as shown, site, flag against its reference, what to know."""

    name: str
    label: str
    value: float | None
    unit: str
    shown_value: str
    shown_unit: str
    flag: str
    reference: str
    source: str
    site: str = ""
    note: str = ""
    group: str = ""
    brief: bool = False
    definition: str = ""
    low: float | None = None
    high: float | None = None

    @property
    def is_shown(self) -> bool:
        """Whether the value may be spoken of in a finding."""
        return self.value is not None and self.flag not in (NOT_ASSESSABLE, NOT_RESOLVED)

    @property
    def text(self) -> str:
        """Value and unit as they are printed."""
        # a value and its unit stay on one line
        return f"{self.shown_value}\u00a0{self.shown_unit}".strip("\u00a0")


@dataclass(frozen=True)
class Findings:
    """Everything that the measure stage hands to the report."""

    key: str
    rows: Sequence[Row] = ()
    gates: Sequence[Gate] = ()
    lesion: Mapping[str, Any] = field(default_factory=dict)
    curves: Mapping[str, Any] = field(default_factory=dict)
    clot: Mapping[str, Any] = field(default_factory=dict)
    ensemble: Mapping[str, Any] = field(default_factory=dict)
    """Of what members the rows' intervals are; empty for one run."""

    @property
    def failed(self) -> list[Gate]:
        """The gates that forbid showing any number."""
        return [gate for gate in self.gates if gate.state == "fail"]

    def row(self, name: str) -> Row | None:
        """The row called ``name``, or None."""
        return next((row for row in self.rows if row.name == name), None)

    def save(self, path: Path) -> None:
        """Write `metrics.json` under a temporary name and rename it when it is whole."""
        write_json(path, {"schema": SCHEMA, **asdict(self)})


def load(path: Path) -> Findings:
    """Read `metrics.json`. Raises `CaseError` where it is none."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        if table.pop("schema") != SCHEMA:
            raise KeyError("schema")
        rows = [Row(**row) for row in table.pop("rows")]
        gates = [Gate(**gate) for gate in table.pop("gates")]
        return Findings(rows=rows, gates=gates, **table)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CaseError(
            "this is no dvtwin metrics file of this version", where=str(path),
            do="run the measure stage again",
        ) from error


def write_json(path: Path, table: Mapping[str, Any]) -> None:
    """Write ``table`` as JSON, whole or not at all; NaN becomes null."""
    text = json.dumps(plain(table), indent=1, ensure_ascii=False, allow_nan=False)
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def plain(value: Any) -> Any:
    """``value`` of plain JSON types: arrays as lists, what is not finite as None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def shown(value: float, unit: str, shown_unit: str, limit: float | None = None) -> tuple[str, str]:
    """``value`` [``unit``] as text in ``shown_unit``: two digits, or all before the point.

    More digits where rounding would put the value on its ``limit``: "2.5" must not be flagged as
    above 2.5.
    """
    if not math.isfinite(value):
        return "–", ""
    number = from_si(value, unit, shown_unit)
    mark = None if limit is None else from_si(limit, unit, shown_unit)
    digits = 2
    while mark is not None and digits < 6 and value != limit and _rounded(number, digits) == mark:
        digits += 1
    least = 0.1 if shown_unit == "%" else 1e-3
    if number == 0:
        text = "0"
    elif abs(number) < least:
        text = f"< {least:g}" if number > 0 else f"> -{least:g}"
    else:
        places = max(0, digits - 1 - math.floor(math.log10(abs(_rounded(number, digits)))))
        text = f"{number:.{min(places, 6)}f}"
    pretty = shown_unit.replace("^2", "²").replace("^3", "³")
    return text.replace("-", "−"), "" if pretty == "1" else pretty


def _rounded(number: float, digits: int) -> float:
    if number == 0:
        return 0.0
    return round(number, max(0, digits - 1 - math.floor(math.log10(abs(number)))))
