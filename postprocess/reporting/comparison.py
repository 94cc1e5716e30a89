"""Scenarios or visits side by side: several `metrics.json` → comparison.json and a page.

The first run is the one that the others are compared with. A change is given where both values may
be shown and were taken at the same place: the planes of a mesh that was made anew lie elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postprocess.findings import Findings, Row, load, shown, write_json
from postprocess.pictures import comparison_figures
from postprocess.pictures.look import printable
from postprocess.reporting import tables
from postprocess.reporting.report import AUTHOR, DEFAULT, STATUS
from postprocess.reporting.typeset import sheet_words, typeset
from postprocess.reporting.words import Words
from postprocess.settings import ReportSettings
from postprocess.sites import NAMED
from postprocess.thresholds import NONE

SCHEMA = 1
MOST_COLUMNS = 4
"""Most runs beside the first one in one table; more make another table."""
ELSEWHERE, NO_RESULT = "measured at another place", "no result"


@dataclass(frozen=True)
class Run:
    """One scenario or visit: what it is called and what was measured."""

    name: str
    found: Findings


def write(
    metrics: Mapping[str, Path], folder: Path, *, title: str, patient: Mapping[str, Any],
    created: str, settings: ReportSettings = DEFAULT,
) -> Path:
    """Write report.json, figures and comparison.pdf of the runs in ``metrics`` (name → file).

    ``created`` (ISO 8601, UTC) is the date of the page. Raises `CaseError`.
    """
    words = Words(settings.language)
    printable(title, *metrics, *map(str, patient.values()))
    runs = [Run(name, load(path)) for name, path in metrics.items()]
    who = tables.patient(patient, words)
    drawings = folder / "figures"
    drawings.mkdir(parents=True, exist_ok=True)
    when = created.replace("T", " ")[:16] + " UTC"
    write_json(folder / "report.json", {
        "schema": SCHEMA, "author": AUTHOR, "language": words.language, "title": title,
        "subtitle": who["subtitle"], "subject": who["subject"], "report": words("Comparison"),
        "created": when, "status": STATUS,
        "band": [
            [words("Subject"), who["subject"]], [words("Sex / age"), who["person"]],
            [words("Created"), when], [words("Status"), words(STATUS)],
        ],
        "words": {text: words(text) for text in sheet_words()},
        "tables": tabled(runs, words), "gates": [],
        "plots": [vars(plot) for plot in comparison_figures.plots(
            [(run.name, run.found) for run in runs], drawings, words)],
        "failed": [
            f"{run.name}: {words(gate.label)}: {words(gate.text)}."
            for run in runs for gate in run.found.failed
        ],
        "provenance": [f"{run.name}: {run.found.key[:12]}" for run in runs],
    })
    pdf = folder / "comparison.pdf"
    pdf.write_bytes(typeset("comparison", folder, created))
    return pdf


def tabled(runs: Sequence[Run], words: Words) -> list[dict[str, Any]]:
    """Tables of the first page's measurements: the first run, then at most four others."""
    base, others = runs[0], list(runs[1:])
    made = []
    for start in range(0, max(len(others), 1), MOST_COLUMNS):
        part = others[start : start + MOST_COLUMNS]
        made.append({
            "names": [base.name, *(run.name for run in part)],
            "rows": [
                {"label": words(label), "cells": [_cell(base, None, name, words), *(
                    _cell(run, base, name, words) for run in part)]}
                for name, label in _rows(runs)
            ],
        })
    return made


def _rows(runs: Sequence[Run]) -> list[tuple[str, str]]:
    """Name and label of what is compared: what stands on a first page in any of the runs."""
    every = [row for run in runs for row in tables.ordered(run.found.rows) if row.brief]
    return list({row.name: (row.name, row.label) for row in every}.values())


def _cell(run: Run, base: Run | None, name: str, words: Words) -> dict[str, Any]:
    row = run.found.row(name)
    if run.found.failed or row is None:
        reason = NO_RESULT if run.found.failed else "not computed"
        return {"value": "–", "interval": "", "change": words(reason), "flag": "", "grey": True}
    interval = "" if row.low is None else words(tables.interval(row))
    return {
        "value": words(row.text), "interval": interval, "flag": row.flag, "grey": not row.is_shown,
        "change": words(_change(run, base, row)) if base else words(_flag(row)),
    }


def _flag(row: Row) -> str:
    return row.flag if row.flag != NONE else ""


def _change(run: Run, base: Run, row: Row) -> str:
    before = base.found.row(row.name)
    if not row.is_shown or row.value is None:
        return row.flag
    if before is None or not before.is_shown or before.value is None:
        return _flag(row)
    if row.site and not _same_place(run.found.lesion, base.found.lesion):
        return ELSEWHERE
    unit = row.shown_unit.replace("²", "^2").replace("³", "^3") or "1"
    text, _ = shown(row.value - before.value, row.unit, unit)
    sign = "+" if row.value > before.value and text[0].isdigit() else ""
    # a change of a percentage is no percentage of a change
    said = "points" if unit == "%" else row.shown_unit
    return "; ".join(filter(None, [f"{sign}{text} {said}".strip(), _flag(row)]))


def _same_place(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two runs were measured around the same place, to 5 mm."""
    if one.get("branch") != other.get("branch"):
        return False
    return abs(float(one.get("arc", 0.0)) - float(other.get("arc", 0.0))) <= NAMED
