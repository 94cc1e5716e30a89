"""Lysis by plasmin and the platelets' adhesion against their references."""

import numpy as np
import pytest

from solvers.chemistry.integrate import advance
from solvers.chemistry.lysis import half_lives
from solvers.chemistry.platelets import ADHESION, FULL, NORMAL, Platelets, membrane


def test_half_lives_of_a_clot_in_tpa() -> None:
    """10 and 40 nM: 447.59 and 192.82 s, by Radau at 1e-9 and interpolation of the crossing."""
    assert half_lives(np.array([0.01, 0.04])) == pytest.approx([447.59, 192.82], rel=1e-3)


def test_antiplasmin_slows_lysis() -> None:
    free = half_lives(np.array([0.04]), step=10.0)
    guarded = half_lives(np.array([0.04]), antiplasmin=1.0, step=10.0)
    assert guarded[0] > 1.02 * free[0]


def test_adhesion_alone_has_a_closed_form() -> None:
    """P(t) = D P₀ e^{−kDt}/(D + P₀(1 − e^{−kDt})), D = P_max − P₀."""
    state = np.array([[NORMAL], [0.0], [0.0]])
    kernel = Platelets(wall=1.0)
    room = FULL - NORMAL
    time = 0.0
    for end, value in ((0.1, 2.00341e5), (0.5, 8.27216e4), (1.0, 2.74175e4), (2.0, 3.01583e3)):
        state, _, _ = advance(kernel, state, end - time, rtol=1e-8, weight=1e-6)
        time = end
        decay = np.exp(-ADHESION * room * time)
        exact = room * NORMAL * decay / (room + NORMAL * (1.0 - decay))
        assert exact == pytest.approx(value, rel=1e-5)
        assert state[0, 0] == pytest.approx(exact, rel=1e-6)
    assert state.sum() == pytest.approx(NORMAL, rel=1e-12)


def test_thrombin_activates_platelets_and_they_offer_membrane() -> None:
    start = np.array([[NORMAL], [0.0], [0.0]])
    quiet, _, _ = advance(Platelets(), start, 10.0)
    active, _, _ = advance(Platelets(thrombin=5.0, edge=0.5), start, 10.0)
    assert quiet[2, 0] == 0.0
    assert active[2, 0] > 0.9 * NORMAL
    assert membrane(active[1] + active[2])[0] > 0.9
