"""Drugs against clotting or for lysis."""

from typing import Annotated, Literal

from pydantic import Field

from core.errors import CaseError
from core.settings import effective
from jobs.interventions import Base, Intervention, Table
from solvers.chemistry.drugs import Drug, registry


class Drugs(Intervention):
    """One arm of treatment: these drugs in place of those of the case, from the start of growth.

    What the doses are is the case's assumption: the program compares, it advises none.
    """

    kind: Literal["drugs"] = "drugs"
    drug: tuple[Annotated[Drug, *registry.field()], ...] = Field(
        description="the drugs of this arm; none for no treatment"
    )
    continuing: bool = Field(default=False, description="whether it meets the clot of the base")

    def change(self, table: Table, base: Base) -> None:
        """Another therapy."""
        table["therapy"] = {"drug": [effective(one) for one in self.drug]}
        if self.continuing and base.clot_key is None:
            raise CaseError(
                "the base grows no clot that a drug could meet", where="drugs.continuing",
                do="add [clot] to the case",
            )
        if self.continuing:
            table["clot"]["start"] = {"run": base.run, "key": base.clot_key}
