"""Catheter-directed lysis."""

import math
from typing import Literal

from core.errors import CaseError
from core.settings import quantity
from jobs.interventions import Base, Intervention, Table


class Lysis(Intervention):
    """k_l → k_l − ln(1 − f)/T: the share f of a clot is dissolved in the time T where none grows.

    For the model `growth`, which knows no plasmin: f and T are what is assumed of the treatment.
    It goes on from the clot of the base.
    """

    kind: Literal["lysis"] = "lysis"
    lysed: float = quantity(
        "1", None, "share of a clot that is dissolved", above=0, at_most=0.99, source="the case"
    )
    within: float = quantity("s", None, "time that this takes", above="0 s", source="the case")

    def change(self, table: Table, base: Base) -> None:
        """A faster loss of clot."""
        if base.clot_key is None or table["clot"]["model"]["kind"] != "growth":
            raise CaseError(
                "this lysis is for clots of the model \"growth\"", where="lysis",
                do="for a mechanistic clot give the drug: kind = \"drugs\" with "
                "\"catheter-alteplase\"",
            )
        model = table["clot"]["model"]
        natural = float(str(model["lysis"]).split()[0])
        model["lysis"] = f"{natural - math.log(1.0 - self.lysed) / self.within!r} 1/s"
        table["clot"]["start"] = {"run": base.run, "key": base.clot_key}
