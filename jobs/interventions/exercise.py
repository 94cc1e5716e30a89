"""Exercise and the calf-muscle pump."""

from typing import ClassVar, Literal

from pydantic import Field

from core.errors import CaseError
from core.settings import quantity
from jobs.interventions import Base, Intervention, Table, named


class Exercise(Intervention):
    """Q̄ → f Q̄ with n contractions a cycle at the named inlets; legs of the 0D model are squeezed.

    Calves that contract press blood out in pulses; the mean is what the arteries bring.
    """

    is_choice: ClassVar[bool] = False
    kind: Literal["exercise"] = "exercise"
    openings: tuple[str, ...] = Field(default=(), description="inlets; all where none is named")
    factor: float = quantity(
        "1", None, "mean flow over that at rest", above=0, at_most=20, source="the case"
    )
    contractions: int = Field(default=4, ge=1, le=60, description="contractions in a cycle")
    squeeze: float = quantity(
        "Pa", "100 mmHg", "highest pressure of the muscles on the calf", at_least="0 Pa",
        source="assumed; calf compartments reach 200 to 300 mmHg",
    )

    def change(self, table: Table, base: Base) -> None:  # noqa: ARG002
        """Other means and waveforms."""
        legs = [one for one in table["flow"]["boundary"].values() if one["kind"] == "leg"]
        inlets = named(table, self.openings, "flow_rate", "exercise.openings")
        if not inlets and not legs:
            raise CaseError(
                "no opening has a flow rate or a leg behind it", where="exercise",
                do="give an inlet kind = \"flow_rate\" or \"leg\"",
            )
        pump = {"kind": "pump", "contractions": self.contractions}
        for inlet in inlets:
            inlet["mean"] = f"{self.factor * _number(inlet['mean'])!r} m^3/s"
            inlet["waveform"] = dict(pump)
        for leg in legs:
            leg["arterial"] = f"{self.factor * _number(leg['arterial'])!r} m^3/s"
            leg["squeeze"] = f"{self.squeeze!r} Pa"
            leg["rhythm"] = {**pump, "rest": 0.0}


def _number(text: str) -> float:
    """The number of a quantity in an effective table, which is SI."""
    return float(text.split()[0])
