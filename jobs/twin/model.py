"""A twin as its fitted models, and the link between their unknowns and a visit's data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from calibration.observations import Data, Observation, Visit
from calibration.priors import Space
from calibration.smoother import Model
from core.errors import CaseError
from jobs.twin import correction, plasma, veins
from jobs.twin.spec import TwinSpec
from solvers.surrogate.circuit import narrow_leaf

Array = NDArray[Any]


class Fittable(Protocol):
    """A model that gives numbers to compare with measurements."""

    @property
    def name(self) -> str:
        """What it is of."""

    @property
    def space(self) -> Space:
        """Its unknowns."""

    def handles(self, observation: Observation) -> bool:
        """Whether it predicts ``observation``."""

    def check(self, observation: Observation, where: str) -> None:
        """Raises `CaseError` where it cannot."""

    def predict(self, values: Array, observations: Sequence[Observation], day: float) -> Array:
        """Predictions (N, D) [SI] of members (N, P) on a day after the image."""

    def forecast(self, values: Array, day: float) -> dict[str, Array]:
        """Quantities of that day, each (N,)."""


@dataclass(frozen=True)
class Twin:
    """A patient's twin: its file and its models."""

    spec: TwinSpec
    models: tuple[Fittable, ...]

    def day(self, when: date) -> float:
        """Days after the image."""
        return float((when - self.spec.date).days)


def build(spec: TwinSpec, folder: Path, where: str) -> Twin:
    """The models of ``spec``, whose ``corrected_by`` starts at ``folder``. Raises `CaseError`."""
    anatomy = spec.anatomy(where)
    unknowns = veins.unknowns(spec, anatomy, where)
    if spec.corrected_by:
        of = {parameter.name: parameter for parameter in unknowns}
        runs = [folder / run for run in spec.corrected_by]
        flow = of[f"inflow_{narrow_leaf(anatomy)}"].centre
        known = correction.prior(runs, flow, of["viscosity"].centre, of["loss"].centre)
        if "correction" in spec.prior:
            raise CaseError("give either corrected_by or prior.correction, not both", where=where)
        spec = spec.model_copy(
            update={"corrected_by": (), "prior": {**spec.prior, "correction": known}}
        )
        unknowns = veins.unknowns(spec, anatomy, where)
    models: list[Fittable] = [veins.VeinModel(anatomy, Space(unknowns))]
    if spec.assay:
        models.append(plasma.PlasmaModel(spec.assay, Space(plasma.unknowns(spec, where))))
    names = [name for each in models for name in each.space.names]
    for name in spec.field:
        if name not in names:
            raise CaseError(
                f"there is no unknown {name!r}",
                where=f"{where}: field.{name}",
                do=f"there are {', '.join(names)}",
            )
    return Twin(spec, tuple(models))


def split(twin: Twin, visit: Visit, where: str) -> dict[str, Data]:
    """The visit's observations by model, dated. Raises `CaseError` for what no model predicts."""
    if twin.spec.pseudonym != visit.pseudonym and "unknown" not in (
        twin.spec.pseudonym,
        visit.pseudonym,
    ):
        raise CaseError(
            f"the twin is of {twin.spec.pseudonym!r}, the visit of {visit.pseudonym!r}",
            where=where,
            do="find out which is right: they may be two patients",
        )
    sorted_: dict[str, list[Observation]] = {model.name: [] for model in twin.models}
    for observation in visit.observation:
        dated = observation.model_copy(update={"date": observation.date or visit.date})
        if dated.date is not None and dated.date < twin.spec.date:
            raise CaseError(
                f"measured on {dated.date}, before the image of {twin.spec.date}",
                where=f"{where}: {observation.name}",
                do="correct the date",
            )
        model = next((m for m in twin.models if m.handles(dated)), None)
        if model is None:
            raise CaseError(
                f"no model of this twin predicts {observation.kind!r}",
                where=f"{where}: {observation.name}",
                do="thrombin generation and factors need an [assay] table in twin.toml",
            )
        model.check(dated, where)
        sorted_[model.name].append(dated)
    found = {name: Data.of(tuple(group)) for name, group in sorted_.items() if group}
    if not found:
        raise CaseError(
            "the visit holds no measurement", where=where, do="add [[observation]] tables"
        )
    return found


def predictor(twin: Twin, model: Fittable, data: Data) -> Model:
    """From latent numbers (N, P) to predictions (N, D) on the scale of ``data``."""
    days = [twin.day(o.date) if o.date else 0.0 for o in data.observations]

    def predicted(latent: Array) -> Array:
        values = model.space.values(latent)
        made = np.empty((len(latent), len(days)))
        for day in sorted(set(days)):
            on = [i for i, d in enumerate(days) if d == day]
            made[:, on] = model.predict(values, [data.observations[i] for i in on], day)
        return data.scaled(made)

    return predicted


def drifts(before: Sequence[str], now: Sequence[str]) -> Mapping[str, float]:
    """What a change of drugs makes uncertain: the rate at which the thrombus goes."""
    return {"lysis": 1.0} if set(before) != set(now) else {}
