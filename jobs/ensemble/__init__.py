"""The `[ensemble]` table of a case: which numbers are uncertain, how, and how many members."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from calibration.designs import NUMBERS
from core.settings import Settings

Text = Annotated[str | None, BeforeValidator(lambda value: value if value is None else str(value))]
"""A quantity whose unit is that of the field it is about, so that it is read later."""


class Varied(Settings):
    """How one number of the case may lie.

    uniform: low, high · normal: mean, sd · lognormal: median, factor (68 % within ×÷ factor) ·
    triangular: low, mode, high; ``least`` and ``most`` cut off.
    """

    kind: Literal["uniform", "normal", "lognormal", "triangular"]
    low: Text = None
    high: Text = None
    mean: Text = None
    sd: Text = None
    median: Text = None
    factor: Text = None
    mode: Text = None
    least: Text = None
    most: Text = None
    source: str = Field(default="", description="why it may lie so")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        given = {name for names in NUMBERS.values() for name in names if getattr(self, name)}
        if given != set(NUMBERS[self.kind]):
            raise ValueError(f"{self.kind} takes {' and '.join(NUMBERS[self.kind])}")
        return self


class Cheap(Settings):
    """The same members and more of a cheaper version of the case: a control variate."""

    members: int = Field(ge=30, le=100_000, description="further members of the cheap version")
    set: dict[str, Any] = Field(min_length=1, description='what makes it cheap: "mesh.size" …')


class EnsembleSettings(Settings):
    """Members of an ensemble; the same seed gives the same members."""

    members: int = Field(
        default=32, ge=2, le=100_000,
        description="members; of a Sobol' design the blocks of it, a power of two",
    )
    seed: int = Field(default=1, ge=0)
    design: Literal["latin-hypercube", "sobol", "posterior"] = "latin-hypercube"
    samples: str = Field(default="", description="CSV of posterior samples, head \"field [unit]\"")
    vary: dict[str, Varied] = Field(default={}, description="how numbers lie, by dotted path")
    cheap: Cheap | None = None

    @model_validator(mode="after")
    def _is_a_design(self) -> Self:
        if self.design == "posterior" and (not self.samples or self.vary):
            raise ValueError('design "posterior" takes samples = "FILE.csv" and no vary')
        if self.design != "posterior" and (self.samples or not self.vary):
            raise ValueError("[ensemble.vary] says which numbers are uncertain; samples are for "
                             'design = "posterior"')
        if self.design == "sobol" and self.members & (self.members - 1):
            raise ValueError(f"members: a Sobol' design needs a power of two, not {self.members}")
        if self.design == "sobol" and self.cheap:
            raise ValueError("cheap: a Sobol' design takes no cheap members")
        return self
