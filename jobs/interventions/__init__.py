"""What may be done to a patient, as changes of a case; one file an intervention.

An intervention edits the table of an effective case, so that what it leads to is an ordinary case:
checked, keyed, resumed and reported like any other. What it needs of meshes and solvers are parts
of theirs (`meshes.changes`, `solvers.obstacles`, boundary conditions, clot models, drugs).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from core.errors import CaseError
from core.registry import Registry
from core.settings import Settings

Table = dict[str, Any]


@dataclass(frozen=True)
class Base:
    """The run that a scenario is derived from: its folder as seen from the scenario's own, and the
    key of its clot (None where it grows none).
    """

    run: str
    clot_key: str | None


class Intervention(Settings):
    """One thing that is done to the patient or that the patient does."""

    is_choice: ClassVar[bool] = True
    """Whether it is something to choose; a condition such as standing is compared, not ranked."""

    def change(self, table: Table, base: Base) -> None:
        """Edit ``table``, an effective case. Raises `CaseError` where it does not apply."""
        raise NotImplementedError


interventions = Registry("intervention", __name__, Intervention)


def reshape(table: Table, change: Mapping[str, Any]) -> None:
    """Add a change of the mesh (a part of `meshes.changes`)."""
    if table["mesh"]["kind"] != "changed":
        table["mesh"] = {"kind": "changed", "of": table["mesh"], "changes": []}
    table["mesh"]["changes"].append(dict(change))


def named(table: Table, names: tuple[str, ...], kind: str, where: str) -> list[Table]:
    """The boundary conditions called ``names``, or all of ``kind`` where none is named."""
    conditions: dict[str, Table] = table["flow"]["boundary"]
    for name in names:
        if conditions.get(name, {}).get("kind") != kind:
            raise CaseError(
                f"there is no opening {name!r} of kind {kind!r}", where=where,
                do=f"openings: {', '.join(conditions)}",
            )
    chosen = names or [name for name, one in conditions.items() if one["kind"] == kind]
    return [conditions[name] for name in chosen]
