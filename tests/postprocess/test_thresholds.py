import math
import re
from dataclasses import replace

import numpy as np
import pytest

from postprocess.findings import plain, shown
from postprocess.metrics import metrics
from postprocess.thresholds import (
    BORDERLINE,
    HIGH,
    LOW,
    NONE,
    NOT_ASSESSABLE,
    WITHIN,
    Threshold,
    judge,
    median_area,
    sources,
    thresholds,
)

LOW_RULE = Threshold(200e-6, LOW, False, "≥ 200 mm²", "m", "p", "IVUS33", "s")
RULES = {
    **thresholds(), "low": LOW_RULE, "low_inclusive": replace(LOW_RULE, inclusive=True),
}
"""Each rule of the table, and rules that flag what is low, of which the table has none yet."""


@pytest.fixture(params=sorted(RULES))
def rule(request, monkeypatch):
    """Name of a rule, the rule, and its limit with the nearest numbers inside and outside."""
    monkeypatch.setattr("postprocess.thresholds.thresholds", lambda: RULES)
    known = RULES[request.param]
    below, above = np.nextafter(known.limit, 0), np.nextafter(known.limit, np.inf)
    inside, outside = (below, above) if known.direction == HIGH else (above, below)
    return request.param, known, inside, outside


def test_just_inside_at_and_just_outside_the_limit(rule):
    name, known, inside, outside = rule
    assert judge(name, inside).flag == WITHIN
    assert judge(name, known.limit).flag == (known.direction if known.inclusive else WITHIN)
    assert judge(name, outside).flag == known.direction


def test_intervals_that_cross_touch_or_miss_the_limit(rule):
    name, known, inside, outside = rule
    at = known.limit
    for value in (inside, at, outside):
        assert judge(name, value, (0.5 * at, 2 * at)).flag == BORDERLINE
        assert judge(name, value, tuple(sorted((inside, outside)))).flag == BORDERLINE
    touching = tuple(sorted((at, outside)))
    assert judge(name, outside, touching).flag == (
        known.direction if known.inclusive else BORDERLINE)
    touching = tuple(sorted((at, inside)))
    assert judge(name, inside, touching).flag == (BORDERLINE if known.inclusive else WITHIN)
    assert judge(name, outside, (outside, outside)).flag == known.direction
    assert judge(name, inside, (inside, inside)).flag == WITHIN


@pytest.mark.parametrize("nothing", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_not_assessable_by_any_rule(rule, nothing):
    name, known, inside, outside = rule
    assert judge(name, nothing).flag == NOT_ASSESSABLE
    assert judge(name, nothing, (inside, outside)).flag == NOT_ASSESSABLE
    # a value whose interval could not be computed is judged by itself
    assert judge(name, outside, (inside, math.nan)).flag == known.direction
    assert judge(name, inside, (nothing, outside)).flag == WITHIN


@pytest.mark.parametrize(("name", "at_limit"), [
    ("pressure_gradient", HIGH), ("velocity_ratio", WITHIN), ("area_stenosis", HIGH),
    ("diameter_stenosis", WITHIN),
])
def test_whether_the_limit_itself_is_flagged(name, at_limit):
    assert judge(name, thresholds()[name].limit).flag == at_limit


def test_the_limit_of_the_gradient_is_three_millimetres_of_mercury():
    assert thresholds()["pressure_gradient"].limit == pytest.approx(3 * 133.322387415, rel=1e-9)


def test_an_interval_over_the_limit_is_borderline_and_none_is_not():
    assert judge("velocity_ratio", 2.6, (2.4, 2.8)).flag == BORDERLINE
    assert judge("velocity_ratio", 2.6, (2.55, 2.8)).flag == HIGH
    assert judge("velocity_ratio", 2.6).flag == HIGH


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_number_is_not_assessable(value):
    assert judge("velocity_ratio", value).flag == NOT_ASSESSABLE


def test_without_a_limit_there_is_no_accepted_range():
    verdict = judge("tawss_mean", 0.1)
    assert (verdict.flag, verdict.reference) == (NONE, "no accepted range")


def test_a_published_median_is_shown_but_flags_nothing():
    verdict = judge("minimum_area", 50e-6, segment="LCIV")
    assert verdict.flag == NONE
    assert verdict.reference == "median 193.9 mm² (LCIV)"
    assert judge("minimum_area", 50e-6).reference == "no accepted range"


def test_published_areas_are_those_of_the_table():
    assert median_area("LCIV") == pytest.approx(193.9e-6)
    assert median_area("") is None
    assert median_area("source") is None
    assert median_area("LCFV") is None


@pytest.mark.parametrize("name", sorted(thresholds()))
def test_each_limit_is_of_a_metric_and_has_a_source(name):
    known = thresholds()[name]
    assert name in metrics()
    assert known.source in sources()
    assert known.text
    assert known.meaning
    assert known.population
    assert known.strength
    for key in re.findall(r"\[(\w+)\]", known.strength):
        assert key in sources()


def test_each_source_of_a_metric_is_known():
    assert {m.source for m in metrics().values() if m.source} <= set(sources())


@pytest.mark.parametrize(("value", "unit", "as_unit", "text"), [
    (4.123 * 133.322387415, "Pa", "mmHg", ("4.1", "mmHg")),
    (55.26e-6, "m^2", "mm^2", ("55", "mm²")), (0.497, "1", "%", ("50", "%")),
    (357.4e-6 / 60, "m^3/s", "mL/min", ("357", "mL/min")),
    (0.3283e-6, "m^3", "mL", ("0.33", "mL")),
    (1.985, "1", "1", ("2.0", "")), (0.0, "Pa", "Pa", ("0", "Pa")),
    (-0.5, "Pa", "Pa", ("−0.50", "Pa")), (9.96, "s", "s", ("10", "s")),
    (1e-9, "Pa", "Pa", ("< 0.001", "Pa")), (1e-4, "1", "%", ("< 0.1", "%")),
])
def test_numbers_as_shown(value, unit, as_unit, text):
    assert shown(value, unit, as_unit) == text


def test_rounding_never_puts_a_flagged_value_on_its_limit():
    assert shown(2.51, "1", "1", 2.5)[0] == "2.51"
    assert shown(0.497, "1", "%", 0.5)[0] == "49.7"
    assert shown(2.5, "1", "1", 2.5)[0] == "2.5"


def test_json_holds_null_for_what_is_no_number():
    assert plain({"a": np.array([1.0, np.nan]), "b": (math.inf, 2)}) == {
        "a": [1.0, None], "b": [None, 2]
    }
