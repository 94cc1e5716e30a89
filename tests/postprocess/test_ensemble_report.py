"""A report of a run with an ensemble and a comparison beside it: what it then says, and where."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.units import to_si
from postprocess.ensemble import FILE
from postprocess.findings import Findings, load, write_json
from postprocess.reporting import comparison
from postprocess.reporting.comparison import Order
from postprocess.reporting.report import comparison_of
from postprocess.settings import ReportSettings
from tests.postprocess.conftest import KEY, PATIENT
from tests.postprocess.test_comparison import changed
from tests.postprocess.test_report import pages, report

COUNT = 40
NAMES = ("flow.boundary.left.mean", "mesh.stenosis")


def ensemble(found: Findings, key: str = KEY, sound: int = COUNT) -> dict:
    """Forty members spread evenly from 60 to 140 % of each value."""
    factors = np.linspace(0.6, 1.4, COUNT)
    rows = {row.name: row.value * factors for row in found.rows if row.value is not None}
    effects = [
        {"name": name, "share": share, "error": 0.05, "first": None, "rises": share > 0.5}
        for name, share in zip(NAMES, (0.7, 0.25), strict=True)
    ]
    known = {"effects": effects, "measure": "share of the rank regression", "count": COUNT,
             "explained": 0.95}
    return {
        "schema": 1, "key": key, "design": "latin-hypercube", "members": COUNT, "sound": sound,
        "missing": [], "varied": [{"path": name} for name in NAMES],
        "intervals": {
            name: dict(zip(("low", "median", "high"), np.quantile(v, [0.025, 0.5, 0.975]),
                           strict=True), count=sound) for name, v in rows.items()},
        "values": rows, "clot": {},
        "sensitivity": dict.fromkeys(("pressure_gradient", "velocity_ratio"), known),
    }


def with_ensemble(folder: Path, **about: object) -> dict:
    """The report of a fabricated run whose ensemble was there before it."""
    def add(found: Findings) -> Findings:
        write_json(folder / FILE, ensemble(found, **about))
        return found

    return report(folder, change=add)


def test_intervals_counts_and_bars(tmp_path: Path) -> None:
    document = with_ensemble(tmp_path)
    assert document["intervals"]
    assert document["interval_note"].startswith("Intervals: 95 % of an ensemble")
    found = load(tmp_path / "metrics.json")
    row = found.row("area_stenosis")
    line = next(r for r in document["rows"] if r["label"] == row.label)
    low, high = (100 * row.value * (0.6 + 0.8 * q) for q in (0.025, 0.975))
    assert line["interval"] == f"{low:.0f}–{high:.0f}"
    # 50 % lies inside the interval
    assert line["flag"] == "borderline"
    limit = to_si("50 %", "1")
    beyond = int((row.value * np.linspace(0.6, 1.4, COUNT) >= limit).sum())
    assert (
        f"{row.label}: {beyond} of 40 members are past the commonly used limit (< 50 %)."
        in document["sureness"]
    )
    assert document["sensitivity"]["file"] == "sensitivity.svg"
    assert "mesh.stenosis 25 %" in document["sensitivity"]["alt"]
    assert (tmp_path / "figures/sensitivity.svg").stat().st_size > 1000
    assert "beyond the inputs that were varied (2 of them)" in document["limits"][0]
    assert document["metrics"][0]["low"] is not None
    assert pages(tmp_path) in (3, 4)


@pytest.mark.parametrize(
    ("about", "words"), [({"key": "another"}, ""), ({"sound": 35}, "5 of 40 members have no")])
def test_another_runs_ensemble_or_a_poor_one_gives_no_interval(
    tmp_path: Path, about: dict, words: str
) -> None:
    document = with_ensemble(tmp_path, **about)
    assert not document["intervals"]
    assert document["sensitivity"] is None
    assert words in " ".join(document["sureness"])
    assert document["limits"][0].startswith("How sure it is: one simulation")


def test_a_comparison_of_this_run_stands_on_the_second_page(tmp_path: Path) -> None:
    report(tmp_path)
    own = load(tmp_path / "metrics.json")
    files = {}
    for name, found in (("Now", own), ("Stent", changed(own, 0.5))):
        files[name] = tmp_path / f"{name}.json"
        replace(found, clot={}).save(files[name])
    comparison.write(
        files, tmp_path / "comparison", title="x", patient=PATIENT, settings=ReportSettings(),
        created="2026-11-22T09:12:00Z", order=Order("pressure_gradient"),
    )
    document = report(tmp_path)
    assert document["comparison"]["tables"][0]["names"] == ["Now", "Stent"]
    assert document["comparison"]["ranking"][0].startswith("1. Stent: pressure gradient")
    assert (tmp_path / "figures/by_run.svg").exists()
    # of another run or in another language it is left out
    assert comparison_of(tmp_path, KEY, "en") == document["comparison"]
    assert comparison_of(tmp_path, KEY, "pl") is None
    assert comparison_of(tmp_path, "another", "en") is None


def test_a_borderline_value_is_not_called_within(tmp_path: Path) -> None:
    said = " ".join(with_ensemble(tmp_path)["findings"])
    assert "its interval holds both sides of the commonly used limit < 50 %" in said
    assert "within the commonly used limit < 50 %" not in said
