"""The smoother against Bayes' rule: exactly where all is linear, by Markov chains elsewhere."""

import numpy as np
import pytest

from calibration.judgement import contraction
from calibration.reference import chains
from calibration.smoother import smooth
from core.errors import Diverged

H = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, -1.0]])
DATA, SD = np.array([1.2, -0.4]), np.array([0.5, 0.3])


def exact() -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of z ~ N(0, 1) given H z + e = data."""
    covariance = np.linalg.inv(np.eye(3) + H.T @ np.diag(SD**-2.0) @ H)
    return covariance @ H.T @ (DATA / SD**2), covariance


def prior(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 3))


def test_linear_and_gaussian_gives_bayes_rule() -> None:
    found = smooth(lambda z: z @ H.T, prior(20_000), DATA, SD, np.random.default_rng(1))
    mean, covariance = exact()
    # four standard errors of 20 000 members
    assert found.after.mean(axis=0) == pytest.approx(mean, abs=4.0 / np.sqrt(20_000))
    assert np.cov(found.after.T) == pytest.approx(covariance, abs=6.0 / np.sqrt(20_000))


@pytest.mark.parametrize("steps", [1, 2, 8])
def test_the_number_of_steps_does_not_matter_where_all_is_linear(steps: int) -> None:
    rng = np.random.default_rng(1)
    found = smooth(lambda z: z @ H.T, prior(20_000), DATA, SD, rng, steps)
    assert found.after.mean(axis=0) == pytest.approx(exact()[0], abs=0.03)


def test_the_same_seed_gives_the_same_digits() -> None:
    made = [
        smooth(lambda z: z @ H.T, prior(200), DATA, SD, np.random.default_rng(7)).after
        for _ in range(2)
    ]
    other = smooth(lambda z: z @ H.T, prior(200), DATA, SD, np.random.default_rng(8)).after
    assert (made[0] == made[1]).all()
    assert not (made[0] == other).all()


def test_what_the_data_do_not_see_stays_as_wide_as_it_was() -> None:
    start = prior(4000)
    found = smooth(lambda z: z[:, :1], start, np.array([1.0]), np.array([0.2]),
                   np.random.default_rng(1))  # fmt: skip
    ratio = contraction(start, found.after)
    assert ratio[0] == pytest.approx(0.2 / np.sqrt(1.04), rel=0.05)
    assert ratio[1:] == pytest.approx([1.0, 1.0], abs=0.05)


def bent(z: np.ndarray) -> np.ndarray:
    """Like ln of a product and of a sum of lognormals."""
    return np.stack([z[:, 0] - z[:, 1], np.log(np.exp(0.5 * z[:, 0]) + np.exp(z[:, 2]))], axis=1)


@pytest.mark.slow
def test_markov_chains_give_the_same_posterior() -> None:
    data, sd = np.array([0.8, 1.5]), np.array([0.3, 0.2])
    found = smooth(bent, prior(5000), data, sd, np.random.default_rng(1))
    sampled = chains(bent, found.after, data, sd, steps=3000, seed=1)
    # the model is bent: means agree within a quarter of a standard deviation, widths within 15 %
    assert found.after.mean(axis=0) == pytest.approx(sampled.mean(axis=0), abs=0.25)
    assert found.after.std(axis=0) == pytest.approx(sampled.std(axis=0), rel=0.15)


def test_chains_give_bayes_rule_too() -> None:
    sampled = chains(lambda z: z @ H.T, prior(100), DATA, SD, steps=2000, seed=3)
    assert sampled.mean(axis=0) == pytest.approx(exact()[0], abs=0.08)
    again = chains(lambda z: z @ H.T, prior(100), DATA, SD, steps=50, seed=3)
    assert (again == chains(lambda z: z @ H.T, prior(100), DATA, SD, steps=50, seed=3)).all()


def test_members_without_a_number_are_given_up_and_counted() -> None:
    def model(z: np.ndarray) -> np.ndarray:
        return np.where(z[:, :1] > -1.5, z @ H.T, np.nan)

    found = smooth(model, prior(500), DATA, SD, np.random.default_rng(1))
    assert 10 <= found.lost <= 100
    assert len(found.after) == 500 - found.lost == len(found.fit) == len(found.before)


def test_a_model_that_fails_for_most_is_an_error() -> None:
    with pytest.raises(Diverged, match="no number for"):
        smooth(lambda z: np.where(z[:, :1] > 0.0, z @ H.T, np.nan), prior(500), DATA, SD,
               np.random.default_rng(1))  # fmt: skip
