"""Scenarios or visits side by side: several `metrics.json` → a table, a figure and a page.

The first run is the one that the others are compared with. A change is given where both values may
be shown and were taken at the same place: the planes of a mesh that was made anew lie elsewhere.
Intervals are those of ensembles; those of changes come from members that share their inputs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postprocess.ensemble import Ensemble, beyond, with_intervals, withheld
from postprocess.findings import Findings, Row, load, shown, write_json
from postprocess.pictures import comparison_figures
from postprocess.pictures.look import printable
from postprocess.reporting import tables
from postprocess.reporting.ranking import Option, lines
from postprocess.reporting.report import AUTHOR, DEFAULT, STATUS
from postprocess.reporting.typeset import sheet_words, typeset
from postprocess.reporting.words import Words
from postprocess.settings import ReportSettings
from postprocess.sites import NAMED
from postprocess.thresholds import NONE

SCHEMA = 1
NO_ENSEMBLES: Mapping[str, Ensemble] = {}
MOST_COLUMNS = 4
"""Most runs beside the first one in one table; more make another table."""
ELSEWHERE, NO_RESULT = "measured at another place", "no result"


@dataclass(frozen=True)
class Run:
    """One scenario or visit: what it is called, what was measured, and its ensemble if it has one,
    under whose ``change`` stand the paired differences from the first run.
    """

    name: str
    found: Findings
    ensemble: Ensemble | None = None


@dataclass(frozen=True)
class Order:
    """By which metric options are put in order, the paired ``duels`` of neighbours in it, and the
    names of ``conditions``: runs that are no options to choose.
    """

    metric: str
    duels: Sequence[Mapping[str, Any]] = ()
    conditions: Sequence[str] = ()


def write(
    metrics: Mapping[str, Path], folder: Path, *, title: str, patient: Mapping[str, Any],
    created: str, settings: ReportSettings = DEFAULT,
    ensembles: Mapping[str, Ensemble] = NO_ENSEMBLES, order: Order | None = None,
) -> Path:
    """Write report.json, figures and comparison.pdf of the runs in ``metrics`` (name → file).

    ``created`` (ISO 8601, UTC) is the date of the page. Raises `CaseError`.
    """
    words = Words(settings.language)
    printable(title, *metrics, *map(str, patient.values()))
    runs = [_run(name, path, ensembles.get(name)) for name, path in metrics.items()]
    who = tables.patient(patient, words)
    drawings = folder / "figures"
    drawings.mkdir(parents=True, exist_ok=True)
    when = created.replace("T", " ")[:16] + " UTC"
    write_json(folder / "report.json", {
        "schema": SCHEMA, "author": AUTHOR, "language": words.language, "title": title,
        "subtitle": who["subtitle"], "subject": who["subject"], "report": words("Comparison"),
        "created": when, "status": STATUS, "key": runs[0].found.key,
        "band": [
            [words("Subject"), who["subject"]], [words("Sex / age"), who["person"]],
            [words("Created"), when], [words("Status"), words(STATUS)],
        ],
        "words": {text: words(text) for text in sheet_words()},
        "tables": tabled(runs, words), "gates": [],
        "note": words(_note(runs)),
        "ranking": [words(line) for line in _ranked(runs, order)],
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


def _run(name: str, path: Path, ensemble: Ensemble | None) -> Run:
    return Run(name, with_intervals(load(path), ensemble), ensemble)


def _ranked(runs: Sequence[Run], order: Order | None) -> list[str]:
    if order is None:
        return []
    options = {
        run.name: Option(run.name, run.found, run.ensemble)
        for run in runs if run.name not in order.conditions
    }
    said = lines(options, order.metric, order.duels)
    if order.conditions:
        names = ", ".join(order.conditions)
        said.insert(-1, f"Not put in order, for they are conditions and no choice: {names}.")
    return said


def _note(runs: Sequence[Run]) -> str:
    paired = [run for run in runs if run.ensemble is not None and not withheld(run.ensemble)]
    if not paired or paired[0].ensemble is None:
        return "Each option was computed once: no interval is known."
    return (
        f"In brackets 95 % of the members of an ensemble ({paired[0].ensemble['members']} each); "
        "changes from members that share their inputs."
    )


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
        return {"value": "–", "interval": "", "change": words(reason), "flag": "",
                "grey": True, "beyond": ""}
    interval = "" if row.low is None else words(tables.interval(row))
    return {
        "value": words(row.text), "interval": interval, "flag": row.flag, "grey": not row.is_shown,
        "change": words(_change(run, base, row)) if base else words(_flag(row)),
        "beyond": words(_beyond(run, row)),
    }


def _beyond(run: Run, row: Row) -> str:
    """How many members are beyond the limit."""
    if row.low is None or run.ensemble is None:
        return ""
    counted = beyond(row.name, run.ensemble["values"].get(row.name, []))
    return f"{counted[0]} of {counted[1]} past the limit" if counted else ""


def _flag(row: Row) -> str:
    return row.flag if row.flag != NONE else ""


def _change(run: Run, base: Run, row: Row) -> str:
    before = base.found.row(row.name)
    if not row.is_shown or row.value is None:
        return row.flag
    if before is None or not before.is_shown or before.value is None:
        return _flag(row)
    if row.site and not same_place(run.found.lesion, base.found.lesion):
        return ELSEWHERE
    unit = row.shown_unit.replace("²", "^2").replace("³", "^3") or "1"
    text, _ = shown(row.value - before.value, row.unit, unit)
    sign = "+" if row.value > before.value and text[0].isdigit() else ""
    # a change of a percentage is no percentage of a change
    said = "points" if unit == "%" else row.shown_unit
    spread = _spread(run, row, unit)
    return "; ".join(filter(None, [f"{sign}{text} {said}".strip() + spread, _flag(row)]))


def _spread(run: Run, row: Row, unit: str) -> str:
    """The 95 % interval of the change over pairs of members."""
    known = (run.ensemble or {}).get("change", {}).get(row.name)
    if known is None or row.low is None:
        return ""
    low, high = (shown(known[end], row.unit, unit)[0] for end in ("low", "high"))
    return f" ({low} to {high})"


def same_place(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two runs were measured around the same place, to 5 mm."""
    if one.get("branch") != other.get("branch"):
        return False
    return abs(float(one.get("arc", 0.0)) - float(other.get("arc", 0.0))) <= NAMED
