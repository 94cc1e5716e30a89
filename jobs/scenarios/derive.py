"""A scenario's case and its run: derived from the base, computed only where it differs."""

import os
from collections.abc import Sequence
from pathlib import Path

from core.errors import CaseError
from core.settings import effective, read
from jobs.case import Case
from jobs.fields import changed, put
from jobs.folder import Folder
from jobs.interventions import Base
from jobs.pipeline import Plan
from jobs.reuse import wanted
from jobs.scenarios import BASE
from postprocess.findings import load

MOST_TITLE = 120


def derived(case: Case, name: str, base: Base) -> Case:
    """The case of scenario ``name``, without ensembles and scenarios of its own. `CaseError`."""
    where = f"scenario.{name}"
    scenario = case.scenario[name]
    table = effective(case)
    for key in ("scenario", "ensemble"):
        table.pop(key, None)
    for path, value in scenario.set.items():
        put(table, path, value, where)
    table = effective(read(Case, table, where))  # interventions count in SI
    for intervention in scenario.intervention:
        try:
            intervention.change(table, base)
        except CaseError as error:
            raise CaseError(error.what, where=f"{where}: {error.where}", do=error.do) from error
    table["title"] = f"{case.title}: {title_of(case, name)}"[:MOST_TITLE]
    return read(Case, table, where)


def title_of(case: Case, name: str) -> str:
    """What a reader calls ``name``."""
    if name == BASE:
        return case.title if len(case.title) <= 40 else "As it is"
    return case.scenario[name].title or name


def chosen(case: Case, names: Sequence[str]) -> list[str]:
    """The scenarios called ``names``, or all. Raises `CaseError`."""
    for name in names:
        if name not in case.scenario:
            raise CaseError(
                f"there is no scenario {name!r} in this case", where="[scenario]",
                do=f"there are {', '.join(case.scenario) or 'none'}",
            )
    return list(names or case.scenario)


def check(base: Plan, names: Sequence[str]) -> None:
    """Raises `CaseError` for a scenario that cannot be, before anything is computed."""
    for name in names:
        derived(base.case, name, Base("", wanted(base).get("clot")))


def plan_of(name: str, base: Plan, folder: Path) -> Plan:
    """The run of scenario ``name`` in ``folder``, as the run of the ``base`` plan would be."""
    run = Folder(folder)
    there = os.path.relpath(base.folder.path.resolve(), run.path.resolve())
    case = derived(base.case, name, Base(there, wanted(base).get("clot")))
    if case.measure.lesion is None and (place := _lesion(base.folder)):
        case = changed(case, {"measure.lesion": place}, f"scenario.{name}")
    return Plan(case, base.source, run, base.ranks, base.until)


def _lesion(base: Folder) -> dict[str, str] | None:
    """Where the base was measured: a treated vein is narrowest elsewhere, and could not be
    compared.
    """
    try:
        lesion = load(base.metrics).lesion
    except CaseError:
        return None
    if "branch" not in lesion:
        return None
    return {"branch": str(lesion["branch"]), "arc": f"{float(lesion['arc'])!r} m"}
