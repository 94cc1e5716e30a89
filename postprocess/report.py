"""The report stage: metrics.json and results.h5 → figures/, report.json, report.pdf.

`report.json` holds every text of the PDF as it is printed, and under ``metrics`` the numbers; it
is embedded in the PDF. A run with a failed gate gets a one-page "no result" report instead.
"""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import GateFailed
from core.store import Results
from postprocess import figures, render, sentences, tables
from postprocess.findings import Findings, load, plain, write_json
from postprocess.inputs.openings import Openings
from postprocess.inputs.vessel import Vessel, text
from postprocess.sites import NotAssessable
from postprocess.tables import Assumption
from postprocess.typeset import typeset

SCHEMA = 1
AUTHOR = "dvtwin"
STATUS = "DRAFT – not signed"
NO_INTERVAL = (
    "No interval was computed: the values are those of one simulation. n/a: no accepted range."
)


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
) -> Path:
    """Write the report of a run into ``folder`` and return the path of the PDF.

    Raises `GateFailed` after a "no result" report was written, `CaseError` for a patient's table
    that holds more than a report may print.
    """
    found = load(metrics)
    shutil.rmtree(folder / "figures", ignore_errors=True)
    with Results(results) as file:
        record = file.record()
        document = _frame(found, file, record, title, patient, key, status)
        if found.failed:
            document |= _no_result(found)
        else:
            document |= _summary(found, file, folder, assumptions)
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
    """Show another ``status`` in the report of ``folder``; nothing else of it changes."""
    document = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    document["status"] = status
    document["band"] = [
        [name, status if name == "Status" else text] for name, text in document["band"]
    ]
    with Results(folder / "results.h5") as file:
        created = str(file.record()["created"])
    write_json(folder / "report.json", document)
    partial = folder / "report.pdf.partial"
    partial.write_bytes(typeset("summary", folder, created))
    partial.replace(folder / "report.pdf")


def _frame(
    found: Findings, results: Results, record: Mapping[str, Any], title: str,
    patient: Mapping[str, Any], key: str, status: str,
) -> dict[str, Any]:
    """What every report has: title, header band, gates, traceability."""
    who = tables.patient(patient)
    created = str(record["created"]).replace("T", " ")[:16] + " UTC"
    name = f"R-{key[:8].upper()}"
    return {
        "schema": SCHEMA, "author": AUTHOR, "title": title, "subtitle": who["subtitle"],
        "subject": who["subject"], "report": name, "created": created, "status": status,
        "band": [
            ["Subject", who["subject"]], ["Sex / age", who["person"]], ["Report", name],
            ["Created", created], ["Status", status],
        ],
        "gates": [vars(gate) for gate in found.gates],
        "provenance": [
            _held(line)
            for line in tables.provenance(found, results, record, key) + tables.context(patient)
        ],
    }


def _no_result(found: Findings) -> dict[str, Any]:
    count = len(found.failed)
    reason = "A check that must hold did not" if count == 1 else f"{count} checks did not hold"
    return {
        "reason": f"{reason}; its numbers are therefore neither shown nor stored.",
        "failed": [f"{gate.label}: {gate.text}." for gate in found.failed],
        "advice": sentences.advice(found),
    }


def _summary(
    found: Findings, results: Results, folder: Path, assumptions: Sequence[Assumption]
) -> dict[str, Any]:
    drawings = folder / "figures"
    drawings.mkdir(parents=True, exist_ok=True)
    drawn_by = render.picture(
        results, drawings / "vein.png",
        [render.Callout(point, words) for point, words in sentences.callouts(found)],
        heart=_heart(results),
    )
    brief = [row for row in tables.ordered(found.rows) if row.brief]
    rest = [row for row in tables.ordered(found.rows) if not row.brief]
    marks = tables.marks([*brief, *rest])
    flow = results.attributes("flow") if results.has("flow") else {}
    return {
        "findings": sentences.findings(found),
        "picture": {
            "file": "vein.png", "alt": sentences.picture(found), "drawn_by": drawn_by,
        },
        "plots": [vars(plot) for plot in _plots(found, results, drawings)],
        "intervals": any(row.low is not None for row in found.rows),
        "interval_note": NO_INTERVAL,
        "rows": [tables.line(row, marks) for row in brief],
        "further": [tables.line(row, marks) for row in rest],
        "limits": sentences.limits(found, _held(text(flow.get("viscosity", "")))),
        "references": tables.references(marks),
        "limits_used": tables.limits_used(found.rows, marks),
        "definitions": tables.definitions(brief),
        "assumptions": tables.assumptions(assumptions),
        "metrics": plain([vars(row) for row in found.rows]),
    }


def _held(words: str) -> str:
    """``words`` with each number held to its unit on one line."""
    return re.sub(r"(?<=\d) (?=[\w%])|(?<=Pa) (?=s\b)|(?<=<) (?=\d)", "\u00a0", words)


def _heart(results: Results) -> Any:
    """The mean direction of the centrelines, which run towards the heart; None without them."""
    if not results.has("sections/tangent") or not len(results.array("sections/tangent")):
        return None
    return results.array("sections/tangent").mean(axis=0)


def _plots(found: Findings, results: Results, folder: Path) -> list[figures.Plot]:
    """The plots that this run has data for, as high together as the picture beside them."""
    makers: list[tuple[float, Any]] = []
    if "branch" in found.lesion and "arc" in found.curves:
        makers.append((1.2, lambda height: figures.along(
            found.curves, found.lesion, found.clot, folder, height)))
    series = _cycle(results)
    if series is not None:
        makers.append((1.15, lambda height: figures.cycle(*series, folder, height)))
    if found.clot:
        makers.append((1.15, lambda height: figures.growth(found.clot, folder, height)))
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
