"""The plasma as a model to fit: factor levels from factor assays and thrombin generation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.observations import Observation
from calibration.priors import Parameter, Space, adjusted
from core.errors import CaseError
from jobs.twin.spec import TwinSpec
from solvers.chemistry.amounts import NANOMOLAR, nanomolar
from solvers.chemistry.assay import Assay
from solvers.chemistry.integrate import advance
from solvers.chemistry.reduced import Reduced
from solvers.chemistry.tga import MEIZOTHROMBIN, THROMBIN, Curve, species_of

Array = NDArray[Any]
FACTORS = ("II", "V", "VII", "VIII", "IX", "X", "AT", "TFPI")
SCALE = "assay"
SPACING = 15.0
"""Times at which the curve is taken [s]: its peak is read from a parabola through three."""


def unknowns(spec: TwinSpec, where: str) -> tuple[Parameter, ...]:
    """The unknowns of the plasma with their priors. Raises `CaseError`."""
    assert spec.assay is not None
    levels = spec.assay.factors
    made = [
        Parameter(f"factor_{name}", "1", "%", f"level of {name}, share of normal", "lognormal",
                  getattr(levels, name), 0.2, "people differ by about 20 %", drift=0.15)
        for name in FACTORS
    ]  # fmt: skip
    made.append(
        Parameter(SCALE, "1", "1", "thrombin that the assay shows over the model's", "lognormal",
                  1.0, 0.3, "assumed: assays and the model differ in scale")
    )  # fmt: skip
    names = {parameter.name for parameter in made}
    return adjusted(made, {n: p for n, p in spec.prior.items() if n in names}, where)


@dataclass(frozen=True)
class PlasmaModel:
    """Thrombin generation in the plasma of many members at once, by the reduced cascade."""

    assay: Assay
    space: Space
    name: str = "plasma"

    def handles(self, observation: Observation) -> bool:
        """Whether this model predicts ``observation``."""
        return observation.kind == "factor" or observation.kind.startswith("tga_")

    def check(self, observation: Observation, where: str) -> None:
        """Raises `CaseError` for a factor that is not among the unknowns."""
        if observation.kind == "factor" and observation.site not in FACTORS:
            raise CaseError(
                f"the level of {observation.site!r} is not among the unknowns",
                where=f"{where}: {observation.name}",
                do=f"factors: {', '.join(FACTORS)}",
            )

    def predict(self, values: Array, observations: Sequence[Observation], day: float) -> Array:  # noqa: ARG002
        """What members ``values`` (N, P) would measure (N, D) [SI]."""
        of = dict(zip(self.space.names, values.T, strict=True))
        made = np.empty((len(values), len(observations)))
        curves = None
        for i, observation in enumerate(observations):
            if observation.kind == "factor":
                made[:, i] = of[f"factor_{observation.site}"]
                continue
            if curves is None:
                curves = self.curves(of)
            made[:, i] = [_figure(observation.kind, curve) for curve in curves]
        return made

    def curves(self, of: dict[str, Array]) -> list[Curve]:
        """The curve of each member for levels (N,) by name of the unknown."""
        base = self.assay.conditions()
        levels = self.assay.factors
        factors = {n: of[f"factor_{n}"] / getattr(levels, n) for n in FACTORS}
        plasma = base.plasma.times(**factors, VIIa=factors["VII"])
        conditions = replace(base, plasma=plasma)
        names = species_of(base)
        kernel = Reduced(conditions, names)
        count = len(of[SCALE])
        state = plasma.state(names, count)
        state[names.index("TF")] = nanomolar(self.assay.tissue_factor)
        steps = round(self.assay.duration / SPACING)
        thrombin = np.zeros((steps + 1, count))
        for step in range(1, steps + 1):
            state, _, _ = advance(kernel, state, SPACING)
            row = dict(zip(names, state, strict=True))
            thrombin[step] = sum(row[n] for n in THROMBIN if n in row)
            thrombin[step] += MEIZOTHROMBIN * row["mIIa"]
        times = SPACING * np.arange(steps + 1)
        return [Curve(times, column) for column in (thrombin * of[SCALE]).T]

    def forecast(self, values: Array, day: float) -> dict[str, Array]:  # noqa: ARG002
        """Nothing of the plasma is forecast: it is measured again."""
        return {}


def _figure(kind: str, curve: Curve) -> float:
    """One figure of a curve [SI]."""
    time, peak = _vertex(curve)
    match kind:
        case "tga_lag":
            return curve.lag
        case "tga_peak":
            return peak * NANOMOLAR
        case "tga_etp":
            return curve.etp * NANOMOLAR
    return time


def _vertex(curve: Curve) -> tuple[float, float]:
    """Time and height of the peak, by the parabola through the highest point and those beside."""
    i = int(np.clip(curve.thrombin.argmax(), 1, len(curve.times) - 2))
    before, here, after = curve.thrombin[i - 1 : i + 2]
    bend = before - 2.0 * here + after
    shift = 0.5 * (before - after) / bend if bend < 0.0 else 0.0
    return (
        float(curve.times[i] + shift * (curve.times[1] - curve.times[0])),
        float(here - 0.25 * (before - after) * shift),
    )
