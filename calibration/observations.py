"""What was measured at a visit: a small file, each number with unit, site, device, date, error."""

import datetime
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from core.settings import Settings
from core.units import UnitError, from_si, to_si

Array = NDArray[Any]
HOYT = "Doppler volume flow in vitro is off by 37 to 81 mL/min at 100 to 1000 (Hoyt 2009)"


@dataclass(frozen=True)
class Kind:
    """A sort of measurement: SI unit, unit shown, what it is, usual error and where from.

    On a ``log`` scale the error is relative, otherwise it is in the unit. ``sites`` is how many
    places it needs.
    """

    unit: str
    shown: str
    meaning: str
    scale: Literal["log", "linear"]
    error: str | float
    source: str
    sites: int = 1


KINDS = {
    "velocity": Kind(
        "m/s", "cm/s", "time-averaged highest velocity (duplex)", "log", 0.15,
        "assumed: random error of angle and tracing; systematic up to 6 % (Gill 1985)",
    ),
    "velocity_ratio": Kind(
        "1", "1", "velocity at `site` over that at `over`", "log", 0.15,
        "assumed: the angle's error cancels in part, two readings do not", 2,
    ),
    "diameter": Kind(
        "m", "mm", "diameter of a circle of the lumen's area", "linear", "0.5 mm",
        "assumed: duplex calipers",
    ),
    "area": Kind(
        "m^2", "mm^2", "lumen area (IVUS, CT, MR)", "log", 0.08,
        "CT against IVUS: 2.5 % common, 7.3 % external iliac vein (RANE review)",
    ),
    "flow": Kind("m^3/s", "mL/min", "cycle-mean volume flow", "log", 0.25, HOYT),
    "pressure": Kind(
        "Pa", "mmHg", "invasive pressure", "linear", "1 mmHg", "assumed: fluid-filled catheter"
    ),
    "gradient": Kind(
        "Pa", "mmHg", "pressure at `site` less that at `over`, by pull-back", "linear",
        "0.7 mmHg", "assumed: one catheter, one zero", 2,
    ),
    "occlusion": Kind(
        "1", "%", "share of the lumen closed where thrombus lies", "linear", 0.1,
        "assumed: compression ultrasound", 0,
    ),
    "thrombus_volume": Kind(
        "m^3", "mL", "volume of thrombus", "log", 0.2, "assumed: MR or CT venography", 0
    ),
    "thrombus_length": Kind(
        "m", "mm", "length of vein that holds thrombus", "log", 0.15, "assumed: MR or CT", 0
    ),
    "reflux_time": Kind(
        "s", "s", "reversed flow after the calf was squeezed, standing", "log", 0.25,
        "assumed: cuff deflation repeated by one examiner", 0,
    ),
    "tga_lag": Kind("s", "min", "lag time of thrombin generation", "log", 0.1,
                    "assumed: between-run variation of the assay", 0),
    "tga_peak": Kind("mol/m^3", "nM", "peak of thrombin generation", "log", 0.1,
                     "assumed: between-run variation of the assay", 0),
    "tga_etp": Kind("mol s/m^3", "nM min", "endogenous thrombin potential", "log", 0.1,
                    "assumed: between-run variation of the assay", 0),
    "tga_time_to_peak": Kind("s", "min", "time to the peak of thrombin generation", "log", 0.1,
                             "assumed: between-run variation of the assay", 0),
    "factor": Kind("1", "%", "level of the clotting factor `site`, share of normal", "log", 0.1,
                   "assumed: one-stage assay"),
}  # fmt: skip
"""Sorts of measurement by name."""


class Observation(Settings):
    """One measurement. ``error`` is one standard deviation: "15 %" or in the unit."""

    kind: str
    site: str = Field(default="", description="a site of the twin, or a clotting factor")
    over: str = Field(default="", description="the second site of a ratio or gradient")
    value: str | float = Field(description="with its unit")
    error: str | float | None = Field(default=None, description="default: usual for the kind")
    device: str = Field(default="", max_length=60)
    date: datetime.date | None = Field(default=None, description="default: the visit's")
    source: str = Field(default="", max_length=120, description="where the error comes from")

    @model_validator(mode="after")
    def _can_be_read(self) -> Self:
        if self.kind not in KINDS:
            raise ValueError(f"kind: no measurement {self.kind!r}; there are {', '.join(KINDS)}")
        kind = KINDS[self.kind]
        given = [place for place in (self.site, self.over) if place]
        if len(given) != kind.sites or (kind.sites == 1 and not self.site):
            needs = {0: "no site", 1: "a `site`", 2: "a `site` and `over`"}[kind.sites]
            raise ValueError(f"site: {self.kind!r} ({kind.meaning}) needs {needs}")
        try:
            measured, sd = self.measured, self.sd
        except UnitError as error:
            raise ValueError(f"value: {error}") from error
        if kind.scale == "log" and measured <= 0.0:
            raise ValueError(f"value: {self.value!r} must be above 0: {kind.meaning}")
        if sd <= 0.0 or (kind.scale == "log" and sd > 2.0):
            raise ValueError(f"error: {self.error!r} is no error of a measurement")
        return self

    @property
    def measured(self) -> float:
        """The value [SI]."""
        return to_si(self.value, KINDS[self.kind].unit)

    @property
    def sd(self) -> float:
        """One standard deviation on the scale of the kind: relative, or [SI]."""
        kind = KINDS[self.kind]
        given = kind.error if self.error is None else self.error
        if kind.scale == "linear":
            return to_si(given, kind.unit)
        try:
            return to_si(given, "1")
        except UnitError:
            return to_si(given, kind.unit) / self.measured

    @property
    def name(self) -> str:
        """E.g. "velocity ratio, lesion/reference"."""
        places = "/".join(place for place in (self.site, self.over) if place)
        return self.kind.replace("_", " ") + (f", {places}" if places else "")

    def shown(self, value: float) -> str:
        """``value`` [SI] as people write it."""
        kind = KINDS[self.kind]
        number = f"{from_si(value, kind.unit, kind.shown):.3g}"
        return number if kind.shown == "1" else f"{number} {kind.shown}"


class Signal(Settings):
    """A recorded trace: Doppler envelope, respiration or ECG."""

    file: str
    channel: str = Field(default="", description="name or number (from 0); default: the first")
    rhythm: Literal["breath", "heart"] = "breath"


class Visit(Settings):
    """The measurements of one visit."""

    date: datetime.date
    pseudonym: str = Field(default="unknown", pattern="^[A-Za-z0-9._-]{1,32}$")
    drugs: tuple[str, ...] = Field(default=(), description="drugs against clotting since the last")
    note: str = Field(default="", max_length=200)
    fhir: str | None = Field(default=None, description="FHIR bundle with more observations")
    observation: tuple[Observation, ...] = ()
    signal: tuple[Signal, ...] = ()


@dataclass(frozen=True)
class Data:
    """Observations as numbers: ``values``, ``sd`` (D,) on the scale where errors are normal."""

    observations: tuple[Observation, ...]
    values: Array
    sd: Array

    @classmethod
    def of(cls, observations: tuple[Observation, ...]) -> "Data":
        """ln of what is on a log scale."""
        measured = np.array([o.measured for o in observations], dtype=float)
        sd = np.array([o.sd for o in observations], dtype=float)
        made = cls(observations, measured, sd)
        return cls(observations, made.scaled(measured[None])[0], sd)

    def scaled(self, predicted: Array) -> Array:
        """Predictions (N, D) [SI] on the same scale; not finite where a log has no value."""
        made = np.array(predicted, dtype=float)
        for i, observation in enumerate(self.observations):
            if KINDS[observation.kind].scale == "log":
                with np.errstate(divide="ignore", invalid="ignore"):
                    made[:, i] = np.log(made[:, i])
        return made

    def unscaled(self, scaled: Array) -> Array:
        """Back to SI."""
        made = np.array(scaled, dtype=float)
        for i, observation in enumerate(self.observations):
            if KINDS[observation.kind].scale == "log":
                made[..., i] = np.exp(made[..., i])
        return made
