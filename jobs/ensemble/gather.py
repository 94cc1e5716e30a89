"""Members of an ensemble → intervals, sensitivities, and who is missing and why."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.intervals import Interval, interval
from calibration.multifidelity import FEWEST, Estimate, estimate
from calibration.sensitivity import Sensitivity, rank_regression, sobol
from core.errors import CaseError
from core.settings import Row as Setting
from core.units import from_si
from jobs.ensemble.design import Design
from jobs.pipeline import Plan
from jobs.reuse import wanted
from postprocess.ensemble import SCHEMA
from postprocess.findings import Findings, Row, load
from postprocess.reporting.tables import SHOWN

Array = NDArray[Any]


@dataclass(frozen=True)
class Member:
    """One run of an ensemble: what was measured, or why nothing was."""

    plan: Plan
    found: Findings | None
    reason: str = ""


def members(plans: Sequence[Plan]) -> list[Member]:
    """How the runs stand. A run whose numbers a gate forbids counts as missing, with the gate."""
    return [_member(plan) for plan in plans]


def _member(plan: Plan) -> Member:
    status = plan.folder.status()
    reason = status.get("reason") or f"{status.get('stage', 'it')}: {status.get('state', 'new')}"
    try:
        found = load(plan.folder.metrics)
    except CaseError:
        return Member(plan, None, reason)
    if found.key != wanted(plan)["measure"]:
        return Member(plan, None, reason if status.get("state") == "failed" else "out of date")
    if found.failed:
        gate = found.failed[0]
        return Member(plan, None, f"{gate.label}: {gate.text}")
    return Member(plan, found)


def values(found: Sequence[Member], name: str) -> Array:
    """The values (members) of a metric, NaN where it is missing or may not be shown."""
    rows = [member.found.row(name) if member.found else None for member in found]
    return np.array([
        row.value if row is not None and row.is_shown and row.value is not None else math.nan
        for row in rows
    ])


def rows(found: Sequence[Member]) -> list[Row]:
    """Each metric that any member has a number for."""
    first: dict[str, Row] = {}
    for member in found:
        for row in member.found.rows if member.found else ():
            if row.is_shown:
                first.setdefault(row.name, row)
    return list(first.values())


def summary(found: Sequence[Member], design: Design, key: str) -> dict[str, Any]:
    """What an ensemble says of every metric, as plain values: `postprocess.ensemble` reads it.

    ``key`` is that of the nominal run's measurements: the ensemble speaks of that run only.
    """
    named = rows(found)
    columns = {row.name: values(found, row.name) for row in named}
    return {
        "schema": SCHEMA, "key": key, "design": design.kind,
        "members": len(found), "sound": sum(member.found is not None for member in found),
        "missing": [
            {"member": number, "reason": member.reason}
            for number, member in enumerate(found, 1) if member.found is None
        ],
        "varied": [_told(setting, design.values[:, i]) for i, setting in enumerate(design.fields)],
        "intervals": {name: asdict(interval(column)) for name, column in columns.items()},
        "values": columns,
        "sensitivity": {
            row.name: asdict(known) for row in named
            if row.brief and (known := _sensitivity(design, columns[row.name])) is not None
        },
        "clot": clot(found),
    }


def _told(setting: Setting, column: Array) -> dict[str, Any]:
    """What is varied, in the unit of people, with the range of its members."""
    shown = SHOWN.get(setting.unit, setting.unit)
    low, high = (from_si(float(end), setting.unit, shown) for end in (column.min(), column.max()))
    pretty = "" if shown == "1" else f" {shown}".replace("^2", "²").replace("^3", "³")
    meaning = setting.meaning or setting.path
    return {"path": setting.path, "meaning": meaning, "range": f"{low:.3g}–{high:.3g}{pretty}"}


def _sensitivity(design: Design, column: Array) -> Sensitivity | None:
    if design.kind == "sobol":
        return sobol(design.shares, column, design.names)
    return rank_regression(design.values, column, design.names)


def clot(found: Sequence[Member]) -> dict[str, Any]:
    """Volumes (members, times) of the clots that are resolved; empty where none is."""
    grown = [m.found.clot for m in found if m.found and m.found.clot.get("resolved")]
    if not grown:
        return {}
    return {"time": grown[0]["time"], "members": [one["volume"] for one in grown]}


def controlled(
    dear: Sequence[Member], cheap: Sequence[Member], more: Sequence[Member]
) -> dict[str, Estimate]:
    """Means and intervals with the cheap version as a control variate, of each metric that five
    members have in both versions.
    """
    known: dict[str, Estimate] = {}
    for row in rows(dear):
        y, f = values(dear, row.name), values(cheap, row.name)
        if (np.isfinite(y) & np.isfinite(f)).sum() >= FEWEST:
            known[row.name] = estimate(y, f, values(more, row.name))
    return known


def with_control(summary: Mapping[str, Any], known: Mapping[str, Estimate]) -> dict[str, Any]:
    """``summary`` with the intervals of ``known`` in place of its own, each with its error."""
    intervals = dict(summary["intervals"])
    for name, one in known.items():
        wide: Interval = one.interval
        intervals[name] = asdict(wide)
    control = {
        name: {
            "mean": one.mean, "error": one.error, "plain_error": one.plain_error,
            "correlation": one.correlation, "missed": one.missed, "dear": one.count,
            "cheap": one.cheap, "saved": one.saved,
        }
        for name, one in known.items()
    }
    return {**summary, "intervals": intervals, "control": control}
