"""One synthetic patient through three visits by the code of `dvtwin calibrate` and `update`."""

import datetime
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import _richer_patient as richer
from calibration.observations import Data, Visit
from core.settings import read
from jobs.twin import fit, model
from jobs.twin.fit import Ensembles, Tested
from jobs.twin.model import Twin
from jobs.twin.spec import TwinSpec
from jobs.twin.veins import EXERCISE, VeinModel
from solvers.surrogate import circuit

Array = NDArray[Any]
IMAGE = datetime.date(2026, 1, 5)
VISITS = (2.0, 30.0, 90.0)
AHEAD, DECISION = 180.0, 3.0
MEMBERS = 200
SERIES = 2028
"""Seeds of the patients; 2026 and 2027 were used while this was made."""
SCORED = ("pressure_gradient", "minimum_area", "limb_flow", "thrombus_volume")
"""What is scored on the day of the last visit, by the last version."""


@dataclass(frozen=True)
class Course:
    """What came of one patient.

    ``scored``: by quantity (truth, low, high, posterior over prior width). ``errors``: |error| of
    the forecast for day 180 after each visit, by quantity, on the scale of ln. ``alarms``: p of
    the right patient's visits 2 and 3. ``wrong``: p of a stranger's visit 2 and, if that is not
    refused, 3.
    ``difference``: of the options' gradients, true and median forecast, and how sure.
    """

    scored: dict[str, tuple[float, float, float, float]]
    errors: dict[str, list[float]]
    alarms: list[float]
    wrong: list[float]
    difference: tuple[float, float, float]
    ratios: dict[str, float]


def course(number: int) -> Course:
    """Patient ``number``, whose stranger is the next one."""
    patient, visits, twin = _patient(number)
    _, others, _ = _patient(number + 1)
    prior = fit.begin(twin)
    versions, alarms = [], []
    for i, visit in enumerate(visits):
        start = prior if not i else fit.carried(twin, versions[-1], visits[i - 1], visit, i + 1)
        data = model.split(twin, visit, "visit")
        test = fit.tested(twin, start, data)
        if i:
            alarms.append(test.probability)
        versions.append(_after(twin, data, test, i + 1))
    ratios = {
        row["name"]: row["ratio"]
        for row in fit.unknowns(twin.models[0], prior["veins"], versions[-1]["veins"])
    }
    return Course(
        scored=_scored(patient, twin, prior, versions[-1]),
        errors=_errors(patient, twin, versions),
        alarms=alarms,
        wrong=_stranger(twin, versions[0], visits[0], others),
        difference=_ranked(patient, twin, versions[0]),
        ratios=ratios,
    )


def _patient(number: int) -> tuple[richer.Patient, list[Visit], Twin]:
    """Patient ``number``, the visits and the twin of the image."""
    rng = np.random.default_rng([SERIES, number])
    patient = richer.draw(rng)
    lines, closed = richer.imaged(patient, rng)
    veins = {
        name: {
            "into": richer.INTO[name], "arc": [f"{v!r} m" for v in arc.tolist()],
            "area": [f"{v!r} m^2" for v in area.tolist()],
        }
        for name, (arc, area) in lines.items()
    }  # fmt: skip
    sites = {n: {"vein": vein, "arc": f"{arc!r} m"} for n, (vein, arc) in richer.SITES.items()}
    start, end = richer.CLOT
    table = {
        "title": f"synthetic patient {number}", "date": IMAGE, "vein": veins, "site": sites,
        "thrombus": {
            "vein": "left", "start": f"{start!r} m", "end": f"{end!r} m", "closed": closed,
        },
        "members": MEMBERS, "seed": number,
    }  # fmt: skip
    twin = model.build(read(TwinSpec, table, "bench"), Path(), "bench")
    visits = [
        read(
            Visit,
            {
                "date": IMAGE + datetime.timedelta(days=day),
                "observation": richer.measure(patient, day, rng, catheter=not i),
            },
            "bench",
        )
        for i, day in enumerate(VISITS)
    ]
    return patient, visits, twin


def _after(twin: Twin, data: dict[str, Data], test: Tested, number: int) -> Ensembles:
    return {name: made.after for name, made in fit.fitted(twin, data, test, number).items()}


def truth(patient: richer.Patient, day: float) -> dict[str, float]:
    """The true quantities of a day of usual inflow."""
    seen = richer.examine(patient, day)
    return {
        "pressure_gradient": seen.pressure["peripheral"] - seen.pressure["central"],
        "minimum_area": seen.lumen["lesion"], "limb_flow": patient.inflow,
        "thrombus_volume": richer.thrombus_volume(patient, day),
    }  # fmt: skip


def _scored(
    patient: richer.Patient, twin: Twin, prior: Ensembles, last: Ensembles
) -> dict[str, tuple[float, float, float, float]]:
    """Truths of the last visit's day, their intervals, and these over the prior's in width."""
    real, found = truth(patient, VISITS[-1]), {}
    spans = [_intervals(twin, ensembles, VISITS[-1]) for ensembles in (prior, last)]
    for name in SCORED:
        before, after = spans[0][name], spans[1][name]
        found[name] = (
            real[name], after["low"], after["high"],
            (after["high"] - after["low"]) / (before["high"] - before["low"]),
        )  # fmt: skip
    return found


def _intervals(twin: Twin, ensembles: Ensembles, day: float) -> dict[str, dict[str, float]]:
    return {row["name"]: row for row in fit.quantities(twin, ensembles, day)}


def _errors(
    patient: richer.Patient, twin: Twin, versions: list[Ensembles]
) -> dict[str, list[float]]:
    """|ln forecast − ln truth| of day 180 after each visit."""
    real = truth(patient, AHEAD)
    spans = [_intervals(twin, version, AHEAD) for version in versions]
    return {
        name: [abs(float(np.log(max(s[name]["median"], 1e-12) / real[name]))) for s in spans]
        for name in SCORED
    }


def _stranger(twin: Twin, first: Ensembles, before: Visit, others: list[Visit]) -> list[float]:
    """p of a stranger's second visit, and of the third where the second was taken in."""
    found: list[float] = []
    ensembles, last = first, before
    for number, visit in enumerate(others[1:], 2):
        start = fit.carried(twin, ensembles, last, visit, number)
        data = model.split(twin, visit, "visit")
        test = fit.tested(twin, start, data)
        found.append(test.probability)
        if not test.consistent:
            break
        ensembles, last = _after(twin, data, test, number), visit
    return found


def _ranked(patient: richer.Patient, twin: Twin, first: Ensembles) -> tuple[float, float, float]:
    """Exercise gradient with a stent less that after thrombectomy: true, forecast, P(sign)."""
    real = [
        seen.pressure["peripheral"] - seen.pressure["central"]
        for seen in (
            richer.examine(richer.opened(patient, stent), DECISION, EXERCISE)
            for stent in (True, False)
        )
    ]
    veins = twin.models[0]
    assert isinstance(veins, VeinModel)
    values = veins.space.values(first["veins"])
    stented, cleared = (_option(veins, values, stent) for stent in (True, False))
    differences = stented - cleared
    middle = float(np.median(differences))
    return real[0] - real[1], middle, float(np.mean(np.sign(differences) == np.sign(middle)))


def _option(veins: VeinModel, values: Array, stent: bool) -> Array:
    """The gradients [Pa] (N,) under exercise on the decision's day with one of the options."""
    anatomy, condition = veins.anatomy, veins.condition(values, DECISION)
    flows = {leaf: EXERCISE * flow for leaf, flow in condition.inflow.items()}
    condition = replace(condition, inflow=flows)
    if stent:
        line = circuit.open_lines(anatomy, replace(condition, closed=0.0))["left"]
        near = np.abs(line.arc - richer.LESION) <= 0.02
        near &= line.arc > richer.CLOT[1]
        area = np.where(near, np.maximum(line.area, richer.STENT), line.area)
        whole = area / np.asarray(condition.calibre)[:, None]
        lines = {**anatomy.lines, "left": replace(line, area=whole)}
        anatomy, condition = replace(anatomy, lines=lines), replace(condition, narrowing=1.0)
    else:
        condition = replace(condition, closed=richer.LEFT_BEHIND)
    seen = circuit.settle(anatomy, condition)
    return seen.pressure("peripheral") - seen.pressure("central")
