"""The veins as a model to fit: unknowns with priors, what would be measured, what is forecast."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.discrepancy import PRIOR, SCATTER
from calibration.observations import Observation
from calibration.priors import Known, Parameter, Space, adjusted
from core.errors import CaseError, Diverged
from jobs.twin.spec import TwinSpec
from solvers.surrogate import circuit
from solvers.surrogate.anatomy import Anatomy, Number
from solvers.surrogate.circuit import Condition, Flowing, Squeeze

Array = NDArray[Any]
DAY = 86400.0
EXERCISE = 3.0
"""Inflow over that at rest: an assumption, 2 to 5 are quoted."""
KINDS = (
    "velocity", "velocity_ratio", "diameter", "area", "flow", "pressure", "gradient", "occlusion",
    "thrombus_volume", "thrombus_length", "reflux_time",
)  # fmt: skip
FORECAST = {
    "pressure_gradient": ("Pa", "mmHg", "gradient across the narrowing, at rest"),
    "exercise_gradient": ("Pa", "mmHg", "gradient across the narrowing, inflow × 3"),
    "velocity_ratio": ("1", "1", "velocity ratio, narrowing / reference"),
    "minimum_area": ("m^2", "mm^2", "open lumen at the narrowing"),
    "limb_flow": ("m^3/s", "mL/min", "inflow of the limb"),
    "collateral_share": ("1", "%", "share of it through collaterals"),
    "occlusion": ("1", "%", "share of the lumen closed by thrombus"),
    "thrombus_volume": ("m^3", "mL", "thrombus volume"),
}
"""What is told of a day: SI unit, unit shown, meaning."""
PLAIN = (
    "viscosity", "calibre", "narrowing", "loss", "collateral", "central", "correction", "profile",
    "jet",
)  # fmt: skip
"""Unknowns that a condition has under the same name."""
CALIBRE = "CT against IVUS: areas differ by 2.5 % (common) and 7.3 % (external iliac vein)"


def unknowns(spec: TwinSpec, anatomy: Anatomy, where: str) -> tuple[Parameter, ...]:
    """The unknowns of the veins with their priors. Raises `CaseError`."""
    made = [
        Parameter(
            f"inflow_{leaf}",
            "m^3/s",
            "mL/min",
            f"cycle-mean inflow of {leaf}",
            "lognormal",
            5e-6,
            0.35,
            "0.2 to 0.5 L/min at rest; femoral artery 350 ± 141 mL/min",
            drift=0.4,
        )
        for leaf in anatomy.leaves
    ]
    spread = float(np.hypot(np.hypot(*PRIOR), SCATTER))
    made += [
        Parameter("calibre", "1", "1", "true over imaged lumen area, everywhere", "lognormal",
                  1.0, 0.08, CALIBRE),
        Parameter("narrowing", "1", "1", "true over imaged lumen area at the narrowing, besides",
                  "lognormal", 1.0, 0.25, "assumed: edges of a flattened lumen blur"),
        Parameter("loss", "1", "1", "loss factor of widenings", "lognormal", 1.5, 0.3,
                  "Young & Tsai 1973: 1.52 for blunt stenoses"),
        Parameter("viscosity", "Pa s", "mPa s", "effective viscosity", "lognormal", 4.5e-3, 0.2,
                  "3.5 mPa s above 100 1/s, 6 to 8 near 10 1/s (Carreau, whole blood)"),
        Parameter("correction", "1", "1", "resistance of the veins, 3D over 0D", "lognormal",
                  1.0, spread, "prior of the 0D model's error; 3D runs narrow it"),
        Parameter("collateral", "Pa s/m^3", "mmHg min/L", "resistance of the collaterals",
                  "lognormal", 3e8, 1.5, "assumed: from hardly any to most of the flow"),
        Parameter("central", "Pa", "mmHg", "central venous pressure", "normal", 667.0, 267.0,
                  "supine inferior vena cava: 2 to 8 mmHg", drift=0.5),
        Parameter("profile", "1", "1", "highest over mean velocity", "lognormal", 1.6, 0.12,
                  "between a flat profile, 1, and a parabola, 2"),
        Parameter("jet", "1", "1", "the same, at the narrowing over elsewhere", "lognormal",
                  1.0, 0.1, "assumed: profiles of two sites differ"),
    ]  # fmt: skip
    if spec.thrombus:
        made += [
            Parameter("closed", "1", "%", "share of lumen closed on the image's day",
                      "logitnormal", spec.thrombus.closed, 0.5, "the image; spread assumed"),
            Parameter("lysis", "1/s", "1/day", "rate of recanalisation", "lognormal",
                      log(2.0) / (21.0 * DAY), 0.6,
                      "exponential under heparin, half in 2 to 4 weeks (van Ramshorst 1992)"),
            Parameter("residual", "1", "%", "part of the thrombus that stays", "logitnormal",
                      0.2, 0.8, "assumed: residual obstruction after months is common"),
        ]  # fmt: skip
    if spec.reflux:
        made.append(
            Parameter("leak", "1", "1", "valves' leak over open resistance", "lognormal", 2e3,
                      2.0, "assumed: competent above 10⁴, a few hundred lets blood back")
        )  # fmt: skip
    return adjusted(made, _own(spec), where)


def _own(spec: TwinSpec) -> Mapping[str, Known]:
    """The user's priors but for those of the plasma."""
    from jobs.twin.plasma import FACTORS, SCALE

    others = {f"factor_{name}" for name in FACTORS} | {SCALE} if spec.assay else set()
    return {name: prior for name, prior in spec.prior.items() if name not in others}


@dataclass(frozen=True)
class VeinModel:
    """The surrogate of a twin's veins, from unknowns to measurements on a day after the image."""

    anatomy: Anatomy
    space: Space
    name: str = "veins"

    def handles(self, observation: Observation) -> bool:
        """Whether this model predicts ``observation``."""
        return observation.kind in KINDS

    def check(self, observation: Observation, where: str) -> None:
        """Raises `CaseError` where ``observation`` is about what the twin does not have."""
        for site in (observation.site, observation.over):
            if site and site not in self.anatomy.sites:
                raise CaseError(
                    f"the twin has no site {site!r}",
                    where=f"{where}: {observation.name}",
                    do=f"sites: {', '.join(self.anatomy.sites)}; add [site.{site}] to twin.toml",
                )
        names = self.space.names
        if observation.kind.startswith(("thrombus", "occlusion")) and "closed" not in names:
            raise CaseError(
                "the twin has no thrombus",
                where=f"{where}: {observation.name}",
                do="add [thrombus] to twin.toml",
            )
        if observation.kind == "reflux_time" and "leak" not in names:
            raise CaseError(
                "the twin's valves are not among its unknowns",
                where=f"{where}: reflux time",
                do="write reflux = true into twin.toml",
            )

    def predict(self, values: Array, observations: Sequence[Observation], day: float) -> Array:
        """What members ``values`` (N, P) would measure (N, D) [SI]; NaN where one has no flow."""
        condition = self.condition(values, day)
        flowing = circuit.settle(self.anatomy, condition)
        columns = [self._measure(o, flowing, values) for o in observations]
        return np.stack([np.broadcast_to(c, len(values)) for c in columns], axis=1)

    def condition(self, values: Array, day: float) -> Condition:
        """The conditions of the veins on ``day`` for the unknowns ``values`` (N, P)."""
        of = dict(zip(self.space.names, values.T, strict=True))
        closed: Number = 0.0
        if "closed" in of:
            left = np.exp(-of["lysis"] * day * DAY)
            closed = of["closed"] * (of["residual"] + (1.0 - of["residual"]) * left)
        return Condition(
            inflow={leaf: of[f"inflow_{leaf}"] for leaf in self.anatomy.leaves},
            closed=closed,
            **{name: of[name] for name in PLAIN},
        )

    def _measure(self, observation: Observation, flowing: Flowing, values: Array) -> Number:
        site, over = observation.site, observation.over
        match observation.kind:
            case "velocity":
                return flowing.velocity(site)
            case "velocity_ratio":
                return flowing.velocity(site) / flowing.velocity(over)
            case "diameter":
                return np.asarray(np.sqrt(4.0 * flowing.area(site) / np.pi))
            case "area":
                return flowing.area(site)
            case "flow":
                return flowing.flow(site)
            case "pressure":
                return flowing.pressure(site)
            case "gradient":
                return flowing.pressure(site) - flowing.pressure(over)
            case "occlusion":
                return flowing.condition.closed
            case "thrombus_volume":
                return self.thrombus_volume(flowing)
            case "thrombus_length":
                clot = self.anatomy.thrombus
                assert clot is not None
                return clot.end - clot.start
        return self._reflux(flowing.condition, values[:, self.space.names.index("leak")])

    def _reflux(self, condition: Condition, leaks: Array) -> Array:
        """Reflux times [s] (N,), member by member; NaN where the network has no solution."""
        made = np.full(len(leaks), np.nan)
        for i, leak in enumerate(leaks.tolist()):
            with suppress(Diverged):
                made[i] = circuit.reflux_time(self.anatomy, condition.member(i), Squeeze(leak))
        return made

    def thrombus_volume(self, flowing: Flowing) -> Array:
        """∫ A c/(1 − c) ds over the thrombus [m³], A the open lumen, c its closed share."""
        clot, closed = self.anatomy.thrombus, flowing.condition.closed
        assert clot is not None
        piece = flowing.lines[clot.vein].between(clot.start, clot.end)
        return np.asarray(np.trapezoid(piece.area, piece.arc, axis=-1) * closed / (1.0 - closed))

    def forecast(self, values: Array, day: float) -> dict[str, Array]:
        """Quantities of `FORECAST` on ``day``, each (N,); without those the twin does not have."""
        condition, sites = self.condition(values, day), self.anatomy.sites
        more = {leaf: EXERCISE * flow for leaf, flow in condition.inflow.items()}
        rest = circuit.settle(self.anatomy, condition)
        vein = circuit.narrow_leaf(self.anatomy)
        told = {
            "limb_flow": np.asarray(condition.inflow[vein]),
            "collateral_share": rest.collateral_share(),
        }
        if {"peripheral", "central"} <= set(sites):
            busy = circuit.settle(self.anatomy, replace(condition, inflow=more))
            for name, state in (("pressure_gradient", rest), ("exercise_gradient", busy)):
                told[name] = state.pressure("peripheral") - state.pressure("central")
        if "lesion" in sites:
            told["minimum_area"] = rest.area("lesion")
            if "reference" in sites:
                told["velocity_ratio"] = rest.velocity("lesion") / rest.velocity("reference")
        if self.anatomy.thrombus:
            told["occlusion"] = np.asarray(condition.closed)
            told["thrombus_volume"] = self.thrombus_volume(rest)
        return {name: told[name] for name in FORECAST if name in told}
