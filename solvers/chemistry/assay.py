"""A thrombin-generation assay as a user describes it, and what comes out of it."""

from typing import Annotated, Any

from pydantic import Field

from core.settings import Settings, quantity
from solvers.chemistry.amounts import nanomolar
from solvers.chemistry.conditions import Conditions, Plasma
from solvers.chemistry.drugs import Drug, registry, treated
from solvers.chemistry.tga import Curve, Model, curve

LAB = "the patient's laboratory; 100 % is normal plasma"
FIBRINOGEN_MASS = 340.0
"""[kg/mol]."""


def _share(name: str) -> Any:
    return quantity("1", "100 %", f"{name}, share of normal", at_least=0, at_most=10, source=LAB)


class Factors(Settings):
    """Levels of a patient's plasma, as shares of normal; fibrinogen by mass."""

    II: float = _share("prothrombin")
    V: float = _share("factor V")
    VII: float = _share("factor VII")
    VIII: float = _share("factor VIII")
    IX: float = _share("factor IX")
    X: float = _share("factor X")
    AT: float = _share("antithrombin")
    TFPI: float = _share("tissue factor pathway inhibitor")
    PC: float = _share("protein C (works with thrombomodulin)")
    fibrinogen: float = quantity(
        "kg/m^3", "3.06 g/L", "fibrinogen", at_least="0 g/L", at_most="20 g/L", source=LAB
    )

    def plasma(self) -> Plasma:
        """The levels in nM; factor VIIa follows factor VII."""
        shares = {name: getattr(self, name) for name in type(self).model_fields}
        fibrinogen = nanomolar(shares.pop("fibrinogen") / FIBRINOGEN_MASS)
        plasma = Plasma().times(**shares, VIIa=self.VII)
        return plasma.times(Fg=fibrinogen / float(Plasma().Fg))


class Assay(Settings):
    """Tissue factor added to a patient's plasma, with the drugs that are in it."""

    title: str = Field(default="thrombin generation", max_length=120)
    tissue_factor: float = quantity(
        "mol/m^3",
        "5 pM",
        "tissue factor added",
        above="0 pM",
        at_most="10 nM",
        source="calibrated automated thrombography: 1, 5 or 20 pM",
    )
    duration: float = quantity(
        "s", "40 min", "how long the curve is followed", at_least="1 min", at_most="6 h"
    )
    drawn: float = quantity(
        "s", "0 h", "when blood was drawn, on the clock of the doses", at_least="0 s"
    )
    thrombomodulin: float = quantity(
        "mol/m^3", "0 nM", "thrombomodulin added", at_least="0 nM", at_most="1 uM"
    )
    factors: Factors = Factors()
    drug: tuple[Annotated[Drug, *registry.field()], ...] = Field(
        default=(), description="drugs in the plasma, by level or by doses"
    )

    def conditions(self) -> Conditions:
        """Plasma, drugs and thrombomodulin. Raises `CaseError`."""
        start = Conditions(
            plasma=self.factors.plasma(), thrombomodulin=nanomolar(self.thrombomodulin)
        )
        return treated(self.drug, start, self.drawn)

    def curves(self) -> dict[str, Curve]:
        """The patient's curve by the reduced and by the full model, and that of normal plasma
        without drugs. Raises `CaseError`.
        """
        own = self.conditions()
        normal = Conditions(thrombomodulin=own.thrombomodulin)
        return {
            "patient": self._curve(own, "reduced"),
            "patient, full model": self._curve(own, "full"),
            "normal plasma": self._curve(normal, "reduced"),
        }

    def _curve(self, conditions: Conditions, model: Model) -> Curve:
        return curve(nanomolar(self.tissue_factor), conditions, self.duration, model)


def summary(found: Curve) -> dict[str, float | bool | None]:
    """The figures of a curve: [s], [nM], [nM s], [nM/s]; None where there is none."""
    lag, index = found.lag, found.velocity_index
    return {
        "lag_s": None if lag != lag else lag,
        "peak_nM": found.peak,
        "time_to_peak_s": found.time_to_peak if found.peaked else None,
        "etp_nM_s": found.etp,
        "velocity_index_nM_per_s": None if index != index or not found.peaked else index,
        "peak_reached": found.peaked,
    }
