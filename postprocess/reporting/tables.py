"""The lines of a report's tables: measurements, references, assumptions, provenance."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from core.errors import CaseError
from core.settings import Row as Setting
from core.store import Results
from core.units import from_si
from postprocess.findings import Findings, Row, shown
from postprocess.reporting.words import Words
from postprocess.thresholds import (
    BORDERLINE,
    HIGH,
    LOW,
    NO_RANGE,
    NONE,
    NOT_ASSESSABLE,
    NOT_RESOLVED,
    sources,
    thresholds,
)

Assumption = Setting | Mapping[str, Any]
GROUPS = ("lumen", "flow", "wall", "stasis", "clot")
"""Order of the groups of metrics on the page."""
MOST_SETTINGS = 60
MOST_ROWS = 12
"""Most measurements on the first page: more would push the sign-off from it."""
WHOLE = "whole model"
CONTEXT = frozenset({
    "context", "context_sha256", "haematocrit", "d_dimer", "d_dimer_units", "drugs",
})
KNOWN = frozenset({"pseudonym", "side", "sex", "age_band", "study", "date"}) | CONTEXT
"""All that a report may know of a patient."""
SHOWN = {
    "m": "mm", "m^2": "mm^2", "m^3": "mL", "m^3/s": "mL/min", "Pa s": "mPa s", "Pa*s": "mPa s",
}


def patient(table: Mapping[str, Any], words: Words) -> dict[str, str]:
    """Subject, person and subtitle of the header. Raises `CaseError` for anything else."""
    for name in table:
        if name not in KNOWN:
            raise CaseError(
                f"a report does not print {name!r} of a patient", where="[patient]",
                do=f"use only: {', '.join(sorted(KNOWN))}; never a name",
            )
    given = {k: str(v) for k, v in table.items() if v not in (None, "", "unknown")}
    side = {"left": "Left side", "right": "Right side", "both": "Both sides"}
    where = words(side[given["side"]]) if given.get("side") in side else ""
    sex = words(given["sex"].capitalize()) if "sex" in given else ""
    age = given.get("age_band", "").replace("-", "–")
    parts = [where, given.get("study", ""), given.get("date", "")]
    nothing = words("Side and study not given")
    return {
        "subject": given.get("pseudonym") or words("not given"),
        "person": " / ".join(part for part in (sex, age) if part) or words("not given"),
        "subtitle": " · ".join(part for part in parts if part) or nothing,
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


def first_page(rows: Iterable[Row]) -> list[Row]:
    """The rows of the first page: the brief ones, those with a flag first where they are many."""
    brief = [row for row in ordered(rows) if row.brief]
    kept = sorted(brief, key=lambda row: row.flag not in (HIGH, LOW, BORDERLINE))[:MOST_ROWS]
    return [row for row in brief if row in kept]


def line(row: Row, marks: Mapping[str, str], words: Words) -> dict[str, Any]:
    """One line of the table of measurements, as printed."""
    where = "; ".join(part for part in (row.site, row.note) if part) or WHOLE
    return {
        "label": words(row.label), "value": words(row.text), "interval": words(interval(row)),
        "site": words(where), "reference": words(row.reference), "flag": row.flag,
        "flag_text": words(row.flag), "ref": marks.get(row.source, "–"),
        "grey": row.flag in (NOT_ASSESSABLE, NOT_RESOLVED),
    }


def groups(
    rows: Sequence[Row], marks: Mapping[str, str], words: Words
) -> list[list[dict[str, Any]]]:
    """The further measurements that have a value, by group, in two columns of like length.

    A group's usual site stands in its heading, what differs as a remark beside its row.
    """
    columns: list[list[dict[str, Any]]] = [[], []]
    for group in GROUPS:
        members = [row for row in rows if row.group == group and row.flag != NOT_ASSESSABLE]
        sites = [row.site or WHOLE for row in members]
        if members:
            usual = max(sorted(set(sites)), key=sites.count)
            shorter = min(columns, key=lambda column: sum(len(g["rows"]) + 2 for g in column))
            shorter.append({
                "name": words(group.capitalize()), "site": words(usual),
                "rows": [
                    line(row, marks, words) | {"remark": _remark(row, usual, marks, words)}
                    for row in members
                ],
            })
    return columns


def _remark(row: Row, usual: str, marks: Mapping[str, str], words: Words) -> str:
    parts = []
    if row.flag not in (NONE, NOT_ASSESSABLE):
        parts.append(words(row.flag))
    if row.reference != NO_RANGE:
        parts.append(words(row.reference))
    if (row.site or WHOLE) != usual:
        parts.append(words(row.site or WHOLE))
    if row.note:
        parts.append(words(row.note))
    if row.source in marks:
        parts.append(marks[row.source])
    return "; ".join(parts)


def missing(rows: Iterable[Row], words: Words) -> list[str]:
    """What could not be measured, by reason."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.flag == NOT_ASSESSABLE:
            reasons.setdefault(row.note, []).append(words(row.label))
    return [f"{words(reason)}: {', '.join(labels)}." for reason, labels in reasons.items()]


def interval(row: Row) -> str:
    """The 95 % interval in the unit shown."""
    if row.low is None or row.high is None:
        return "not computed"
    unit = row.shown_unit.replace("²", "^2").replace("³", "^3") or "1"
    low, high = (shown(bound, row.unit, unit)[0] for bound in (row.low, row.high))
    return f"{low} – {high}" if "−" in low + high else f"{low}–{high}"


def marks(rows: Iterable[Row]) -> dict[str, str]:
    """R1, R2, … for the sources of ``rows``, in order of use."""
    used = dict.fromkeys(row.source for row in rows if row.source in sources())
    if "Metzger2016" in used:
        used["IVUS33"] = None
    return {source: f"R{number}" for number, source in enumerate(used, start=1)}


def references(numbered: Mapping[str, str]) -> list[list[str]]:
    """Mark and text of each source."""
    return [[mark, sources()[source] + "."] for source, mark in numbered.items()]


def limits_used(
    rows: Iterable[Row], numbered: Mapping[str, str], words: Words
) -> list[str]:
    """What each limit in the table stands for."""
    lines = []
    for row in rows:
        known = thresholds().get(row.name)
        if known is None:
            continue
        strength = known.strength
        for source, mark in numbered.items():
            strength = strength.replace(f"[{source}]", f"[{mark}]")
        said = "; ".join(map(words, (known.meaning, known.population, strength)))
        lines.append(f"{words(row.label)}: {said}.")
    return lines


def definitions(rows: Iterable[Row], words: Words) -> list[list[str]]:
    """Label and definition of each row, once for each definition."""
    return [[words(row.label), words(row.definition)] for row in rows if row.definition]


def assumptions(settings: Sequence[Assumption], words: Words) -> list[dict[str, str]]:
    """Settings with value, meaning and source; those that were set stand before the defaults."""
    tables = [vars(row) if isinstance(row, Setting) else dict(row) for row in settings]
    tables.sort(key=lambda table: bool(table.get("is_default", False)))
    lines = [_assumption(table, words) for table in tables[:MOST_SETTINGS]]
    if len(tables) > MOST_SETTINGS:
        more = f"{len(tables) - MOST_SETTINGS} more settings in the effective case"
        lines.append({"path": "…", "value": "", "meaning": words(more), "source": ""})
    return lines


def _assumption(table: Mapping[str, Any], words: Words) -> dict[str, str]:
    value, unit = table.get("value"), str(table.get("unit", "1"))
    values = value if isinstance(value, list | tuple) else [value]
    source = str(table.get("source", ""))
    if not source:
        source = words("default" if table.get("is_default") else "case")
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
    text = ", ".join(f"{from_si(float(v), unit, target):.4g}" for v in numbers)
    pretty = target.replace("^2", "²").replace("^3", "³")
    return text if pretty == "1" else f"{text} {pretty}"


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
        f"Mesh sha256 {_short(digest)} · {_thousands(len(results.cells()))} tetrahedra · "
        f"mass balance error {mass or 'not recorded'}",
    ]
    # names of files may tell whose they are: only what an input is for is printed
    others = [f"{name} {_short(entry.get('sha256', ''))}" for name, entry in inputs.items()]
    if others:
        lines.append("Inputs sha256: " + ", ".join(others))
    return lines


def _thousands(count: int) -> str:
    """``count`` in groups of three that every language reads as a whole number."""
    return f"{count:,}".replace(",", "\u00a0")


def _short(digest: Any) -> str:
    words = str(digest)
    return f"{words[:6]}…{words[-4:]}" if len(words) > 12 else words or "not recorded"
