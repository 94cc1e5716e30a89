"""Settings of the flow and clot computations: what a case says under [flow] and [clot]."""

from math import ceil
from typing import Annotated, Literal

from pydantic import Field, model_validator

from core.settings import Settings, quantity
from solvers.boundaries import Boundary, conditions, kinds
from solvers.boundaries.flow_split import FlowSplit
from solvers.chemistry.drugs import Drug, registry
from solvers.clots import ClotModel, models
from solvers.obstacles import Obstacle, obstacles
from solvers.rheology import Rheology, laws
from solvers.rheology.carreau import Carreau


class SchemeSettings(Settings):
    """How the flow equations are solved."""

    kind: Literal["projection", "coupled", "stokes"] = "projection"
    element: Literal["P1/P1", "P2/P1"] = "P1/P1"
    dt: float = quantity("s", "10 ms", "time step of the flow", above="0 s", at_most="1 s")
    tolerances: Literal["standard", "tight"] = "standard"
    backflow: float = quantity(
        "1", 1.0, "backflow stabilisation β", at_least=0, at_most=1, source="Esmaily Moghadam 2011"
    )

    @model_validator(mode="after")
    def _element_is_stable(self) -> "SchemeSettings":
        if self.kind != "projection" and self.degree == 1:
            raise ValueError(f'kind = "{self.kind}" needs element = "P2/P1"')
        return self

    @property
    def degree(self) -> int:
        """Polynomial degree of the velocity."""
        return int(self.element[1])


class FlowSettings(Settings):
    """Pulsatile flow in the open vein over a number of cycles."""

    density: float = quantity("kg/m^3", "1060 kg/m^3", "density of blood", above="0 kg/m^3")
    rheology: Annotated[Rheology, *laws.field()] = Carreau()
    scheme: SchemeSettings = SchemeSettings()
    start: Literal["steady", "rest"] = Field(
        default="steady", description="the steady flow of the first instant, or blood at rest"
    )
    period: float = quantity(
        "s",
        "4 s",
        "length of a cycle (a breath)",
        above="0 s",
        source="15 breaths a minute at rest",
    )
    cycles: int = Field(default=3, ge=1, le=1000, description="most cycles before growth starts")
    periodic: float = quantity(
        "1",
        0.02,
        "change from cycle to cycle at which the flow counts as periodic",
        above=0,
        at_most=0.02,
    )
    snapshots: int = Field(default=8, ge=1, le=1000, description="stored times in the last cycle")
    diffusivity: float = quantity(
        "m^2/s",
        "1e-9 m^2/s",
        "diffusivity of blood age",
        at_least="0 m^2/s",
        source="upper end of molecular values",
    )
    boundary: dict[str, Annotated[Boundary, *conditions.field()]]
    obstacle: dict[str, Annotated[Obstacle, *obstacles.field()]] = Field(
        default={}, description="porous bodies in the vein, by name"
    )

    @model_validator(mode="after")
    def _boundaries_make_sense(self) -> "FlowSettings":
        if not self.boundary:
            raise ValueError("boundary: no opening has a condition")
        if not any(condition.sets_level for condition in self.boundary.values()):
            raise ValueError(
                "boundary: every opening has a flow rate or a share of it, so the pressure has "
                f"no level; give at least one a kind out of {kinds(level=True)}"
            )
        shares = [c.share for c in self.boundary.values() if isinstance(c, FlowSplit)]
        if sum(shares) > 1.0 + 1e-12:
            raise ValueError(f"boundary: the flow splits add up to {sum(shares):g}, more than 1")
        if shares and all(c.profile is None for c in self.boundary.values()):
            raise ValueError(
                "boundary: a flow split is a share of the flow rates imposed elsewhere; "
                'give at least one opening kind = "flow_rate"'
            )
        for name, condition in self.boundary.items():
            for waveform in condition.waveforms():
                try:
                    waveform.check(self.period)
                except ValueError as error:
                    raise ValueError(f"boundary.{name}.waveform: {error}") from error
        return self

    @property
    def steps_per_cycle(self) -> int:
        """Whole time steps in a cycle, a multiple of ``snapshots``: stored times fall on steps."""
        return self.snapshots * ceil(self.period / (self.scheme.dt * self.snapshots) - 1e-9)

    @property
    def dt(self) -> float:
        """The time step [s]: period / `steps_per_cycle`, at most what the case says."""
        return self.period / self.steps_per_cycle


class StartSettings(Settings):
    """The clot that is there when the growth starts: what another run's growth ended with."""

    run: str = Field(description="folder of that run, relative to the folder of this one")
    key: str = Field(description="key of its clot, so that another one is not taken for it")
    removed: float = quantity(
        "1", 0.0, "share of its volume that is taken out first", at_least=0, at_most=1
    )


class ClotSettings(Settings):
    """How a clot grows over hours, and how often the flow is computed anew."""

    model: Annotated[ClotModel, *models.field()]
    until: float = quantity("s", "24 h", "length of the growth computed", above="0 s")
    stored: int = Field(default=4, ge=1, le=1000, description="stored growth times, evenly spaced")
    growth_width: float = quantity(
        "m", "1.2 mm", "numerical width ℓ of the clot's edge; at least two cells", above="0 m"
    )
    largest_change: float = quantity(
        "1", 0.1, "largest change of clot fraction in one growth step", above=0, at_most=0.5
    )
    refresh_at: float = quantity(
        "1",
        0.1,
        "relative change of clot volume at which the flow is computed anew",
        above=0,
        at_most=1,
    )
    refresh_volume: float = quantity(
        "m^3",
        "0.02 mL",
        "change of clot volume below which the flow is never computed anew",
        above="0 m^3",
    )
    permeability: float = quantity(
        "m^2",
        "1e-11 m^2",
        "least permeability that the flow sees",
        above="0 m^2",
        source="flow is kept out if K is far below 1e-4 H²; fibrin clot has 1e-13 to 1e-17 m²",
    )
    start: StartSettings | None = Field(default=None, description="clot that is there at first")


class TherapySettings(Settings):
    """Drugs and when they are given, on the clock of the clot's growth."""

    drug: tuple[Annotated[Drug, *registry.field()], ...] = Field(
        default=(), description="drugs, by doses or by level"
    )


__all__ = ["ClotSettings", "FlowSettings", "SchemeSettings", "StartSettings", "TherapySettings"]
