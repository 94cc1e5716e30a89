"""The lines of a report's tables: measurements, references, assumptions, provenance."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.errors import CaseError
from core.settings import Row as Setting
from core.store import Results
from core.units import from_si
from postprocess.findings import Findings, Row
from postprocess.thresholds import (
    NOT_ASSESSABLE,
    NOT_RESOLVED,
    sources,
    thresholds,
)

Assumption = Setting | Mapping[str, Any]
GROUPS = ("flow", "wall", "stasis", "clot")
"""Order of the groups of metrics on the page."""
MOST_SETTINGS = 60
CONTEXT = frozenset({
    "context", "context_sha256", "haematocrit", "d_dimer", "d_dimer_units", "drugs",
})
KNOWN = frozenset({"pseudonym", "side", "sex", "age_band", "study", "date"}) | CONTEXT
"""All that a report may know of a patient."""
SHOWN = {
    "m": "mm", "m^2": "mm^2", "m^3": "mL", "m^3/s": "mL/min", "Pa s": "mPa s", "Pa*s": "mPa s",
}


def patient(table: Mapping[str, Any]) -> dict[str, str]:
    """Subject, person and subtitle of the header. Raises `CaseError` for anything else."""
    for name in table:
        if name not in KNOWN:
            raise CaseError(
                f"a report does not print {name!r} of a patient", where="[patient]",
                do=f"use only: {', '.join(sorted(KNOWN))}; never a name",
            )
    given = {k: str(v) for k, v in table.items() if v not in (None, "", "unknown")}
    side = {"left": "Left side", "right": "Right side", "both": "Both sides"}
    parts = [side.get(given.get("side", ""), ""), given.get("study", ""), given.get("date", "")]
    sex, age = given.get("sex", "").capitalize(), given.get("age_band", "").replace("-", "–")
    return {
        "subject": given.get("pseudonym", "not given"),
        "person": " / ".join(part for part in (sex, age) if part) or "not given",
        "subtitle": " · ".join(part for part in parts if part) or "Side and study not given",
    }


def context(table: Mapping[str, Any]) -> list[str]:
    """One line of what else is known of the patient; none where nothing is."""
    parts = []
    if table.get("haematocrit"):
        parts.append(f"haematocrit {100 * table['haematocrit']:.3g} %")
    if table.get("d_dimer") is not None:
        units = table.get("d_dimer_units") or "(units not told)"
        parts.append(f"D-dimer {from_si(table['d_dimer'], 'kg/m^3', 'mg/L'):.3g} mg/L {units}")
    parts += table.get("drugs") or []
    return [f"Patient, as recorded: {', '.join(parts)}"] if parts else []


def ordered(rows: Iterable[Row]) -> list[Row]:
    """Rows by group as on the page."""
    return sorted(rows, key=lambda row: GROUPS.index(row.group) if row.group in GROUPS else 9)


def line(row: Row, marks: Mapping[str, str]) -> dict[str, Any]:
    """One line of the table of measurements, as printed."""
    where = "; ".join(part for part in (row.site, row.note) if part) or "whole model"
    return {
        "label": row.label, "value": row.text, "interval": _interval(row), "site": where,
        "reference": row.reference, "flag": row.flag, "ref": marks.get(row.source, "–"),
        "grey": row.flag in (NOT_ASSESSABLE, NOT_RESOLVED),
    }


def _interval(row: Row) -> str:
    if row.low is None or row.high is None:
        return "not computed"
    return f"{row.low:.2g}–{row.high:.2g}"


def marks(rows: Iterable[Row]) -> dict[str, str]:
    """R1, R2, … for the sources of ``rows``, in order of use."""
    used = dict.fromkeys(row.source for row in rows if row.source in sources())
    if "Metzger2016" in used:
        used["IVUS33"] = None
    return {source: f"R{number}" for number, source in enumerate(used, start=1)}


def references(numbered: Mapping[str, str]) -> list[list[str]]:
    """Mark and text of each source."""
    return [[mark, sources()[source] + "."] for source, mark in numbered.items()]


def limits_used(rows: Iterable[Row], numbered: Mapping[str, str]) -> list[str]:
    """What each limit in the table stands for."""
    lines = []
    for row in rows:
        known = thresholds().get(row.name)
        if known is None:
            continue
        words = f"{row.label}: {known.meaning}; {known.population}; {known.strength}."
        for source, mark in numbered.items():
            words = words.replace(f"[{source}]", f"[{mark}]")
        lines.append(words)
    return lines


def definitions(rows: Iterable[Row]) -> list[list[str]]:
    """Label and definition of each row, once for each definition."""
    return [[row.label, row.definition] for row in rows if row.definition]


def assumptions(settings: Sequence[Assumption]) -> list[dict[str, str]]:
    """Settings with value, meaning and source; those that were set stand before the defaults."""
    tables = [vars(row) if isinstance(row, Setting) else dict(row) for row in settings]
    tables.sort(key=lambda table: bool(table.get("is_default", False)))
    lines = [_assumption(table) for table in tables[:MOST_SETTINGS]]
    if len(tables) > MOST_SETTINGS:
        more = f"{len(tables) - MOST_SETTINGS} more settings in the effective case"
        lines.append({"path": "…", "value": "", "meaning": more, "source": ""})
    return lines


def _assumption(table: Mapping[str, Any]) -> dict[str, str]:
    value, unit = table.get("value"), str(table.get("unit", "1"))
    values = value if isinstance(value, list | tuple) else [value]
    source = str(table.get("source", ""))
    if not source:
        source = "default" if table.get("is_default") else "case"
    return {
        "path": str(table.get("path", "")), "value": _quantity(values, unit),
        "meaning": str(table.get("meaning", "")), "source": source,
    }


def _quantity(values: Sequence[Any], unit: str) -> str:
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) != len(values):
        return ", ".join(str(v) for v in values)
    target = SHOWN.get(unit, unit)
    if unit == "s" and max(map(abs, numbers), default=0) >= 7200:
        target = "h"
    shown = ", ".join(f"{from_si(float(v), unit, target):.4g}" for v in numbers)
    pretty = target.replace("^2", "²").replace("^3", "³")
    return shown if pretty == "1" else f"{shown} {pretty}"


def provenance(
    found: Findings, results: Results, record: Mapping[str, Any], key: str
) -> list[str]:
    """The lines that lead from the page back to the run."""
    mesh = results.attributes("mesh") if results.has("mesh") else {}
    inputs: Mapping[str, Any] = record.get("inputs", {})
    digest = str(mesh.get("sha256", inputs.get("mesh", {}).get("sha256", "")))
    mass = next((gate.text for gate in found.gates if gate.name == "mass_balance"), "")
    lines = [
        f"Run {record.get('created', 'unknown')} · key {key[:12]} · "
        f"{record.get('ranks', 1)} ranks",
        f"Program commit {record.get('commit', 'unknown')} · "
        f"source sha256 {_short(record.get('code', ''))}",
        f"Mesh sha256 {_short(digest)} · {len(results.cells()):,} tetrahedra · "
        f"mass balance error {mass or 'not recorded'}",
    ]
    # names of files may tell whose they are: only what an input is for is printed
    others = [f"{name} {_short(entry.get('sha256', ''))}" for name, entry in inputs.items()]
    if others:
        lines.append("Inputs sha256: " + ", ".join(others))
    return lines


def _short(digest: Any) -> str:
    words = str(digest)
    return f"{words[:6]}…{words[-4:]}" if len(words) > 12 else words or "not recorded"
