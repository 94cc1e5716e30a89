import numpy as np
import pytest

from postprocess.simplex import areas, share_above, volumes, weighted_percentile


@pytest.mark.parametrize("level", [0.0, 0.1, 0.25, 0.5, 0.75, 0.999])
@pytest.mark.parametrize("corners", [3, 4])
def test_one_corner_high_leaves_the_similar_simplex(corners, level):
    values = np.zeros((1, corners))
    values[0, 1] = 1.0
    assert share_above(values, level)[0] == pytest.approx((1 - level) ** (corners - 1), abs=1e-14)


@pytest.mark.parametrize("level", [0.1, 0.25, 0.5, 0.9])
def test_two_corners_high_in_a_tetrahedron(level):
    # P(x + y > a) for Dirichlet(1,1,1,1) is that of Beta(2, 2): 1 − 3a² + 2a³
    exact = 1 - 3 * level**2 + 2 * level**3
    assert share_above(np.array([[0.0, 1, 1, 0]]), level)[0] == pytest.approx(exact, abs=1e-14)


def test_shares_do_not_depend_on_order_and_add_up():
    values = np.array([[0.3, 0.9, 0.1, 0.6]])
    orders = [np.roll(values, k, axis=1) for k in range(4)]
    shares = [share_above(v, 0.45)[0] for v in orders]
    assert np.ptp(shares) == 0
    assert share_above(-values, -0.45)[0] == pytest.approx(1 - shares[0], abs=1e-14)


@pytest.mark.parametrize("corners", [3, 4])
def test_general_values_agree_with_sampling(corners):
    random = np.random.default_rng(7)
    weights = random.dirichlet(np.ones(corners), 200_000)
    for _ in range(20):
        values = random.random(corners)
        level = random.uniform(values.min(), values.max())
        sampled = float((weights @ values > level).mean())
        # five standard deviations of 200,000 samples
        assert share_above(values[None], level)[0] == pytest.approx(sampled, abs=5.6e-3)


@pytest.mark.parametrize(("value", "share"), [(0.4, 0.0), (0.5, 0.0), (0.6, 1.0)])
def test_constant_values(value, share):
    assert share_above(np.full((1, 4), value), 0.5)[0] == share


def test_measures_of_the_unit_simplex():
    corners = np.vstack([np.zeros(3), np.eye(3)])
    assert volumes(corners[None])[0] == pytest.approx(1 / 6)
    assert areas(corners[None, 1:])[0] == pytest.approx(np.sqrt(3) / 2)


def test_weighted_percentile_follows_the_weights():
    values = np.linspace(0, 1, 10_001)
    assert weighted_percentile(values, values, 25) == pytest.approx(0.5, abs=1e-4)
