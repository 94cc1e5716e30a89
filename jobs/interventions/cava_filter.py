"""A filter in the vena cava."""

from typing import Literal

from core.settings import effective
from jobs.interventions import Base, Intervention, Table
from solvers.obstacles.filter import CavaFilter


class FilterPlaced(CavaFilter, Intervention):
    """A porous body −(μ/K) u in a piece of a branch; see `solvers.obstacles.filter`."""

    kind: Literal["filter"] = "filter"

    def change(self, table: Table, base: Base) -> None:  # noqa: ARG002
        """One more obstacle."""
        bodies = table["flow"].setdefault("obstacle", {})
        bodies[f"filter-{len(bodies) + 1}"] = effective(self)
