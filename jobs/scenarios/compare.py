"""Scenarios side by side: their runs, what paired members say of each, and which is ahead.

    scenarios/NAME/       the run of each scenario, beside that of the case
    run/comparison/       table, figure and page (`postprocess.reporting.comparison`)
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from calibration.intervals import paired
from calibration.sensitivity import EXPLAINED, rank_regression
from core.errors import JobError
from core.settings import Row as Setting
from jobs.ensemble import gather
from jobs.ensemble.design import Design
from jobs.ensemble.gather import Array, Member
from jobs.ensemble.work import UNTIL, Crew, nominal
from jobs.pipeline import Plan
from jobs.reuse import wanted
from jobs.scenarios import BASE
from jobs.scenarios.derive import check, plan_of, title_of
from postprocess.ensemble import withheld
from postprocess.reporting.comparison import same_place

Members = Mapping[str, Sequence[Member]]


def runs(base: Plan, names: Sequence[str], crew: Crew) -> dict[str, Plan]:
    """The case and its scenarios, measured; nothing where they went to a queue.

    Raises `JobError` for one that cannot be computed.
    """
    check(base, names)
    home = base.folder.path.parent / "scenarios"
    if not nominal(base, crew, home):
        return {}
    until = replace(base, until=UNTIL)
    found = {name: plan_of(name, until, home / name) for name in names}
    crew.say(f"{len(found)} scenarios  →  {home}/")
    if not crew.carry_out(list(found.values()), home / "array", [base.folder]):
        return {}
    if failed := [plan for plan in found.values() if not crew.done(plan)]:
        folder = failed[0].folder
        raise JobError(
            f"the scenario {folder.path.name!r} cannot be computed: "
            f"{folder.status().get('reason', '')}", where=str(folder.path),
            do="mend it, or name the others: --scenario NAME",
        )
    return {BASE: until, **found}


def paired_ensembles(found: Members, chosen: Design) -> dict[str, dict[str, Any]]:
    """The summary of each option, and under ``change`` its paired differences from the base, by
    metric; members measured at another place than their partner are no pair.
    """
    made = {}
    for option, members in found.items():
        key = wanted(members[0].plan)["measure"]
        made[option] = gather.summary(members, chosen, key) | {"change": {}}
        if option == BASE or withheld(made[option]):
            continue
        for row in gather.rows(members):
            before, after = _pair(found[BASE], members, row.name, placed=bool(row.site))
            change = paired(before, after)
            if change.difference.count:
                made[option]["change"][row.name] = asdict(change.difference) | {
                    "lower": change.lower
                }
    return made


def _pair(
    first: Sequence[Member], second: Sequence[Member], name: str, *, placed: bool
) -> tuple[Array, Array]:
    before, after = gather.values(first, name), gather.values(second, name)
    if placed:
        for number, (one, other) in enumerate(zip(first, second, strict=True)):
            if one.found and other.found and not same_place(one.found.lesion, other.found.lesion):
                after[number] = math.nan
    return before, after


def duels(
    found: Members, chosen: Design, metric: str, order: Sequence[str]
) -> list[dict[str, Any]]:
    """Each option against the next in ``order``: in how many paired members ``metric`` is lower,
    by how much, and which input the difference hangs on most.
    """
    made = []
    for one, other in itertools.pairwise(order):
        if one not in found or other not in found:
            continue
        first, second = (gather.values(found[name], metric) for name in (one, other))
        result = paired(first, second)
        if not result.difference.count:
            continue
        higher = int(np.sum(second > first))
        made.append({
            "ahead": one, "behind": other, "count": result.difference.count,
            "lower": higher, "difference": asdict(result.difference),
            "driver": _driver(chosen, second - first),
        })
    return made


def _driver(chosen: Design, difference: Array) -> dict[str, Any] | None:
    """The input that explains most of ``difference``; None where the ranks explain too little."""
    known = rank_regression(chosen.values, difference, chosen.names)
    if known is None or known.explained is None or known.explained < EXPLAINED:
        return None
    most = known.effects[0]
    setting: Setting = chosen.fields[chosen.names.index(most.name)]
    return {
        "path": most.name, "meaning": setting.meaning, "share": most.share, "rises": most.rises
    }


def titles(base: Plan, names: Sequence[str]) -> dict[str, str]:
    """What readers call each option, no two alike."""
    made: dict[str, str] = {}
    for name in (BASE, *names):
        title = title_of(base.case, name)
        made[name] = title if title not in made.values() else f"{title} ({name})"
    return made


def home(base: Plan) -> Path:
    """Where the comparison of a run is."""
    return base.folder.path / "comparison"
