"""Tests of a forecast: their levels are what they say, their scores are those of the textbook."""

import numpy as np
import pytest
from scipy.stats import norm

from calibration.discrepancy import PRIOR, SCATTER, learn
from calibration.judgement import coverage, crps, innovation, predictive

MIX = np.array([[1.0, 0.0], [0.7, 0.5], [0.0, 2.0]])


def test_right_forecasts_are_refused_once_in_twenty() -> None:
    rng = np.random.default_rng(0)
    sd = np.array([0.3, 0.5, 0.1])
    refused = 0
    for _ in range(2000):
        forecast = rng.standard_normal((300, 2)) @ MIX.T
        data = MIX @ rng.standard_normal(2) + sd * rng.standard_normal(3)
        refused += not innovation(forecast, data, sd).consistent
    # binomial: 100 ± 3 × 9.7, and a few more for covariances of 300 members
    assert 75 <= refused <= 145


def test_a_wrong_forecast_is_refused() -> None:
    forecast = np.random.default_rng(0).standard_normal((300, 2)) @ MIX.T
    found = innovation(forecast, np.array([0.0, 5.0, 0.0]), np.full(3, 0.3))
    assert not found.consistent
    assert found.probability < 1e-6
    assert np.abs(found.z).argmax() == 1


def test_correlated_measurements_are_judged_together() -> None:
    """Each lies inside its own band, but they never move apart like that."""
    first = np.random.default_rng(0).standard_normal((2000, 1))
    forecast = np.concatenate([first, first], axis=1)
    found = innovation(forecast, np.array([1.5, -1.5]), np.full(2, 0.2))
    assert np.abs(found.z).max() < 1.96
    assert not found.consistent


def test_members_without_a_number_do_not_count() -> None:
    forecast = np.random.default_rng(0).standard_normal((300, 2)) @ MIX.T
    holed = np.concatenate([forecast, np.full((20, 3), np.nan)])
    data, sd = np.array([0.3, 0.1, 0.0]), np.full(3, 0.3)
    assert innovation(holed, data, sd).nis == innovation(forecast, data, sd).nis


def test_crps_of_a_normal_forecast() -> None:
    """σ (z (2Φ(z) − 1) + 2φ(z) − 1/√π)."""
    members = 2.0 + 3.0 * norm.ppf((np.arange(4000) + 0.5) / 4000)
    for truth in (-4.0, 2.0, 7.5):
        z = (truth - 2.0) / 3.0
        exact = 3.0 * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
        assert crps(members, truth) == pytest.approx(exact, rel=2e-3)


def test_crps_of_one_member_is_its_error() -> None:
    assert crps(np.array([3.0]), 5.0) == 2.0


def test_coverage_counts() -> None:
    share, (low, high) = coverage(np.zeros(4), np.ones(4), np.array([0.5, 0.0, 2.0, 1.0]))
    assert share == 0.75
    assert low < 0.75 < high


def test_predictive_probabilities_are_small_only_far_away() -> None:
    fit = np.random.default_rng(0).standard_normal((2000, 2))
    odds = predictive(fit, np.array([0.0, 8.0]), np.full(2, 1.0), np.random.default_rng(1))
    assert odds[0] > 0.9
    assert odds[1] < 0.01


def test_a_discrepancy_without_runs_is_its_prior() -> None:
    none = learn(np.zeros(0), np.zeros(0), np.zeros(0))
    factor, sd = none.factor(1.0)
    assert factor == 1.0
    assert sd == pytest.approx(np.hypot(PRIOR[0], SCATTER))


def test_runs_teach_a_discrepancy_and_its_slope() -> None:
    flow = np.array([2e-6, 4e-6, 8e-6, 16e-6])
    found = learn(flow, 1.3 * (flow / 5.66e-6) ** 0.2, np.ones(4))
    factor, sd = found.factor(1e-5)
    assert factor == pytest.approx(1.3 * (1e-5 / 5.66e-6) ** 0.2, rel=0.05)
    assert sd < 0.2
    far = found.factor(1e-4)[1]
    assert far > sd


def test_one_run_leaves_more_doubt_than_four() -> None:
    one = learn(np.array([5e-6]), np.array([1.3]), np.array([1.0])).factor(5e-6)
    four = learn(np.full(4, 5e-6), np.full(4, 1.3), np.ones(4)).factor(5e-6)
    assert 1.0 < one[0] < four[0] < 1.3
    assert one[1] > four[1]
