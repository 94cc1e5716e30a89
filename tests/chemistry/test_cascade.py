"""The full cascade against its reference values, and the reduced model against the full one."""

from functools import cache

import numpy as np
import pytest

from solvers.chemistry import hockin_mann, tga
from solvers.chemistry.binding import shared
from solvers.chemistry.conditions import Conditions, FibrinLaw, Inhibitor, Plasma
from solvers.chemistry.integrate import advance
from solvers.chemistry.reduced import Reduced
from solvers.chemistry.species import chosen

PICOMOLAR = 1e-3
RIVAROXABAN = (0.054, 0.0216, 1.5e-3, 6e-4)


@cache
def _curve(
    tf: float,
    model: tga.Model,
    factors: tuple[tuple[str, float], ...] = (),
    drug: float = 0.0,
    duration: float = 1200.0,
) -> tga.Curve:
    inhibitor = Inhibitor(drug, *RIVAROXABAN) if drug else None
    conditions = Conditions(Plasma().times(**dict(factors)), xa_drug=inhibitor)
    return tga.curve(tf * PICOMOLAR, conditions, duration, model)


def test_full_cascade_at_5_picomolar() -> None:
    curve = _curve(5.0, "full")
    assert curve.peak == pytest.approx(395.186, rel=1e-4)
    assert curve.time_to_peak == pytest.approx(698.7, abs=0.15)
    assert curve.etp / 60.0 == pytest.approx(1415.681, rel=1e-4)
    # the reference is the first sample of a grid of 0.1 s above 2 nM
    assert curve.lag == pytest.approx(198.8, abs=0.1)


@pytest.mark.parametrize(
    ("tf", "peak", "time", "area", "rate"),
    [
        (10.0, 467.7, 474.5, 1401.0, 4.35),
        (25.0, 574.1, 295.5, 1380.0, 7.19),
    ],
)
def test_full_cascade_by_tissue_factor(
    tf: float, peak: float, time: float, area: float, rate: float
) -> None:
    curve = _curve(tf, "full")
    assert curve.peak == pytest.approx(peak, rel=1e-3)
    assert curve.time_to_peak == pytest.approx(time, rel=1e-3)
    assert curve.etp / 60.0 == pytest.approx(area, rel=1e-3)
    assert curve.rate == pytest.approx(rate, rel=1e-3)


@pytest.mark.parametrize(
    ("factors", "peak", "area"),
    [
        ((("AT", 0.5),), 682.4, 3811.0),
        ((("II", 1.5),), 628.2, 2523.0),
        ((("II", 0.5),), 188.1, 620.0),
        ((("VIII", 0.01),), 85.7, 577.0),
        ((("TFPI", 0.0),), 634.0, 1368.0),
        ((("AT", 0.0),), 1461.9, 18387.0),
        ((("AT", 0.75), ("II", 1.25)), 655.8, 2942.0),
    ],
)
def test_full_cascade_by_host(
    factors: tuple[tuple[str, float], ...], peak: float, area: float
) -> None:
    curve = _curve(5.0, "full", factors)
    assert curve.peak == pytest.approx(peak, rel=1e-3)
    assert curve.etp / 60.0 == pytest.approx(area, rel=1e-3)


def test_full_cascade_conserves_its_pools() -> None:
    times = np.linspace(0.0, 1200.0, 25)
    names, state = hockin_mann.solve(Conditions(), 5.0 * PICOMOLAR, times)
    assert len(names) == 34
    for weights in hockin_mann.pools(names).values():
        pool = weights @ state
        assert np.abs(pool / pool[0] - 1.0).max() < 1e-12


@pytest.mark.parametrize(
    ("drug", "lag", "peak"),
    [
        (1.0, 392.0, 383.0),
        (5.0, 936.0, 323.0),
        (10.0, 1465.0, 254.0),
        (30.0, 3210.0, 3.36),
    ],
)
def test_full_cascade_with_rivaroxaban(drug: float, lag: float, peak: float) -> None:
    curve = _curve(5.0, "full", (), drug, 3600.0)
    assert curve.lag == pytest.approx(lag, rel=3e-3)
    assert curve.peak == pytest.approx(peak, rel=2e-3)


@pytest.mark.parametrize("tf", [5.0, 10.0, 25.0])
def test_reduced_model_follows_the_full_one(tf: float) -> None:
    full, reduced = _curve(tf, "full"), _curve(tf, "reduced")
    assert reduced.peak == pytest.approx(full.peak, rel=0.02)
    assert reduced.time_to_peak == pytest.approx(full.time_to_peak, rel=0.02)
    assert reduced.etp == pytest.approx(full.etp, rel=0.002)
    assert reduced.lag == pytest.approx(full.lag, rel=0.12)


@pytest.mark.parametrize("drug", [1.0, 5.0, 10.0])
def test_reduced_model_follows_the_full_one_under_rivaroxaban(drug: float) -> None:
    full = _curve(5.0, "full", (), drug, 3600.0)
    reduced = _curve(5.0, "reduced", (), drug, 3600.0)
    assert reduced.lag == pytest.approx(full.lag, rel=0.05)
    assert reduced.peak == pytest.approx(full.peak, rel=0.08)


def test_rapid_equilibrium_would_be_wrong() -> None:
    """5 nM of drug delays thrombin; scaling Xa down by 1 + R/Kᵢ would abolish it."""
    assert _curve(5.0, "reduced", (), 5.0, 3600.0).peak > 250.0


def _everything() -> tuple[Reduced, np.ndarray]:
    """A kernel with every option, at random states."""
    names = chosen(wall=True, xa_drug=True, iia_drug=True, brake=True, feedback=True)
    conditions = Conditions(
        xa_drug=Inhibitor(5.0, *RIVAROXABAN),
        iia_drug=Inhibitor(20.0, 0.012, 0.054),
        fibrin=FibrinLaw(sites=0.3),
        thrombomodulin=3.0,
        feedback=1.0,
    )
    state = Plasma().state(names, 7)
    rng = np.random.default_rng(7)
    return Reduced(conditions, names), state * rng.uniform(0.2, 1.0, state.shape) + rng.uniform(
        0.01, 3.0, state.shape
    )


def test_jacobian_is_exact() -> None:
    kernel, state = _everything()
    rates, slopes = kernel.jacobian(state)
    assert np.allclose(rates, kernel.rates(state), rtol=1e-13)
    for column in range(len(state)):
        step = np.zeros_like(state)
        step[column] = 1e-5 * state[column]
        difference = (kernel.rates(state + step) - kernel.rates(state - step)) / (2 * step[column])
        size = np.abs(rates) / state[column] + np.abs(difference)
        assert np.all(np.abs(slopes[:, :, column].T - difference) <= 1e-6 * size + 1e-12)


def test_pools_of_the_reduced_model_hold_to_round_off() -> None:
    """Fibrinogen, and antithrombin against all that it takes, whatever happens in between."""
    kernel, state = _everything()
    after, _, log = advance(kernel, state, 20.0, rtol=1e-3)
    assert log.cut.max() == 0.0

    def pool(y: np.ndarray, plus: str, minus: str = "") -> np.ndarray:
        rows = dict(zip(kernel.names, y, strict=True))
        return sum(rows[n] for n in plus.split()) - sum(rows[n] for n in minus.split())

    for plus, minus in (
        ("Fg F", ""),
        ("AT TFPI TFPI Xa:TFPI", "II mIIa IIa mIIaD IIaD IX IXa Z X Xa XaD TF TF:VII E"),
    ):
        before, now = pool(state, plus, minus), pool(after, plus, minus)
        assert np.abs(now - before).max() < 1e-12 * np.abs(state).max()
    # the check sees something: much did react
    assert np.abs(after - state).max() > 1.0


def test_competition_for_a_scarce_partner_is_solved() -> None:
    """The two complexes obey their equilibria and the three balances, also when nearly all is
    bound.
    """
    total = np.array([20.0, 20.0, 1e-3, 5.0, 0.0])
    a, ka = np.array([1e-4, 30.0, 5.0, 1e3, 3.0]), 0.27
    b, kb = np.array([200.0, 30.0, 1e-6, 0.0, 3.0]), 0.5
    wa, wb = shared(total, a, ka, b, kb)
    free = total - wa - wb
    assert np.all(free >= -1e-12)
    assert np.allclose((a - wa) * free, ka * wa, rtol=1e-6, atol=1e-9)
    assert np.allclose((b - wb) * free, kb * wb, rtol=1e-6, atol=1e-9)
