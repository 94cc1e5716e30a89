"""The control variate: exact where the models agree, an honest error, no gain without relation."""

import numpy as np
import pytest

from calibration.multifidelity import estimate, with_model


def test_a_cheap_model_that_is_right_gives_the_mean_of_all() -> None:
    rng = np.random.default_rng(1)
    few, many = rng.normal(3, 1, 10), rng.normal(3, 1, 1000)
    found = estimate(2 * few + 1, few, many)
    everything = np.concatenate([few, many])
    assert found.mean == pytest.approx(2 * everything.mean() + 1)
    assert found.correlation == pytest.approx(1.0)
    assert found.missed == pytest.approx(0.0, abs=1e-12)
    low, high = np.quantile(2 * everything + 1, [0.025, 0.975])
    # with all residuals 0 each value stands n times, which moves a quantile within its gap
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), rel=0.02)
    # 10 of 1010: what is left is the error of the mean over all, and the price of α
    assert found.saved == pytest.approx(101 * 7 / 8, rel=0.1)


def test_the_error_is_honest() -> None:
    """The truth lies in mean ± error in about 95 of 100 trials, and the gain is real."""
    rng, inside, plain, errors = np.random.default_rng(2), 0, [], []
    trials = 1500
    for _ in range(trials):
        x = rng.normal(0, 1, 212)
        y = 1.5 * x[:12] + 0.5 * rng.normal(0, 1, 12)
        found = estimate(y, x[:12], x[12:])
        inside += abs(found.mean) <= found.error
        plain.append(y.mean())
        errors.append(found.mean)
    # binomial spread of the share at 1500 trials is 0.6 %
    assert 0.925 <= inside / trials <= 0.985
    ratio = np.var(errors) / np.var(plain)
    rho2 = 1.5**2 / (1.5**2 + 0.5**2)
    assert ratio == pytest.approx((1 - rho2 * (1 - 12 / 212)) * 10 / 9, rel=0.2)


def test_an_unrelated_model_neither_helps_nor_biases() -> None:
    rng = np.random.default_rng(3)
    y, f, more = rng.normal(5, 1, 60), rng.normal(0, 1, 60), rng.normal(0, 1, 3000)
    found = estimate(y, f, more)
    assert found.saved == pytest.approx(1.0, abs=0.1)
    assert found.mean == pytest.approx(y.mean(), abs=0.1)


def test_the_model_is_an_argument_and_failures_are_left_out() -> None:
    rng = np.random.default_rng(4)
    inputs, more = rng.random((12, 2)), rng.random((500, 2))

    def model(x: np.ndarray) -> np.ndarray:
        return x @ np.array([2.0, -1.0])

    dear = model(inputs) ** 3 + 1
    dear[2] = np.nan
    found = with_model(model, inputs, dear, more)
    assert (found.count, found.cheap) == (11, 500)
    assert 0.5 < found.correlation < 1.0
    assert found.missed > 0.0
    dear[2:10] = np.nan
    with pytest.raises(ValueError, match="5 or more"):
        with_model(model, inputs, dear, more)
