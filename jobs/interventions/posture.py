"""Standing up."""

from typing import ClassVar, Literal

from pydantic import Field

from core.settings import quantity
from jobs.interventions import Base, Intervention, Table, reshape
from jobs.interventions.walls import GRAVITY, TubeLaw


class Posture(Intervention):
    """Standing: the pressure across the wall rises by ρ g h, h below the heart, and the veins
    widen by the tube law; legs and networks of the 0D model stand too.

    Pressures of the 3D model are piezometric, p + ρ g z, so that its conditions stay.
    """

    is_choice: ClassVar[bool] = False
    kind: Literal["posture"] = "posture"
    branches: tuple[str, ...] = Field(default=(), description="veins that widen; default: all")
    depth: float = quantity(
        "m", None, "depth of the modelled veins below the heart", at_least="0 m", at_most="1.5 m",
        source="the case",
    )
    inside: float = quantity(
        "Pa", "10 mmHg", "pressure across the wall when supine",
        source="supine leg veins, 5 to 15 mmHg",
    )
    law: TubeLaw = TubeLaw()

    def change(self, table: Table, base: Base) -> None:  # noqa: ARG002
        """Another calibre, and the same posture behind the openings."""
        density = float(str(table["flow"]["density"]).split()[0])
        standing = self.inside + density * GRAVITY * self.depth
        factor = self.law.factor(self.inside, standing)
        reshape(table, {"kind": "calibre", "branches": list(self.branches), "factor": factor})
        for condition in table["flow"]["boundary"].values():
            if condition["kind"] in ("leg", "network"):
                condition["posture"] = "standing"
