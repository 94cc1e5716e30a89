"""Single settings of a case by their dotted path, as ensembles and scenarios change them."""

import difflib
from collections.abc import Mapping
from typing import Any

from core.errors import CaseError
from core.settings import Row, effective, read, rows
from jobs.case import Case


def field(case: Case, path: str, where: str) -> Row:
    """The quantity at ``path`` ("flow.boundary.left.mean"): unit, value, meaning.

    Items of a list are counted from 1. Raises `CaseError` with the nearest path there is.
    """
    known = {row.path: row for row in rows(case) if isinstance(row.value, int | float)}
    if path not in known:
        near = difflib.get_close_matches(path, known, 1, cutoff=0.5)
        raise CaseError(
            f"there is no number {path!r} in this case", where=where,
            do=f"did you mean {near[0]!r}?" if near
            else "run/case.toml of a run shows every setting",
        )
    return known[path]


def changed(case: Case, changes: Mapping[str, Any], where: str) -> Case:
    """``case`` with the values at the paths of ``changes``. Raises `CaseError`."""
    table = effective(case)
    for path, value in changes.items():
        put(table, path, value, where)
    return read(Case, table, where)


def put(table: dict[str, Any], path: str, value: Any, where: str) -> None:
    """Set ``value`` at ``path``; a table is merged into the one there, unless it names another
    ``kind``. Raises `CaseError` where ``path`` leads through what is no table.
    """
    *steps, last = path.split(".")
    here: Any = table
    for step in steps:
        if isinstance(here, dict):
            here = here.setdefault(step, {})
        elif isinstance(here, list) and step.isdigit() and 0 < int(step) <= len(here):
            here = here[int(step) - 1]
        else:
            here = None
    if not isinstance(here, dict):
        raise CaseError(f"{path!r} leads to no setting", where=where, do="correct the path")
    there = here.get(last)
    if isinstance(value, Mapping) and isinstance(there, dict) and (
        value.get("kind", there.get("kind")) == there.get("kind")
    ):
        for key, item in value.items():
            put(there, key, item, where)
    elif isinstance(value, Mapping):
        here[last] = {}
        for key, item in value.items():
            put(here[last], key, item, where)
    else:
        here[last] = value
