"""Inputs against the range that the model was made for; far outside, a unit must have slipped."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from core.units import from_si
from postprocess.findings import Gate
from postprocess.inputs import Inputs
from postprocess.metrics import metrics
from postprocess.sites import NotAssessable


@dataclass(frozen=True)
class Range:
    """A quantity (SI ``unit``) that is usual from ``low`` to ``high``, possible up to ``most``."""

    label: str
    unit: str
    shown: str
    low: float
    high: float
    least: float
    most: float

    def state(self, value: float) -> str:
        """How ``value`` stands; the bounds belong to the range, NaN fails."""
        if not self.least <= value <= self.most:
            return "fail"
        return "pass" if self.low <= value <= self.high else "warn"

    def text(self, value: float, state: str) -> str:
        """``value`` and the bounds it does not keep."""
        low, high = (self.least, self.most) if state == "fail" else (self.low, self.high)
        number, below, above = (
            f"{from_si(one, self.unit, self.shown):.4g}" for one in (value, low, high)
        )
        unit = "" if self.shown == "1" else f" {self.shown}"
        return f"{self.label} {number}{unit}, model made for {below} to {above}{unit}"


REYNOLDS = Range("Reynolds number", "1", "1", 0, 500, 0, 2000)
"""In the FDA's benchmark nozzle the flow is laminar at a throat Reynolds number of 500, and the
jet breaks down at 2000 [Stewart2012]: there a laminar model may not speak."""
RANGES = {
    "reynolds": REYNOLDS,
    "diameter": Range("lumen diameter", "m", "mm", 2e-3, 40e-3, 0.2e-3, 0.4),
    "wall_viscosity": Range("viscosity at the wall", "Pa s", "mPa s", 2e-3, 60e-3, 2e-4, 0.6),
    "density": Range("density", "kg/m^3", "kg/m^3", 1000, 1100, 500, 2000),
    "inflow": Range("inflow", "m^3/s", "mL/min", 1e-7, 2e-4, 1e-9, 2e-3),
}
"""Veins of 2 to 40 mm, blood of 2 to 60 mPa s, 6 mL/min to 12 L/min; beyond ten times these, units
have slipped. Our choice."""


def in_range(inputs: Inputs) -> Gate:
    """Reynolds number, calibre, viscosity, density and inflow are those the model is made for."""
    name, label = "in_range", "Inputs within the model's range"
    said: dict[str, list[str]] = {"pass": [], "warn": [], "fail": []}
    for key, value in _values(inputs).items():
        state = RANGES[key].state(value)
        said[state].append(RANGES[key].text(value, state))
    for state in ("fail", "warn"):
        if said[state]:
            return Gate(name, label, state, "; ".join(said[state]))
    reynolds = next((text.partition(",")[0] for text in said["pass"] if "Reynolds" in text), "yes")
    return Gate(name, label, "pass", reynolds)


def _values(inputs: Inputs) -> dict[str, float]:
    """What of the quantities this run knows (SI)."""
    known: dict[str, Any] = {
        "reynolds": lambda: metrics()["reynolds"](*map(inputs.get, metrics()["reynolds"].needs)),
        "diameter": lambda: np.sqrt(4 * np.median(inputs.get("reference_areas")) / np.pi),
        "wall_viscosity": lambda: inputs.get("wall_viscosity"),
        "density": lambda: inputs.get("density"),
        "inflow": lambda: np.abs(inputs.get("inlet_flows")).sum(),
    }
    found = {}
    for name, value in known.items():
        try:
            found[name] = float(value())
        except NotAssessable:
            continue
    return found
