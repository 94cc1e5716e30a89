"""From a visit to the next version of a twin: calibrate the first, update with each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calibration import periodic, signals
from calibration.observations import Data, Visit
from calibration.smoother import Smoothed
from calibration.versions import new
from core.errors import CaseError, GateFailed
from core.record import commit, digest_file
from jobs import audit
from jobs.folder import write_text
from jobs.twin import files, fit, model
from jobs.twin.fit import Ensembles, Tested
from jobs.twin.model import Twin

SCHEMA = 1
AHEAD = (0.0, 30.0, 90.0, 180.0)
"""Days after the visit that are forecast."""
LIMITS = (
    "rigid round or elliptical veins in 0D; what this leaves out is the unknown `correction`",
    "exercise is three times the inflow at rest, with the same veins",
    "recanalisation is one exponential; what a new drug does to its rate is not known",
)
REVIEW = "the twin no longer matches the patient: review the images"


@dataclass(frozen=True)
class Done:
    """What became of a visit: the new version's folder, or None where it was not taken in."""

    folder: Path | None
    told: Mapping[str, Any]


def calibrate(twin_file: Path, visit_file: Path, out: Path) -> Done:
    """The first version of a twin. Raises `TwinError`."""
    from jobs.twin.spec import load

    files.vacant(out)
    twin = model.build(load(twin_file), twin_file.parent, twin_file.name)
    visit = files.visit_of(visit_file)
    data = model.split(twin, visit, visit_file.name)
    start = fit.begin(twin)
    test = fit.tested(twin, start, data)
    waves = waveforms(visit, visit_file.parent)
    return _taken_in(out, twin, _Known(visit, visit_file, data, test, waves, {}), 1)


def update(folder: Path, visit_file: Path, reviewed: str = "") -> Done:
    """A new visit: forecast, test, and only where consistent (or reviewed) a new version.

    A visit that is not consistent leaves everything as it was, but for its record in `refused/`.
    Raises `TwinError`.
    """
    twin, kept = files.opened(folder)
    last, visit = kept[-1], files.visit_of(visit_file)
    if visit.date <= last.visit.date:
        raise CaseError(
            f"the visit of {visit.date} is not later than the last, {last.visit.date}",
            where=visit_file.name,
            do="visits are taken in by date, each once",
        )
    data = model.split(twin, visit, visit_file.name)
    number = last.version.number + 1
    start = fit.carried(twin, last.ensembles, last.visit, visit, number)
    test = fit.tested(twin, start, data)
    waves = waveforms(visit, visit_file.parent)
    extra: dict[str, Any] = {"reviewed": reviewed} if reviewed else {}
    known = _Known(visit, visit_file, data, test, waves, extra)
    if not test.consistent and not reviewed:
        told = _head(twin, known) | {
            "verdict": REVIEW,
            "measurements": fit.measurements(twin, data, test, {}),
        }
        path = files.refuse(folder, visit, told)
        audit.note(
            folder / "audit.jsonl", "refused", visit=digest_file(visit_file), kept=path.name
        )
        return Done(None, told)
    return _taken_in(folder, twin, known, number)


@dataclass(frozen=True)
class _Known:
    """All that is known of a visit before it is fitted."""

    visit: Visit
    file: Path
    data: Mapping[str, Data]
    test: Tested
    waves: Sequence[tuple[str, periodic.Waveform]]
    extra: Mapping[str, Any]


def _taken_in(folder: Path, twin: Twin, known: _Known, number: int) -> Done:
    """Fit, and write the version."""
    from jobs.twin.figures import draw_fit

    fits = fit.fitted(twin, known.data, known.test, number)
    after = _same_members(twin, known.test.start, fits)
    told = _head(twin, known) | _told(twin, known, fits, after)
    if number == 1:
        files.start(folder, twin)
    with new(folder, date=str(known.visit.date), visit=digest_file(known.file)) as place:
        files.write(place, twin, known.visit, told, after)
        for name, wave in known.waves:
            times = wave.period * np.arange(len(wave.mean)) / len(wave.mean)
            lines = [f"{t:.5g}, {v:.6g}" for t, v in zip(times, wave.mean, strict=True)]
            write_text(place / name, "\n".join(["time [s], value", *lines]) + "\n")
        draw_fit(told, place / "fit.png")
    final = folder / f"version-{number:03d}"
    audit.note(
        folder / "audit.jsonl",
        "version",
        number=number,
        version=digest_file(final / "version.json"),
    )
    return Done(final, told)


def _same_members(twin: Twin, start: Ensembles, fits: Mapping[str, Smoothed]) -> dict[str, Any]:
    """The fitted ensembles; members given up are replaced by others, so that all are as large."""
    made = {}
    for part in twin.models:
        z = fits[part.name].after if part.name in fits else start[part.name]
        short = twin.spec.members - len(z)
        rng = np.random.default_rng(twin.spec.seed)
        made[part.name] = np.concatenate([z, z[rng.choice(len(z), short)]]) if short > 0 else z
    return made


def _head(twin: Twin, known: _Known) -> dict[str, Any]:
    """What is told of every visit, taken in or not."""
    visit, test = known.visit, known.test
    return {
        "schema": SCHEMA, "title": twin.spec.title, "pseudonym": twin.spec.pseudonym,
        "program": f"dvtwin {commit()}", "seed": twin.spec.seed, "members": twin.spec.members,
        "visit": {
            "date": str(visit.date), "day": twin.day(visit.date), "drugs": list(visit.drugs),
            "note": visit.note, "sha256": digest_file(known.file),
        },
        "innovation": {
            "nis": test.nis, "limit": test.limit, "probability": test.probability,
            "consistent": test.consistent,
            "measurements": sum(len(own.values) for own in known.data.values()),
        },
        **known.extra,
    }  # fmt: skip


def _told(
    twin: Twin, known: _Known, fits: Mapping[str, Smoothed], after: Ensembles
) -> dict[str, Any]:
    """What is told of a visit that was taken in."""
    prior = fit.begin(twin)
    rows = [r for m in twin.models for r in fit.unknowns(m, prior[m.name], after[m.name])]
    day = twin.day(known.visit.date)
    return {
        "unknowns": rows,
        "measurements": fit.measurements(twin, known.data, known.test, fits),
        "forecast": [
            {"day": day + ahead, "quantities": fit.quantities(twin, after, day + ahead)}
            for ahead in AHEAD
        ],
        "lost": {name: made.lost for name, made in fits.items()},
        "waveforms": [
            {"file": name, "period": wave.period, "period_sd": wave.period_sd, "used": wave.used,
             "found": wave.found, "swing": wave.swing,
             "scatter": [round(float(s), 6) for s in wave.scatter]}
            for name, wave in known.waves
        ],
        "limits": list(LIMITS),
    }  # fmt: skip


def waveforms(visit: Visit, folder: Path) -> list[tuple[str, periodic.Waveform]]:
    """The periodic waveform of each recorded signal, with its file's name. Raises `CaseError`."""
    return [
        (f"waveform-{number}.csv",
         periodic.reduce(signals.read(folder / one.file, one.channel), one.rhythm))
        for number, one in enumerate(visit.signal, 1)
    ]  # fmt: skip


def refused(done: Done) -> GateFailed:
    """The error of a visit that was not taken in."""
    worst = sorted(done.told["measurements"], key=lambda row: -abs(row["z"]))[:3]
    named = "; ".join(f"{row['name']} {row['z']:+.1f} sd" for row in worst)
    return GateFailed(
        REVIEW,
        where=f"furthest from the forecast: {named}",
        do="check side, sites and patient, look at new images and calibrate a new twin; or, if "
        'the change is understood, take the visit in with --reviewed "WHY"',
    )
