"""Sensitivities and intervals against exact values."""

import numpy as np
import pytest
from scipy import stats

from calibration.designs import latin_hypercube, saltelli
from calibration.intervals import interval, paired, share
from calibration.sensitivity import RANKS, rank_regression, sobol

A, B = 7.0, 0.1
NAMES = ("x1", "x2", "x3")


def ishigami(shares: np.ndarray) -> np.ndarray:
    """sin x₁ + a sin² x₂ + b x₃⁴ sin x₁ on [−π, π]³ (Ishigami and Homma 1990)."""
    x = np.pi * (2 * shares - 1)
    return np.sin(x[:, 0]) + A * np.sin(x[:, 1]) ** 2 + B * x[:, 2] ** 4 * np.sin(x[:, 0])


def exact() -> tuple[dict[str, float], dict[str, float]]:
    """Its first-order and total indices in closed form: 0.314, 0.442, 0; 0.558, 0.442, 0.244."""
    first = 0.5 * (1 + B * np.pi**4 / 5) ** 2
    second = A**2 / 8
    third = B**2 * np.pi**8 * 8 / 225
    whole = first + second + third
    return (
        {"x1": first / whole, "x2": second / whole, "x3": 0.0},
        {"x1": (first + third) / whole, "x2": second / whole, "x3": third / whole},
    )


def test_ishigami() -> None:
    shares = saltelli(4096, 3, seed=1)
    found = sobol(shares, ishigami(shares), NAMES)
    first, total = exact()
    assert total["x1"] == pytest.approx(0.5576, abs=1e-4)  # as published
    assert [effect.name for effect in found.effects] == ["x1", "x2", "x3"]
    for effect in found.effects:
        # the estimator's own spread at 4096 blocks is below 0.02
        assert effect.share == pytest.approx(total[effect.name], abs=0.02)
        assert effect.first == pytest.approx(first[effect.name], abs=0.02)
        assert 0.0 < effect.error < 0.06


def test_a_missing_member_takes_its_block_with_it() -> None:
    shares = saltelli(1024, 3, seed=1)
    outputs = ishigami(shares)
    outputs[[3, 4, 77]] = np.nan
    found = sobol(shares, outputs, NAMES)
    assert found.count == (1024 - 2) * 5
    assert found.effects[0].share == pytest.approx(exact()[1]["x1"], abs=0.05)
    outputs[:] = np.nan
    assert sobol(shares, outputs, NAMES) is None
    assert sobol(shares, np.ones(len(shares)), NAMES) is None


def test_rank_regression_of_a_steady_function() -> None:
    shares = latin_hypercube(4000, 3, seed=2)
    normal = stats.norm.ppf(shares)
    outputs = np.exp(3 * normal[:, 0] - 1.5 * normal[:, 1])
    found = rank_regression(shares, outputs, NAMES)
    assert found.measure == RANKS
    assert [effect.name for effect in found.effects] == ["x1", "x2", "x3"]
    assert [effect.rises for effect in found.effects[:2]] == [True, False]
    # rank correlation of normal numbers that are correlated by ρ: 6/π asin(ρ/2)
    for effect, slope in zip(found.effects[:2], (3.0, 1.5), strict=True):
        exact_rank = 6 / np.pi * np.arcsin(0.5 * slope / np.hypot(3.0, 1.5))
        assert effect.share == pytest.approx(exact_rank**2, abs=0.02)
        assert effect.error < 0.02
    assert found.effects[2].share < 0.01
    assert found.explained > 0.95
    shares = shares[:400]
    # what neither rises nor falls is not explained, and R² says so
    bowl = rank_regression(shares, (shares[:, 0] - 0.5) ** 2, NAMES)
    assert bowl.explained < 0.1


def test_rank_regression_of_pure_noise_is_within_its_error() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.random((200, 2)), rng.random(200)
    found = rank_regression(x, y, ("a", "b"))
    slopes = [np.sqrt(effect.share) for effect in found.effects]
    assert max(slopes) < 3 / np.sqrt(200)
    assert rank_regression(x[:8], y[:8], ("a", "b")) is None


def test_interval_is_of_quantiles_and_counts_what_is_known() -> None:
    values = np.append(np.arange(1001.0), [np.nan, np.nan])
    found = interval(values)
    assert (found.low, found.median, found.high) == pytest.approx((25.0, 500.0, 975.0))
    assert found.count == 1001
    assert interval(np.array([np.nan])).count == 0


def test_share_is_exact() -> None:
    # Clopper–Pearson by its definition: P(X ≥ k | low) = P(X ≤ k | high) = 2.5 %
    low, high = share(27, 40)
    assert stats.binom.sf(26, 40, low) == pytest.approx(0.025, rel=1e-6)
    assert stats.binom.cdf(27, 40, high) == pytest.approx(0.025, rel=1e-6)
    # the rule of three: nothing seen in 100 leaves up to 3.6 %
    assert share(0, 100) == (0.0, pytest.approx(1 - 0.025 ** (1 / 100)))


def test_pairs_cancel_what_both_share() -> None:
    rng = np.random.default_rng(1)
    common, effect = rng.normal(0, 10, 500), rng.normal(-1, 0.5, 500)
    first, second = common, common + effect
    second[:3] = np.nan
    found = paired(first, second)
    assert found.difference.count == 497
    assert found.difference.median == pytest.approx(-1, abs=0.1)
    assert found.difference.high - found.difference.low == pytest.approx(4 * 0.49, abs=0.25)
    assert found.lower == int((effect[3:] < 0).sum())
    # unpaired, the intervals overlap almost whole
    assert interval(first).high > interval(second).median
