"""The report stage: metrics.json and results.h5 → figures/, report.json, .pdf, .html.

`report.json` holds every text of the PDF as it is printed, and under ``metrics`` the numbers; it
is embedded in the PDF. A run with a failed gate gets a one-page "no result" report instead.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import CaseError, GateFailed
from core.store import Results
from postprocess import ensemble as ensembles
from postprocess import viewer
from postprocess.findings import Findings, load, plain, write_json
from postprocess.inputs.openings import Openings
from postprocess.inputs.vessel import Vessel, text
from postprocess.pictures import figures, render, sensitivity_figure
from postprocess.pictures.look import printable
from postprocess.reporting import sentences, tables
from postprocess.reporting.tables import Assumption
from postprocess.reporting.typeset import sheet_words, typeset
from postprocess.reporting.words import Words, held
from postprocess.settings import ReportSettings
from postprocess.sites import NotAssessable

SCHEMA = 3
AUTHOR = "dvtwin"
STATUS = "DRAFT – not signed"
DEFAULT = ReportSettings()
NO_INTERVAL = (
    "No interval was computed: the values are those of one simulation. n/a: no accepted range."
)
ENSEMBLE = "Intervals: 95 % of an ensemble of simulations. n/a: no accepted range."


def write(
    metrics: Path,
    results: Path,
    folder: Path,
    *,
    title: str,
    patient: Mapping[str, Any],
    assumptions: Sequence[Assumption],
    key: str,
    status: str = STATUS,
    settings: ReportSettings = DEFAULT,
) -> Path:
    """Write the report of a run into ``folder`` and return the path of the PDF.

    Raises `GateFailed` after a "no result" report was written, `CaseError` for a patient's table
    that holds more than a report may print.
    """
    found = load(metrics)
    ensemble = ensembles.of(folder, found)
    found = ensembles.with_intervals(found, ensemble)
    words = Words(settings.language)
    printable(title, *map(str, patient.values()))
    shutil.rmtree(folder / "figures", ignore_errors=True)
    (folder / "report.html").unlink(missing_ok=True)
    with Results(results) as file:
        record = file.record()
        document = _frame(found, file, record, title, patient, key, status, words)
        if found.failed:
            document |= _no_result(found, words)
        else:
            document |= _summary(found, file, folder, assumptions, words)
            document |= _uncertainty(found, ensemble, folder, words)
            viewer.write(
                document, file, folder / "report.html", sentences.callouts(found), words
            )
    # a report without a result carries no key, so that it never counts as up to date
    document["key"] = None if found.failed else key
    write_json(folder / "report.json", document)
    template = "no_result" if found.failed else "summary"
    pdf = folder / "report.pdf"
    partial = folder / "report.pdf.partial"
    partial.write_bytes(typeset(template, folder, str(record["created"])))
    partial.replace(pdf)
    if found.failed:
        worst = found.failed[0]
        raise GateFailed(
            f"no result: {worst.label}: {worst.text}", where=str(pdf),
            do=sentences.advice(found)[0],
        )
    return pdf


def restate(folder: Path, status: str) -> None:
    """Show another ``status`` in the report of ``folder``; nothing else of it changes.

    Raises `CaseError` for a report of another version of the program.
    """
    document = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    if document["schema"] != SCHEMA:
        raise CaseError(
            "this report was made by another version of the program", where=str(folder),
            do=f"make it again: dvtwin report {folder}",
        )
    words = Words(document["language"])
    document["status"] = status
    document["band"] = [
        [name, words(status) if name == words("Status") else text]
        for name, text in document["band"]
    ]
    with Results(folder / "results.h5") as file:
        created = str(file.record()["created"])
        found = load(folder / "metrics.json")
        viewer.write(document, file, folder / "report.html", sentences.callouts(found), words)
    write_json(folder / "report.json", document)
    partial = folder / "report.pdf.partial"
    partial.write_bytes(typeset("summary", folder, created))
    partial.replace(folder / "report.pdf")


def _frame(
    found: Findings, results: Results, record: Mapping[str, Any], title: str,
    patient: Mapping[str, Any], key: str, status: str, words: Words,
) -> dict[str, Any]:
    """What every report has: title, header band, gates, traceability, the words of the page."""
    who = tables.patient(patient, words)
    created = str(record["created"]).replace("T", " ")[:16] + " UTC"
    name = f"R-{key[:8].upper()}"
    return {
        "schema": SCHEMA, "author": AUTHOR, "language": words.language,
        "title": title, "subtitle": who["subtitle"],
        "subject": who["subject"], "report": name, "created": created, "status": status,
        "band": [
            [words(label), text] for label, text in (
                ("Subject", who["subject"]), ("Sex / age", who["person"]), ("Report", name),
                ("Created", created), ("Status", words(status)),
            )
        ],
        "words": {text: words(text) for text in sheet_words()},
        "gates": [
            {"name": gate.name, "label": words(gate.label), "text": words(gate.text),
             "state": gate.state, "state_text": words(gate.state)}
            for gate in found.gates
        ],
        "provenance": [
            held(words(line))
            for line in tables.provenance(found, results, record, key) + tables.context(patient)
        ],
    }


def _no_result(found: Findings, words: Words) -> dict[str, Any]:
    count = len(found.failed)
    reason = "A check that must hold did not" if count == 1 else f"{count} checks did not hold"
    return {
        "reason": words(f"{reason}; its numbers are therefore neither shown nor stored."),
        "failed": [f"{words(gate.label)}: {words(gate.text)}." for gate in found.failed],
        "advice": [words(line) for line in sentences.advice(found)],
    }


def _summary(
    found: Findings, results: Results, folder: Path, assumptions: Sequence[Assumption],
    words: Words,
) -> dict[str, Any]:
    drawings = folder / "figures"
    drawings.mkdir(parents=True, exist_ok=True)
    drawn_by = render.picture(
        results, drawings / "vein.png",
        [render.Callout(*mark) for mark in sentences.callouts(found)],
        planes=sentences.planes(found), heart=_heart(results), words=words,
    )
    brief = tables.first_page(found.rows)
    rest = [row for row in tables.ordered(found.rows) if row not in brief]
    marks = tables.marks([*brief, *rest])
    flow = results.attributes("flow") if results.has("flow") else {}
    has_intervals = any(row.low is not None for row in found.rows)
    return {
        "findings": [words(line) for line in sentences.findings(found)],
        "picture": {
            "file": "vein.png", "alt": words(sentences.picture(found)), "drawn_by": drawn_by,
        },
        "plots": [vars(plot) for plot in _plots(found, results, drawings, words)],
        "intervals": has_intervals,
        "interval_note": words(ENSEMBLE if has_intervals else NO_INTERVAL),
        "rows": [tables.line(row, marks, words) for row in brief],
        "further": tables.groups(rest, marks, words),
        "missing": tables.missing(rest, words),
        "limits": [
            words(line) for line in sentences.limits(found, text(flow.get("viscosity", "")))
        ],
        "references": tables.references(marks),
        "limits_used": tables.limits_used(found.rows, marks, words),
        "definitions": tables.definitions(brief, words),
        "assumptions": tables.assumptions(assumptions, words),
        "metrics": plain([vars(row) for row in found.rows]),
    }


def _uncertainty(
    found: Findings, ensemble: ensembles.Ensemble | None, folder: Path, words: Words
) -> dict[str, Any]:
    """What an ensemble and a comparison of scenarios add to the second page, if there are any."""
    drawn = None
    if ensemble is not None and found.ensemble:
        drawn = sensitivity_figure.bars(found, ensemble, folder / "figures", words)
    return {
        "sureness": [words(line) for line in ensembles.sentences(found, ensemble)],
        "sensitivity": None if drawn is None else vars(drawn),
        "comparison": comparison_of(folder, found.key, words.language),
    }


def comparison_of(folder: Path, key: str, language: str) -> dict[str, Any] | None:
    """The comparison in ``folder``/comparison that was made from this run, in this language; its
    figures are copied. None where there is none.
    """
    place = folder / "comparison"
    try:
        table = json.loads((place / "report.json").read_text(encoding="utf-8"))
        if table["key"] != key or table["language"] != language:
            return None
        for plot in table["plots"]:
            shutil.copyfile(place / "figures" / plot["file"], folder / "figures" / plot["file"])
    except (OSError, ValueError, KeyError):
        return None
    return {name: table[name] for name in ("tables", "note", "plots", "ranking", "failed")}


def _heart(results: Results) -> Any:
    """The mean direction of the centrelines, which run towards the heart; None without them."""
    if not results.has("sections/tangent") or not len(results.array("sections/tangent")):
        return None
    return results.array("sections/tangent").mean(axis=0)


def _plots(
    found: Findings, results: Results, folder: Path, words: Words
) -> list[figures.Plot]:
    """The plots that this run has data for, as high together as the picture beside them."""
    makers: list[tuple[float, Any]] = []
    if "branch" in found.lesion and "arc" in found.curves:
        makers.append((1.2, lambda height: figures.along(
            found.curves, found.lesion, found.clot, folder, height, words)))
    series = _cycle(results)
    if series is not None:
        makers.append((1.15, lambda height: figures.cycle(*series, folder, height, words)))
    if found.clot:
        makers.append((1.15, lambda height: figures.growth(found.clot, folder, height, words)))
    room = 3.9 - 0.27 * max(0, len(makers) - 1)
    share = sum(weight for weight, _ in makers)
    return [make(min(1.6, room * weight / share)) for weight, make in makers]


def _cycle(results: Results) -> tuple[Any, dict[str, Any], Any] | None:
    """Time, flow rates by opening and pressure loss over the last cycle, if there is a series."""
    openings = Openings(Vessel(results))
    try:
        last, names = openings.last_cycle, openings.series_names
        if last.sum() < 3:
            return None
        time = results.array("flow/series/time")[last]
        flow = results.array("flow/series/flow_rate")[last]
        pressure = results.array("flow/series/pressure")[last]
    except (NotAssessable, KeyError):
        return None
    inlets, outlets = openings.inlet_names, openings.outlet_names
    if not inlets or not outlets:
        return None
    column = names.index
    flows = {f"{n} (in)": -flow[:, column(n)] for n in inlets}
    flows |= {f"{n} (out)": flow[:, column(n)] for n in outlets}
    loss = pressure[:, [column(n) for n in inlets]].mean(axis=1)
    loss = loss - pressure[:, [column(n) for n in outlets]].mean(axis=1)
    step = float(np.median(np.diff(time)))
    return time - time[0] + step, flows, loss
