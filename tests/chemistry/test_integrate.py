"""The batched integrator against scipy's Radau; batches, rest, positivity."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from core.errors import Diverged
from solvers.chemistry.conditions import FILM_FIBRIN, Conditions, Inhibitor, Plasma
from solvers.chemistry.dual import Dual
from solvers.chemistry.integrate import advance, rodas3
from solvers.chemistry.kernel import Kernel
from solvers.chemistry.reduced import Reduced
from solvers.chemistry.species import chosen

NAMES = chosen(wall=True)
KERNEL = Reduced(Conditions(), NAMES)


def _clotting(points: int, seconds: float = 250.0) -> np.ndarray:
    """States over 5 to 25 pM tissue factor, in the middle of the burst."""
    state = Plasma().state(NAMES, points)
    state[NAMES.index("TF")] = np.linspace(5e-3, 25e-3, points)
    return advance(KERNEL, state, seconds, rtol=1e-4)[0]


def _radau(state: np.ndarray, dt: float) -> np.ndarray:
    return np.array(
        [
            solve_ivp(
                lambda _, y: KERNEL.rates(y[:, None])[:, 0],
                (0.0, dt),
                column,
                method="Radau",
                rtol=1e-10,
                atol=1e-13,
                jac=lambda _, y: KERNEL.jacobian(y[:, None])[1][0],
            ).y[:, -1]
            for column in state.T
        ]
    ).T


def test_agrees_with_radau() -> None:
    state = _clotting(3)
    exact = _radau(state, 10.0)
    size = np.abs(exact) + KERNEL.scale[:, None] / 1e-3
    errors = [
        np.abs((advance(KERNEL, state, 10.0, rtol=rtol)[0] - exact) / size).max()
        for rtol in (1e-3, 1e-5)
    ]
    assert errors[0] < 2e-3
    assert errors[1] < 2e-5


def test_order_of_the_scheme() -> None:
    """Half the step, an eighth of the error."""
    state = _clotting(1)
    exact = _radau(state, 8.0)
    error = []
    for steps in (16, 32):
        now = state
        for _ in range(steps):
            now = now + rodas3(KERNEL, now, np.array([8.0 / steps]))[0]
        error.append(np.abs(now - exact)[NAMES.index("IIa"), 0])
    assert 2.7 < np.log2(error[0] / error[1]) < 3.4


def test_a_point_does_not_know_its_neighbours() -> None:
    """Bitwise, with every option that differs by point."""
    names = chosen(wall=True, xa_drug=True, brake=True)
    rng = np.random.default_rng(3)
    conditions = Conditions(
        xa_drug=Inhibitor(rng.uniform(0.0, 5.0, 40), 0.054, 0.0216, 1.5e-3, 6e-4),
        thrombomodulin=np.where(np.arange(40) % 3, 0.0, 4.0),
        fibrin=FILM_FIBRIN,
    )
    kernel = Reduced(conditions, names)
    state = Plasma().state(names, 40)
    state[names.index("TF")] = np.where(np.arange(40) % 4, 20.0, 0.0)
    state[names.index("IIa")] = 1.0
    together, _, _ = advance(kernel, state, 40.0)
    order = rng.permutation(40)
    parts = [
        advance(kernel.take(some), state[:, some], 40.0)[0] for some in np.split(order, [1, 7, 20])
    ]
    assert np.array_equal(together[:, order], np.concatenate(parts, axis=1))


def test_no_points_are_no_trouble() -> None:
    after, _, log = advance(Reduced(), Plasma().state(chosen(), 0), 1.0)
    assert after.shape == (17, 0)
    assert log.points == 0


def test_conditions_without_their_states_are_refused() -> None:
    with pytest.raises(ValueError, match="XaD"):
        Reduced(Conditions(xa_drug=Inhibitor(1.0, 0.054, 0.0216)))


def test_blood_as_it_flows_in_is_at_rest() -> None:
    names = chosen()
    kernel = Reduced(Conditions(), names)
    state = Plasma().state(names, 1000)
    after, _, log = advance(kernel, state, 600.0)
    assert log.resting == 1000
    assert log.steps == 0
    assert np.array_equal(after, state)


class _Stiff(Kernel):
    """a → b at 1e6 1/s, b → nothing at 1 1/s: stiff, positive, with an exact solution."""

    names = ("a", "b")

    @property
    def scale(self) -> np.ndarray:
        return np.array([1e-9, 1e-9])

    def laws(self, rows: list[Dual]) -> list[Dual]:
        a, b = rows
        return [-1e6 * a, 1e6 * a - 1.0 * b, 1.0 * b]

    def take(self, points: np.ndarray) -> "_Stiff":
        return self


def test_stiff_decay_is_damped_positive_and_conserved() -> None:
    state = np.array([[1.0], [0.5]])
    after, gone, log = advance(_Stiff(), state, 2.0, rtol=1e-5)
    assert after.min() >= 0.0
    assert after[1, 0] == pytest.approx(1.5 * np.exp(-2.0), rel=1e-4)
    # the running integral closes the balance to round-off
    assert abs(after.sum() + gone[0, 0] - 1.5 - log.cut.sum()) < 1e-12


class _Negative(_Stiff):
    """Takes away what is not there."""

    @property
    def scale(self) -> np.ndarray:
        return np.array([1e-2, 1e-2])

    def laws(self, rows: list[Dual]) -> list[Dual]:
        a, b = rows
        return [-1.0 + 0.0 * a, 0.0 * b]


def test_what_would_go_below_zero_is_refused() -> None:
    with pytest.raises(Diverged) as caught:
        advance(_Negative(), np.array([[0.1], [1.0]]), 1.0)
    assert caught.value.do


def test_what_is_not_finite_is_told() -> None:
    state = Plasma().state(chosen(), 3)
    state[5, 1] = np.nan
    with pytest.raises(Diverged, match="not finite"):
        advance(Reduced(), state, 1.0)
