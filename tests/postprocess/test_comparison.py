"""Scenarios and visits side by side: what is compared, what is not, and how it is laid out."""

import json
from dataclasses import replace

import numpy as np
import pytest

from postprocess.findings import Gate
from postprocess.pictures import comparison_figures
from postprocess.pictures.figures import growth, volume_bands
from postprocess.reporting import comparison
from postprocess.reporting.comparison import ELSEWHERE, NO_RESULT, Run, tabled
from postprocess.reporting.words import Words
from postprocess.settings import ReportSettings
from tests.postprocess.test_report import pages

ENGLISH = Words()


def changed(found, factor=1.0, *, interval=None, arc=0.0, flag=None):
    """``found`` with every value multiplied, measured ``arc`` further on."""
    rows = [
        row if row.value is None else replace(
            row, value=row.value * factor, flag=flag or row.flag,
            low=row.value * interval[0] if interval else None,
            high=row.value * interval[1] if interval else None)
        for row in found.rows
    ]
    return replace(found, rows=rows, lesion={**found.lesion, "arc": found.lesion["arc"] + arc})


def cells(table, label):
    return next(row["cells"] for row in table["rows"] if row["label"] == label)


def test_changes_are_against_the_first_run(measured):
    table, = tabled([Run("now", measured), Run("stent", changed(measured, 0.5))], ENGLISH)
    assert table["names"] == ["now", "stent"]
    now, stent = cells(table, "Minimum lumen area")
    row = measured.row("minimum_area")
    assert now["value"] == row.text
    half = -0.5e6 * row.value
    assert stent["change"] == f"−{abs(half):.0f} mm²"
    assert cells(table, "Lumen area stenosis")[1]["change"] == "−32 points; high"


def test_no_change_is_given_between_places_that_differ(measured):
    runs = [Run("one", measured), Run("two", changed(measured, 2, arc=6e-3))]
    table, = tabled(runs, ENGLISH)
    assert cells(table, "Minimum lumen area")[1]["change"] == ELSEWHERE
    # what has no place may be compared
    assert cells(table, "Residence time, 95th percentile")[1]["change"].startswith("+")
    near = [runs[0], Run("two", changed(measured, 2, arc=4e-3))]
    assert cells(tabled(near, ENGLISH)[0], "Minimum lumen area")[1]["change"].startswith("+")


def test_what_may_not_be_shown_is_not_compared(measured):
    gate = Gate("finite", "All fields hold numbers", "fail", "x")
    bad = replace(measured, rows=[], gates=[gate])
    unresolved = changed(measured, 2, flag="not resolved")
    table, = tabled([Run("a", measured), Run("b", bad), Run("c", unresolved)], ENGLISH)
    _, failed, grey = cells(table, "Lumen area stenosis")
    assert (failed["value"], failed["change"], failed["grey"]) == ("–", NO_RESULT, True)
    assert (grey["change"], grey["grey"]) == ("not resolved", True)


def test_intervals_are_shown_in_the_unit_of_the_value(measured):
    table, = tabled([Run("a", changed(measured, interval=(0.9, 1.1)))], ENGLISH)
    low, high = (1e6 * measured.row("minimum_area").value * k for k in (0.9, 1.1))
    assert cells(table, "Minimum lumen area")[0]["interval"] == f"{low:.0f}–{high:.0f}"


def test_many_runs_make_several_tables_with_the_same_first_column(measured):
    runs = [Run(str(i), measured) for i in range(10)]
    tables = tabled(runs, ENGLISH)
    assert [table["names"] for table in tables] == [
        ["0", "1", "2", "3", "4"], ["0", "5", "6", "7", "8"], ["0", "9"]]


@pytest.mark.parametrize("language", ["en", "pl"])
def test_the_page(measured, tmp_path, language):
    files = {
        "Today": measured, "Virtual stent 14 mm with a landing zone over the confluence":
        changed(measured, 0.3, interval=(0.2, 0.4)), "Visit 2": changed(measured, 1.2, arc=0.02),
    }
    paths = {}
    for number, (name, found) in enumerate(files.items()):
        paths[name] = tmp_path / f"{number}.json"
        found.save(paths[name])
    made = [
        comparison.write(
            paths, tmp_path / "out", title="Scenarios", created="2026-11-22T09:12:00Z",
            patient={"pseudonym": "SYN-0001", "side": "both"},
            settings=ReportSettings(language=language)).read_bytes()
        for _ in range(2)
    ]
    assert made[0] == made[1]
    assert pages(tmp_path / "out", "comparison") == 1
    document = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [plot["file"] for plot in document["plots"]] == ["by_run.svg", "clots.svg"]
    assert document["language"] == language


def test_a_band_comes_from_an_ensemble_of_thirty_or_more_only(measured, tmp_path):
    assert volume_bands(measured.clot) is None
    members = np.outer(np.arange(1, 42), [1e-7, 2e-7, 3e-7])
    assert volume_bands({"members": members[:29].tolist()}) is None
    band = volume_bands({"members": members.tolist()})
    np.testing.assert_allclose(band[:, 0], np.array([2, 11, 21, 31, 40]) * 1e-7)
    ensemble = {**measured.clot, "members": members.tolist(), "resolved": True}
    for name, clot in (("one", measured.clot), ("many", ensemble)):
        (tmp_path / name).mkdir()
        growth(clot, tmp_path / name, 1.2, ENGLISH)
    one, many = ((tmp_path / name / "growth.svg").read_text() for name in ("one", "many"))
    assert many.count("FillBetweenPolyCollection") == one.count("FillBetweenPolyCollection") + 1


def test_a_single_run_has_nothing_to_draw_by_run(measured, tmp_path):
    drawn = comparison_figures.plots([("a", replace(measured, clot={}))], tmp_path, ENGLISH)
    assert drawn == []
