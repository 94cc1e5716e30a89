"""A compression stocking."""

from typing import Literal

from pydantic import Field

from core.settings import quantity
from jobs.interventions import Base, Intervention, Table, reshape
from jobs.interventions.walls import TubeLaw


class Stocking(Intervention):
    """r → r √(A(p − p_s)/A(p)) along the veins under it, p across the wall without it.

    p − p_s does not fall below 0: blood that has to pass raises its pressure to that outside.
    """

    kind: Literal["stocking"] = "stocking"
    branches: tuple[str, ...] = Field(min_length=1, description="veins under the stocking")
    pressure: float = quantity(
        "Pa", None, "pressure of the stocking", above="0 Pa", at_most="80 mmHg", source="the case"
    )
    inside: float = quantity(
        "Pa", "10 mmHg", "pressure across the wall without it",
        source="supine leg veins, 5 to 15 mmHg",
    )
    law: TubeLaw = TubeLaw()

    def change(self, table: Table, base: Base) -> None:  # noqa: ARG002
        """One change of the mesh."""
        after = max(self.inside - self.pressure, min(self.inside, 0.0))
        factor = self.law.factor(self.inside, after)
        reshape(table, {"kind": "calibre", "branches": list(self.branches), "factor": factor})
