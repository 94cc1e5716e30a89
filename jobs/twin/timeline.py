"""All visits of a twin: what was measured, what had been forecast, how well, and what comes."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from calibration.intervals import share
from calibration.judgement import crps
from calibration.observations import Data, Observation
from jobs.twin import files, fit
from jobs.twin.figures import dates
from jobs.twin.files import Kept
from jobs.twin.model import Fittable, Twin, predictor

POINTS = 13


def timeline(folder: Path, days: float) -> dict[str, Any]:
    """What `timeline.json` holds; forecasts go ``days`` beyond the last version. Raises
    `TwinError`.
    """
    twin, kept = files.opened(folder)
    refused = files.refusals(folder)
    panels = _panels(twin, kept, refused, days)
    return {
        "title": twin.spec.title,
        "versions": [_line(one) for one in kept],
        "refused": [
            {"date": one["visit"]["date"], "innovation": one["innovation"]} for one in refused
        ],
        "scores": scores(twin, kept),
        "panels": panels,
    }


def _line(kept: Kept) -> dict[str, Any]:
    told = kept.told
    return {
        "number": kept.version.number, "date": told["visit"]["date"],
        "parent": kept.version.told["parent"], "innovation": told["innovation"],
        "reviewed": told.get("reviewed", ""), "drugs": told["visit"]["drugs"],
        "quantities": told["forecast"][0]["quantities"],
    }  # fmt: skip


def scores(twin: Twin, kept: Sequence[Kept]) -> dict[str, Any]:
    """How the forecasts of all visits but the first came true.

    Coverage of the 95 % intervals; CRPS in units of the measurement's error, of the twin and, to
    compare with, of the prior that no visit had taught.
    """
    inside: list[bool] = []
    own: list[float] = []
    naive: list[float] = []
    prior = fit.begin(twin)
    for before, now in pairwise(kept):
        start = fit.carried(twin, before.ensembles, before.visit, now.visit, now.version.number)
        for model in twin.models:
            seen = [
                _observation(row) for row in now.told["measurements"] if row["model"] == model.name
            ]
            if not seen:
                continue
            data = Data.of(tuple(seen))
            rng = np.random.default_rng([twin.spec.seed, now.version.number])
            for ensemble, into in ((start, own), (prior, naive)):
                made = predictor(twin, model, data)(ensemble[model.name])
                made = made[np.isfinite(made).all(axis=1)]
                made = made + data.sd * rng.standard_normal(made.shape)
                into += [
                    crps(made[:, i], data.values[i]) / data.sd[i] for i in range(len(data.sd))
                ]
                if ensemble is start:
                    low, high = np.quantile(made, [0.025, 0.975], axis=0)
                    inside += list((low <= data.values) & (data.values <= high))
    if not inside:
        return {"forecasts": 0}
    low, high = share(int(np.sum(inside)), len(inside))
    return {
        "forecasts": len(inside), "coverage": float(np.mean(inside)), "coverage_low": low,
        "coverage_high": high, "crps": float(np.mean(own)), "crps_of_prior": float(np.mean(naive)),
    }  # fmt: skip


def _observation(row: Mapping[str, Any]) -> Observation:
    """The observation of a row of `posterior.json`."""
    unit = "" if row["unit"] == "1" else f" {row['unit']}"
    error = row["error"] if row["scale"] == "log" or not unit else f"{row['error']!r}{unit}"
    return Observation(
        kind=row["kind"], site=row["site"], over=row["over"], error=error,
        value=f"{row['value']!r}{unit}" if unit else row["value"],
        date=date.fromisoformat(row["date"]),
    )  # fmt: skip


def _panels(
    twin: Twin, kept: Sequence[Kept], refused: Sequence[Mapping[str, Any]], days: float
) -> list[dict[str, Any]]:
    """One panel for each measurement that was made at some visit."""
    made: dict[str, dict[str, Any]] = {}
    told = [(one.version.number, one.told, False) for one in kept]
    told += [(0, one, True) for one in refused]
    for number, visit, out in told:
        for row in visit["measurements"]:
            names = ("name", "unit", "shown", "model")
            panel = made.setdefault(row["name"], {n: row[n] for n in names} | {"visits": []})
            panel["last"] = row
            panel["visits"].append(
                {"number": number, "refused": out, "date": row["date"], "value": row["value"],
                 "forecast": row["forecast"]}
            )  # fmt: skip
    for model in twin.models:
        own = [panel for panel in made.values() if panel["model"] == model.name]
        ahead = _ahead(twin, model, kept[-1], [panel.pop("last") for panel in own], days)
        for panel, one in zip(own, ahead, strict=True):
            panel["ahead"] = one
    return list(made.values())


def _ahead(
    twin: Twin, model: Fittable, last: Kept, rows: Sequence[Mapping[str, Any]], days: float
) -> list[dict[str, Any]]:
    """What would be measured from the last version on: for each row, intervals at some dates."""
    rng = np.random.default_rng([twin.spec.seed, 0])
    values = model.space.values(model.space.drifted(last.ensembles[model.name], rng, {}))
    seen = [_observation(row) for row in rows]
    when = dates(last.visit.date, days, POINTS if model.name == "veins" else 2)
    found = [model.predict(values, seen, twin.day(day)) for day in when] if seen else []
    made = []
    for i in range(len(seen)):
        spans = [fit.span(predicted[:, i]) for predicted in found]
        ends = {end: [one[end] for one in spans] for end in ("median", "low", "high")}
        made.append({"dates": [str(day) for day in when], **ends})
    return made
