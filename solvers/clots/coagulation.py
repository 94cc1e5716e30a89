"""M2: growth by coagulation chemistry, set off by tissue factor on the wall.

    film:   C' = R(C) + m k_e (C_blood − C)            on injured wall and on the clot's surface
    blood:  ∂C/∂t + w·∇C − ∇·(D ∇C) = R(C) − exchange   every species with one D
    v = d (dF/dt)/F_gel,   ∂φ/∂t = v/(0.288 ℓ) s(η) (1 − φ) + (1 − φ) H(F)/t_gel − k_l φ

C are the species of the reduced Hockin–Mann cascade with fibrinogen and fibrin (`chemistry`), η
is the smoothed clot fraction of `growth`. Fibrin that the film makes beyond F_gel is left behind
as clot, one film's thickness d at a time; blood whose fibrin passes F_gel sets by itself. Drugs
act on the rates and on what flows in. After ``resolved`` the front's speed comes from a table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from numpy.typing import NDArray
from pydantic import Field

from core.settings import quantity
from solvers.chemistry.assay import Factors
from solvers.chemistry.film import FilmSettings
from solvers.clots import ClotModel, Injury

if TYPE_CHECKING:
    from solvers.clotting import Clotting, Vein

Array = NDArray[Any]


class Wound(Injury):
    """A ball in which the vein's wall carries tissue factor."""

    tissue_factor: float = quantity(
        "1/m^2",
        "10 1/um^2",
        "tissue factor on the wall",
        above="0 1/um^2",
        at_most="1000 1/um^2",
        source="prior 0.1 to 10 1/µm² for inflamed wall; no law of its induction is known",
    )


class Coagulation(ClotModel):
    """Growth from thrombin and fibrin, with therapy."""

    treatable: ClassVar[bool] = True

    kind: Literal["coagulation"] = "coagulation"
    injury: list[Wound] = Field(min_length=1)
    factors: Factors = Factors()
    film: FilmSettings = FilmSettings()
    gel: float = quantity(
        "mol/m^3",
        "10 uM",
        "fibrin of blood that has set",
        above="0 uM",
        source="about the fibrinogen of plasma; blood gels from 1 to 2 µM on",
    )
    gel_time: float = quantity(
        "s", "10 s", "time that blood with this fibrin takes to set", above="0 s", source="a prior"
    )
    reach: float = quantity(
        "m",
        "0.5 mm",
        "way of the clot's surface over which it loses most of the wall's tissue factor",
        above="0 m",
        source="order of the clotting front's way in still plasma; see docs/clot.md",
    )
    fastest: float = quantity(
        "m/s",
        "0.2 mm/min",
        "most that a clot's surface moves",
        above="0 m/s",
        source="front in plasma with the whole of factor XI's feedback: 178 µm/min",
    )
    membrane: float = quantity(
        "1",
        1.0,
        "share of the membrane that factors need in blood, without platelets in the model",
        at_least=0,
        at_most=1,
        source="1: in excess, as in assays; flowing blood offers less, so this is an upper bound",
    )
    platelets: bool = Field(
        default=False, description="platelets offer the membrane, instead of `membrane`"
    )
    feedback: float = quantity(
        "1",
        0.0,
        "strength of factor XI's activation by thrombin",
        at_least=0,
        at_most=1,
        source="0 to 0.1 gives fronts as fast as measured; 1 (Chen & Diamond) is too fast",
    )
    thrombomodulin: float = quantity(
        "1/m^2",
        "0 1/um^2",
        "thrombomodulin on healthy wall",
        at_least="0 1/um^2",
        at_most="1000 1/um^2",
        source="off, as where the film was calibrated; endothelium has about 100",
    )
    lysis: float = quantity(
        "1/s",
        "3.8e-7 1/s",
        "endogenous lysis",
        at_least="0 1/s",
        source="ln 2 in three weeks; regression under heparin is exponential (van Ramshorst 1992)",
    )
    resolved: float = quantity(
        "s",
        "30 min",
        "time for which chemistry is resolved; after it, a table gives the front's speed",
        at_least="0 s",
    )
    step: float = quantity("s", "5 s", "first macro step", above="0 s", at_most="60 s")
    longest_step: float = quantity("s", "60 s", "longest macro step", above="0 s")
    tolerance: float = quantity(
        "1", 0.01, "error of the clot's volume in a macro step", above=0, at_most=0.1
    )

    def on(self, vein: Vein) -> Clotting:
        """M2 at work. Collective."""
        from solvers.clotting.coagulation import Coagulating

        return Coagulating(self, vein)

    def tissue_factor(self, points: Array) -> Array:
        """Tissue factor at ``points`` (n, d) [molecules/m²]: the most of the zones around."""
        density = self.injured(points) * 0.0
        for zone in self.injury:
            inside = zone.holds(points)
            density[inside] = density[inside].clip(min=zone.tissue_factor)
        return density
