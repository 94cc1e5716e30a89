"""The measure stage: results.h5 → metrics.json."""

import math
import re
from pathlib import Path
from typing import Any

import numpy as np

from core.store import Results
from postprocess import gates as checks
from postprocess.findings import Findings, Row, shown
from postprocess.inputs import Inputs
from postprocess.metrics import Metric, metrics
from postprocess.settings import MeasureSettings, Place
from postprocess.sites import NotAssessable
from postprocess.thresholds import (
    NO_RANGE,
    NOT_ASSESSABLE,
    NOT_RESOLVED,
    judge,
    thresholds,
)

__all__ = ["MeasureSettings", "Place", "measure"]
SENSITIVITY = (0.3, 0.7)
"""Clot fractions at which the clot's volume is shown beside that at one half."""


def measure(results: Path, out: Path, settings: MeasureSettings, *, key: str) -> None:
    """Write `metrics.json` of a run. No number is computed where a gate fails."""
    with Results(results) as file:
        inputs = Inputs(file, settings)
        found = checks.gates(inputs)
        if any(gate.state == checks.FAIL for gate in found):
            Findings(key, gates=found).save(out)
            return
        resolved = checks.clot_resolved(found)
        Findings(
            key, rows=rows(inputs, resolved=resolved), gates=found,
            lesion=lesion(inputs), curves=curves(inputs), clot=clot(inputs, resolved=resolved),
        ).save(out)


def rows(inputs: Inputs, *, resolved: bool) -> list[Row]:
    """Every metric of the run; clot metrics only where a clot was grown."""
    grown = inputs.clot.has_clot
    chosen = [m for m in metrics().values() if grown or m.group != "clot"]
    return [row for m in chosen for row in _rows(m, inputs, resolved=resolved)]


def _rows(m: Metric, inputs: Inputs, *, resolved: bool) -> list[Row]:
    try:
        values = np.atleast_1d(m(*(inputs.get(name) for name in m.needs)))
        site = str(inputs.get(m.site)) if m.site else ""
        parts = list(inputs.get(m.each)) if m.each else [""]
    except NotAssessable as reason:
        return [_missing(m, str(reason))]
    segment, made = _segment(inputs), []
    for part, value in zip(parts, values, strict=True):
        made.append(_row(m, part, float(value), site, segment))
    if m.group == "clot" and not resolved:
        return [_unresolved(row) for row in made]
    return [_with_note(row, inputs) for row in made]


def _segment(inputs: Inputs) -> str:
    try:
        return str(inputs.get("segment_code"))
    except NotAssessable:
        return ""


def _row(m: Metric, part: str, value: float, site: str, segment: str) -> Row:
    name = f"{m.name}_{re.sub(r'\W+', '_', part)}" if part else m.name
    if not math.isfinite(value):
        return _missing(m, "the value is not a number", name=name)
    known = thresholds().get(m.name)
    text, unit = shown(value, m.unit, m.shown_unit, known.limit if known else None)
    verdict = judge(m.name, value, segment=segment)
    return Row(
        name, m.label.replace("{part}", part.replace("_", " ")), value, m.unit, text, unit,
        verdict.flag, verdict.reference, verdict.source or m.source, site=site, group=m.group,
        brief=m.brief, definition=m.definition,
    )


def _missing(m: Metric, reason: str, *, name: str = "") -> Row:
    known = thresholds().get(m.name)
    return Row(
        name or m.name, m.label.replace("{part}", "each"), None, m.unit, "–", "", NOT_ASSESSABLE,
        known.text if known else NO_RANGE, known.source if known else m.source, note=reason,
        group=m.group, brief=m.brief, definition=m.definition,
    )


def _unresolved(row: Row) -> Row:
    if row.value is None:
        return row
    return Row(**{**vars(row), "flag": NOT_RESOLVED, "note": ""})


def _with_note(row: Row, inputs: Inputs) -> Row:
    """The row with what a reader must know about it."""
    if row.name == "clot_volume_0.5":
        low, high = (shown(float(inputs.clot.clot_volumes_at(level)[-1]), "m^3", "mL")[0]
                     for level in reversed(SENSITIVITY))
        return Row(**{**vars(row), "note": f"{low}–{high} mL at > 0.7 to > 0.3"})
    if row.name in ("reference_area", "area_stenosis", "diameter_stenosis"):
        return Row(**{**vars(row), "note": inputs.narrowing.reference_note})
    return row


def lesion(inputs: Inputs) -> dict[str, Any]:
    """The measuring sites for the picture and the plots; empty where there is no centreline."""
    narrowing = inputs.narrowing
    try:
        site = narrowing.lesion
    except NotAssessable as reason:
        return {"why": str(reason)}
    table: dict[str, Any] = {
        "branch": site.branch, "arc": site.arc, "point": site.point, "text": str(site),
        "narrowed": narrowing.is_narrowed, "named": narrowing.settings.lesion is not None,
        "region": inputs.region.region, "planes": {}, "segment": _segment(inputs),
        "segment_name": inputs.get("lesion_segment").name,
        "segments": [
            {"branch": branch, "name": name, "point": _middle(inputs, branch)}
            for branch, name in zip(inputs.branches.segments, inputs.branches.branch_names,
                                    strict=True)
        ],
    }
    for name in ("plane_peripheral", "plane_central"):
        try:
            table["planes"][name] = vars(narrowing.tree.site(getattr(narrowing, name)))
        except NotAssessable as reason:
            table["planes"][name] = {"why": str(reason)}
    try:
        arcs = narrowing.planes.arc[narrowing.reference_planes]
        table["reference"] = {"from": float(arcs.min()), "to": float(arcs.max())}
    except NotAssessable:
        pass
    return table


def _middle(inputs: Inputs, branch: str) -> Any:
    planes = inputs.narrowing.planes
    on = np.flatnonzero(planes.branch == branch)
    return planes.centre[on[len(on) // 2]]


def curves(inputs: Inputs) -> dict[str, Any]:
    """The numbers of every centreline plane."""
    try:
        planes, measured = inputs.narrowing.planes, inputs.narrowing.curves
    except NotAssessable as reason:
        return {"reason": str(reason)}
    return {"branch": [str(name) for name in planes.branch], "arc": planes.arc, **vars(measured)}


def clot(inputs: Inputs, *, resolved: bool) -> dict[str, Any]:
    """The clot's volume at the stored growth times, and where it closes the lumen most."""
    part = inputs.clot
    if not part.has_clot:
        return {}
    table: dict[str, Any] = {
        "resolved": resolved, "time": inputs.results.array("clot/time"),
        "volume": part.clot_volumes,
        "volume_low": part.clot_volumes_at(SENSITIVITY[1]),
        "volume_high": part.clot_volumes_at(SENSITIVITY[0]),
    }
    for name, value in (("point", "clot_point"), ("text", "clot_site")):
        try:
            found = inputs.get(value)
        except NotAssessable:
            continue
        table[name] = str(found) if name == "text" else found
    return table


