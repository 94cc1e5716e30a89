"""A visit taken in: forecast, its test, the fit, and all that is told of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from calibration.intervals import interval
from calibration.judgement import INFORMED, LEVEL, contraction, innovation, predictive
from calibration.observations import KINDS, Data, Visit
from calibration.smoother import Smoothed, smooth
from jobs.twin.model import Fittable, Twin, drifts, predictor
from jobs.twin.veins import FORECAST
from postprocess.thresholds import HIGH, thresholds

Array = NDArray[Any]
Ensembles = Mapping[str, Array]
"""Latent numbers (N, P) of each model."""


@dataclass(frozen=True)
class Tested:
    """A forecast of a visit and how it came true: ``parts`` are the models' own tests."""

    start: Ensembles
    forecast: Mapping[str, Array]
    nis: float
    limit: float
    probability: float
    z: Mapping[str, Array]

    @property
    def consistent(self) -> bool:
        """Whether the measurements lie inside the band of 95 %."""
        return self.nis <= self.limit


def begin(twin: Twin) -> Ensembles:
    """The priors' ensembles."""
    return {m.name: m.space.sample(twin.spec.members, twin.spec.seed) for m in twin.models}


def carried(twin: Twin, last: Ensembles, before: Visit, visit: Visit, number: int) -> Ensembles:
    """The last posterior at the next visit, widened by what may have changed since."""
    rng = np.random.default_rng([twin.spec.seed, number])
    more = drifts(before.drugs, visit.drugs)
    return {m.name: m.space.drifted(last[m.name], rng, more) for m in twin.models}


def tested(twin: Twin, start: Ensembles, data: Mapping[str, Data]) -> Tested:
    """The forecast of ``data`` by the ensembles ``start``, and the test of it."""
    forecasts, parts = {}, {}
    for model in twin.models:
        if model.name in data:
            own = data[model.name]
            made = predictor(twin, model, own)(start[model.name])
            forecasts[model.name] = made
            parts[model.name] = innovation(made, own.values, own.sd)
    nis = sum(part.nis for part in parts.values())
    count = sum(len(own.values) for own in data.values())
    return Tested(
        start,
        forecasts,
        nis,
        float(chi2.ppf(LEVEL, count)),
        float(chi2.sf(nis, count)),
        {name: part.z for name, part in parts.items()},
    )


def fitted(twin: Twin, data: Mapping[str, Data], test: Tested, number: int) -> dict[str, Smoothed]:
    """The ensembles of a tested forecast conditioned on ``data``, for the models it is about."""
    made = {}
    for model in twin.models:
        if model.name in data:
            own = data[model.name]
            rng = np.random.default_rng([twin.spec.seed, number, len(model.name)])
            made[model.name] = smooth(
                predictor(twin, model, own),
                test.start[model.name],
                own.values,
                own.sd,
                rng,
                forecast=test.forecast[model.name],
            )
    return made


def unknowns(model: Fittable, prior: Array, posterior: Array) -> list[dict[str, Any]]:
    """Each unknown of ``model``: prior, posterior, and whether the data inform it.

    ``prior`` are latent numbers of the twin's first version: of what was known before any visit.
    """
    ratios = contraction(prior, posterior)
    before, after = model.space.values(prior), model.space.values(posterior)
    return [
        {
            "model": model.name, "name": p.name, "unit": p.unit, "shown": p.shown,
            "meaning": p.meaning, "source": p.source, "prior": span(before[:, i]),
            "posterior": span(after[:, i]), "ratio": round(float(ratios[i]), 4),
            "informed": bool(ratios[i] < INFORMED),
        }
        for i, p in enumerate(model.space.parameters)
    ]  # fmt: skip


def measurements(
    twin: Twin, data: Mapping[str, Data], test: Tested, fits: Mapping[str, Smoothed]
) -> list[dict[str, Any]]:
    """Each measurement beside its forecast and, where there is one, its fit."""
    rows: list[dict[str, Any]] = []
    for name, own in data.items():
        rng = np.random.default_rng([twin.spec.seed, len(rows)])
        bands = [_band(own, test.forecast[name], rng)]
        odds: Array = np.full(len(own.values), np.nan)
        if name in fits:
            bands.append(_band(own, fits[name].fit, rng))
            odds = predictive(fits[name].fit, own.values, own.sd, rng)
        for i, o in enumerate(own.observations):
            row = {
                "model": name, "name": o.name, "kind": o.kind, "site": o.site, "over": o.over,
                "device": o.device, "date": str(o.date), "unit": KINDS[o.kind].unit,
                "shown": KINDS[o.kind].shown, "value": o.measured, "error": float(o.sd),
                "scale": KINDS[o.kind].scale,
                "source": o.source or KINDS[o.kind].source, "z": float(test.z[name][i]),
                "forecast": bands[0][i],
            }  # fmt: skip
            if name in fits:
                row |= {"fit": bands[1][i], "probability": float(odds[i])}
            rows.append(row)
    return rows


def _band(data: Data, predicted: Array, rng: np.random.Generator) -> list[dict[str, float]]:
    """The interval in which a measurement is expected: members with the error of measuring."""
    again = predicted + data.sd * rng.standard_normal(predicted.shape)
    return [span(column) for column in data.unscaled(again).T]


def quantities(twin: Twin, ensembles: Ensembles, day: float) -> list[dict[str, Any]]:
    """What the twin says of ``day``: intervals, and the probability of lying beyond a limit."""
    rows = []
    limits = thresholds()
    for model in twin.models:
        told = model.forecast(model.space.values(ensembles[model.name]), day)
        for name, values in told.items():
            unit, shown, meaning = FORECAST[name]
            row = {"name": name, "meaning": meaning, "unit": unit, "shown": shown, **span(values)}
            if name in limits and limits[name].direction == HIGH:
                known = values[np.isfinite(values)]
                beyond = float(np.mean([limits[name].exceeds(v) for v in known]))
                row["beyond"] = {"limit": limits[name].limit, "probability": beyond}
            rows.append(row)
    return rows


def span(values: Array) -> dict[str, float]:
    """Median and the ends of the central 95 %."""
    found = interval(values)
    return {"median": found.median, "low": found.low, "high": found.high}
