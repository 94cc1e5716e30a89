"""An ensemble beside a run: `ensemble.json` in its folder, and what it adds to its findings.

    ensemble.json   schema, key (of the run's metrics.json), design, members, sound, missing,
                    varied, intervals {metric: low, median, high, count}, values {metric: members},
                    sensitivity {metric: effects, measure, count, explained}, clot, control

Intervals are shown where at least 30 members have the number, and at most a tenth of the members
is missing: what is missing may be what lies outside.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from postprocess.findings import Findings, Row
from postprocess.pictures.figures import LEAST_MEMBERS
from postprocess.thresholds import judge, thresholds

SCHEMA = 1
FILE = "ensemble.json"
MOST_MISSING = 0.1
"""Largest share of missing members."""

Ensemble = Mapping[str, Any]


def of(folder: Path, found: Findings) -> Ensemble | None:
    """The ensemble of the run in ``folder``; None without one, or where it is another run's."""
    try:
        table = json.loads((folder / FILE).read_text(encoding="utf-8"))
        same = table["schema"] == SCHEMA and table["key"] == found.key
    except (OSError, ValueError, KeyError):
        return None
    return table if same else None


def withheld(ensemble: Ensemble) -> str:
    """Why no interval of this ensemble is shown; empty where they are."""
    members, sound = int(ensemble["members"]), int(ensemble["sound"])
    if sound < LEAST_MEMBERS and not ensemble.get("control"):
        return f"No interval is shown: {sound} members have a result, {LEAST_MEMBERS} are needed"
    if members - sound > MOST_MISSING * members:
        return f"No interval is shown: {members - sound} of {members} members have no result"
    return ""


def with_intervals(found: Findings, ensemble: Ensemble | None) -> Findings:
    """``found`` with the ensemble's intervals, flags and clot band; as it is without them."""
    if ensemble is None or withheld(ensemble) or found.failed:
        return found
    rows = [_with_interval(row, ensemble) for row in found.rows]
    grown = ensemble["clot"]
    clot = dict(found.clot)
    if clot and clot.get("resolved") and grown and grown["time"] == clot["time"]:
        clot["members"] = grown["members"]
    about = {name: ensemble[name] for name in ("members", "sound", "varied")}
    return replace(found, rows=rows, clot=clot, ensemble=about)


def _with_interval(row: Row, ensemble: Ensemble) -> Row:
    known = ensemble["intervals"].get(row.name)
    controlled = row.name in ensemble.get("control", {})
    if known is None or not row.is_shown or row.value is None:
        return row
    if known["count"] < LEAST_MEMBERS and not controlled:
        return row
    flag = row.flag
    if row.name in thresholds():
        flag = judge(row.name, row.value, (known["low"], known["high"])).flag
    return replace(row, low=known["low"], high=known["high"], flag=flag)


def beyond(name: str, values: list[float | None]) -> tuple[int, int] | None:
    """How many of the members that have the number are beyond its limit; None without a limit."""
    known = thresholds().get(name)
    if known is None:
        return None
    there = [value for value in values if value is not None]
    return sum(known.exceeds(value) for value in there), len(there)


def sentences(found: Findings, ensemble: Ensemble | None) -> list[str]:
    """How often each limit is passed, in members; or why no interval is shown."""
    if ensemble is None:
        return []
    if reason := withheld(ensemble):
        return [f"{reason}."]
    lines = []
    for row in found.rows:
        counted = beyond(row.name, ensemble["values"].get(row.name, []))
        if row.low is None or counted is None:
            continue
        lines.append(
            f"{row.label}: {counted[0]} of {counted[1]} members are past the commonly used "
            f"limit ({thresholds()[row.name].text})."
        )
    return lines
