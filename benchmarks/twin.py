"""Twins of synthetic patients whose truth is a richer model than the one that is fitted.

Each patient has an image, three visits and a twin that goes through `dvtwin calibrate` and two
`dvtwin update`s. Thresholds stand here, fixed before the figures were seen.
"""

import multiprocessing
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks._twin_course import SCORED, Course, course
from calibration.intervals import share
from calibration.judgement import INFORMED, coverage

PATIENTS = 100
LEVEL = 0.05
"""A visit whose probability under the forecast is below is refused: the band of 95 %."""
MATTERS = 66.7
"""Options whose true gradients differ by less [Pa], 0.5 mmHg, are not ranked."""
SOURCE = "synthetic patients of a richer model, benchmarks/_richer_patient.py"


def run() -> list[dict[str, Any]]:
    """Coverage, width, error by visit, wrong twins, ranking."""
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        courses = pool.map(course, range(PATIENTS), chunksize=4)
    return [
        *_coverage(courses), *_errors(courses), *_alarms(courses), *_ranking(courses),
        *_identified(courses),
    ]  # fmt: skip


def _row(
    name: str, value: float, unit: str, reference: Any, ok: bool | None, note: str = ""
) -> Any:
    return {
        "id": f"twin.{name}", "value": value, "unit": unit, "reference": reference,
        "tolerance": None, "ok": ok, "source": note or SOURCE,
    }  # fmt: skip


def _coverage(courses: Sequence[Course]) -> list[dict[str, Any]]:
    tables = {name: np.array([one.scored[name] for one in courses]) for name in SCORED}
    every = np.concatenate(list(tables.values()))
    pooled, _ = coverage(every[:, 1], every[:, 2], every[:, 0])
    widths = every[:, 3]
    width = float(np.median(widths[widths < INFORMED]))
    rows = [
        _row("coverage-95", pooled, "1", "0.90 to 0.98", 0.90 <= pooled <= 0.98,
             f"{len(SCORED)} quantities of {len(courses)} twins after three visits; {SOURCE}"),
        _row("width", width, "1", "< 0.5", width < 0.5,
             f"posterior over prior interval, median where below {INFORMED}"),
    ]  # fmt: skip
    for name, table in tables.items():
        share_inside, (low, high) = coverage(table[:, 1], table[:, 2], table[:, 0])
        rows += [
            _row(f"coverage-95.{name}", share_inside, "1", "0.90 to 0.98", None,
                 f"of {len(table)}; 95 % interval {low:.2f} to {high:.2f}"),
            _row(f"width.{name}", float(np.median(table[:, 3])), "1", "< 0.5", None,
                 "posterior over prior interval, median of all"),
        ]  # fmt: skip
    return rows


def _errors(courses: Sequence[Course]) -> list[dict[str, Any]]:
    table = np.array([[one.errors[name] for name in SCORED] for one in courses])
    mean = table.mean(axis=0)
    whole = mean.mean(axis=0)
    falls = bool((np.diff(whole) < 0.0).all())
    rows = [
        _row(f"forecast-error-{i}", float(error), "1", "falling", falls if i > 1 else None,
             "mean |ln forecast/truth| for day 180, all quantities")
        for i, error in enumerate(whole, 1)
    ]  # fmt: skip
    for name, errors in zip(SCORED, mean, strict=True):
        rows += [
            _row(f"forecast-error-{i}.{name}", float(error), "1", None, None)
            for i, error in enumerate(errors, 1)
        ]
    return rows


def _alarms(courses: Sequence[Course]) -> list[dict[str, Any]]:
    tests = np.array([one.alarms for one in courses])
    false = float((tests < LEVEL).mean())
    twins = float((tests < LEVEL).any(axis=1).mean())
    found = np.array([min(one.wrong) < LEVEL for one in courses])
    low, high = share(int(found.sum()), len(found))
    return [
        _row("wrong-found", float(found.mean()), "1", ">= 0.90", bool(found.mean() >= 0.90),
             f"another patient's visits, within two; 95 % interval {low:.2f} to {high:.2f}"),
        _row("false-alarms", false, "1", "<= 0.05", false <= 0.05,
             f"right visits refused, of {tests.size}"),
        _row("false-alarms-in-two", twins, "1", None, None, "right twins with one in two visits"),
    ]  # fmt: skip


def _ranking(courses: Sequence[Course]) -> list[dict[str, Any]]:
    table = np.array([one.difference for one in courses])
    matters = np.abs(table[:, 0]) > MATTERS
    right = np.sign(table[:, 0]) == np.sign(table[:, 1])
    share_right = float(right[matters].mean())
    sure = matters & (table[:, 2] >= 0.95)
    stents = int((table[matters, 0] < 0.0).sum())
    return [
        _row("ranking", share_right, "1", ">= 0.95", share_right >= 0.95,
             f"stent or thrombectomy, exercise gradient, after the first visit; "
             f"{int(matters.sum())} twins differ by > 0.5 mmHg, in {stents} the stent is better"),
        _row("ranking-when-sure", float(right[sure].mean()), "1", None, None,
             f"the {int(sure.sum())} of them with P >= 0.95"),
    ]  # fmt: skip


def _identified(courses: Sequence[Course]) -> list[dict[str, Any]]:
    return [
        _row(f"contraction.{name}", ratio, "1", None, None,
             "posterior over prior sd, median" + ("" if ratio < INFORMED else ": not informed"))
        for name in courses[0].ratios
        for ratio in [float(np.median([one.ratios[name] for one in courses]))]
    ]  # fmt: skip
