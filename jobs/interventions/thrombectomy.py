"""Clot taken out."""

from typing import Literal

from core.errors import CaseError
from core.settings import quantity
from jobs.interventions import Base, Intervention, Table


class Thrombectomy(Intervention):
    """V → (1 − removed) V: a grown clot is taken from the middle outwards, and the growth goes on
    from what stays at the wall; a thrombus drawn as an obstacle loses so much of its section.
    """

    kind: Literal["thrombectomy"] = "thrombectomy"
    removed: float = quantity(
        "1", None, "share of the clot that is removed", at_least=0, at_most=1, source="the case"
    )

    def change(self, table: Table, base: Base) -> None:
        """Another start of the clot, or a smaller thrombus."""
        thrombi = [
            body for body in table["flow"].get("obstacle", {}).values()
            if body["kind"] == "thrombus"
        ]
        for body in thrombi:
            body["occlusion"] *= 1.0 - self.removed
        if base.clot_key is not None:
            start = {"run": base.run, "key": base.clot_key, "removed": self.removed}
            table["clot"]["start"] = start
        elif not thrombi:
            raise CaseError(
                "there is no clot to take out", where="thrombectomy",
                do="grow one ([clot]), or draw one: [flow.obstacle.NAME] kind = \"thrombus\"",
            )
