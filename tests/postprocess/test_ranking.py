"""The order of options: by the metric, with what may be said and nothing else."""

from dataclasses import replace

import pytest

from core.errors import CaseError
from postprocess.findings import Gate
from postprocess.reporting.ranking import SINGLE, WHO, Option, lines, order, sign
from tests.postprocess.test_comparison import changed

METRIC = "area_stenosis"


def ensemble(found, factor, count=40):
    """Members around ``found`` with every value multiplied."""
    rows = {row.name: factor * row.value for row in found.rows if row.value is not None}
    return {
        "members": count, "sound": count, "control": {},
        "intervals": {
            name: {"low": 0.9 * v, "median": v, "high": 1.1 * v, "count": count}
            for name, v in rows.items()
        },
        "values": {name: [v] * count for name, v in rows.items()},
    }


def duel(ahead, behind, lower, driver=None):
    return {"ahead": ahead, "behind": behind, "count": 40, "lower": lower,
            "difference": {"low": 0.1, "median": 0.2, "high": 0.3}, "driver": driver}


def test_less_of_what_is_flagged_high_is_better(measured):
    options = {
        name: Option(name, changed(measured, factor))
        for name, factor in (("now", 1.0), ("worse", 1.2), ("better", 0.5))
    }
    assert order(options, METRIC) == ["better", "now", "worse"]
    assert (sign(METRIC), sign("clot_volume_0.5")) == (1, 1)
    with pytest.raises(CaseError, match="nothing says whether more or less"):
        sign("minimum_area")


def test_single_runs_say_that_nothing_is_known_of_how_sure(measured):
    said = lines(
        {"now": Option("now", measured), "b": Option("b", changed(measured, 0.5))}, METRIC, [])
    assert said[0].startswith("1. b: lumen area stenosis")
    assert "pairs" not in " ".join(said)
    assert said[-2:] == [SINGLE, WHO]


def test_the_median_of_the_members_decides_not_the_single_run(measured):
    options = {
        "now": Option("now", measured, ensemble(measured, 1.0)),
        "b": Option("b", changed(measured, 0.5), ensemble(measured, 1.3)),
    }
    assert order(options, METRIC) == ["now", "b"]
    few = {**ensemble(measured, 1.3), "sound": 20}
    assert order({**options, "b": replace(options["b"], ensemble=few)}, METRIC) == ["b", "now"]


@pytest.mark.parametrize(("agree", "words"), [(38, "Ahead of"), (37, "Not told apart from")])
def test_95_of_100_pairs_have_to_agree(measured, agree, words):
    options = {
        "now": Option("now", measured, ensemble(measured, 1.0)),
        "b": Option("b", changed(measured, 0.5), ensemble(measured, 0.5)),
    }
    driver = {"path": "flow.x", "meaning": "flow", "share": 0.7, "rises": True}
    said = lines(options, METRIC, [duel("b", "now", agree, driver)])
    assert f"{words} now: better in {agree} of 40 pairs" in said[0]
    assert "flow (flow.x), 70 % of the difference's ranks; the lead is least where it is low" in (
        said[0])
    assert "0 of 40 past the limit" in said[0] or "40 of 40 past the limit" in said[0]


def test_what_one_mesh_cannot_tell_is_not_told_apart(measured):
    options = {"a": Option("a", measured), "b": Option("b", changed(measured, 1.04))}
    assert "Not told apart from b: they differ by less than 5 %" in lines(options, METRIC, [])[0]


def test_another_metric_may_turn_the_order(measured):
    rows = [
        replace(row, value=3 * row.value) if row.name == "diameter_stenosis" else row
        for row in changed(measured, 0.5).rows
    ]
    options = {
        "now": Option("now", measured),
        "b": Option("b", replace(changed(measured, 0.5), rows=rows)),
    }
    said = " ".join(lines(options, METRIC, []))
    assert "now is ahead of b" in said
    assert "diameter stenosis" in said


def test_a_gate_forbids_a_statement(measured):
    gate = Gate("mass_balance", "Mass balance error", "fail", "3 %")
    loose = Gate("clot_resolved", "Clot resolved by the mesh", "warn", "not resolved: one mesh")
    options = {
        "now": Option("now", replace(measured, gates=[loose])),
        "b": Option("b", replace(measured, rows=[], gates=[gate])),
        "c": Option("c", changed(measured, 0.5, flag="not resolved")),
    }
    assert order(options, METRIC) == ["now"]
    said = lines(options, METRIC, [])
    assert "No statement on b: Mass balance error: 3 %." in said
    assert "No statement on the clot of now: not resolved: one mesh." in said


def test_never_a_dose(measured):
    said = " ".join(lines({"now": Option("now", measured)}, METRIC, []))
    assert "advises no treatment, drug or dose" in said
