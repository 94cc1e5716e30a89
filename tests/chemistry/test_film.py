"""The wall film: trade with blood, balance, thresholds under flow; Chen and Diamond's film."""

import numpy as np
import pytest

from solvers.chemistry import chen_diamond
from solvers.chemistry.chen_diamond import ChenDiamond
from solvers.chemistry.conditions import Conditions, Inhibitor, Plasma
from solvers.chemistry.film import LEVEQUE, STAYS, FilmSettings, film
from solvers.chemistry.integrate import advance
from solvers.chemistry.thresholds import threshold

UM2 = 1e12
OKORIE = FilmSettings(length="300 um")


def test_mass_transfer_is_leveques() -> None:
    assert pytest.approx(0.807, abs=1e-3) == LEVEQUE
    # half-life of 2 s at 200 1/s over 250 µm (Chen & Diamond 2019), from which R₀ was chosen
    assert FilmSettings().exchange(200.0, 250e-6) == pytest.approx(np.log(2.0) / 2.0, rel=2e-3)
    # still blood: D over the pocket's depth
    still = FilmSettings().exchange(0.0)
    assert still == pytest.approx(1.0 / (15e-6 / (6e-11 / 1e-3) + 1.58))


def test_tissue_factor_in_the_film() -> None:
    """1 TF/µm² is 0.2214 nM in 7.5 µm of liquid."""
    assert FilmSettings().tissue_factor(UM2) == pytest.approx(0.2214, rel=1e-3)


def test_what_the_film_takes_blood_loses() -> None:
    """Prothrombin, antithrombin, fibrinogen: reacted and traded amounts close to round-off."""
    wall = film(Conditions(xa_drug=Inhibitor(2.0, 0.054, 0.0216, 1.5e-3, 6e-4)))
    density = np.array([0.3, 1.0, 5.0, 30.0]) * UM2
    state = wall.start(density)
    blood = wall.conditions.plasma.state(wall.names, 4)
    shear = np.array([5.0, 50.0, 200.0, 800.0])
    volume = wall.settings.thickness * wall.settings.porosity
    new, taken, _ = wall.advance(state, blood, shear, 120.0)
    change = dict(zip(wall.names, new - state, strict=True))
    came = dict(zip(wall.names, taken / volume, strict=True))
    fibrin = sum(change[n] - came[n] for n in ("Fg", "F"))
    assert np.abs(fibrin).max() < 1e-11 * 9000.0
    plus, minus = "AT TFPI TFPI Xa:TFPI", "II mIIa IIa IX IXa Z X Xa XaD TF TF:VII E"
    left = sum(change[n] - came[n] for n in plus.split())
    left -= sum(change[n] - came[n] for n in minus.split())
    assert np.abs(left).max() < 1e-11 * 3400.0
    assert change["F"].min() > 0.5
    assert all(np.all(came[n] == 0.0) for n in STAYS)


def test_film_in_two_steps_is_the_film_in_one() -> None:
    wall = film()
    state = wall.start(np.array([2.0, 10.0]) * UM2)
    blood = wall.conditions.plasma.state(wall.names, 2)
    shear = np.array([20.0, 100.0])
    once, taken, _ = wall.advance(state, blood, shear, 60.0, rtol=1e-5)
    half, first, _ = wall.advance(state, blood, shear, 30.0, rtol=1e-5)
    twice, second, _ = wall.advance(half, blood, shear, 30.0, rtol=1e-5)
    assert np.allclose(once, twice, rtol=3e-4, atol=1e-5)
    assert np.allclose(taken, first + second, rtol=3e-4, atol=1e-10)


def test_thresholds_of_okorie() -> None:
    """EC50 3.6, 8.4, 10.2 TF/µm² at 100, 500, 1000 1/s; f_X was calibrated on these once.

    Their ratio is the shear law's and is not tuned.
    """
    found = threshold([100.0, 500.0, 1000.0], 300.0, settings=OKORIE) / UM2
    assert found == pytest.approx([3.6, 8.4, 10.2], rel=0.25)
    assert found[2] / found[0] == pytest.approx(10.2 / 3.6, rel=0.20)


def test_threshold_rises_with_shear_and_falls_with_a_clotting_host() -> None:
    normal = threshold([10.0, 100.0], 300.0)
    assert normal[0] < normal[1]
    prone = Conditions(Plasma().times(AT=0.5))
    assert threshold([10.0], 300.0, prone)[0] < 0.95 * normal[0]
    treated = Conditions(xa_drug=Inhibitor(5.0, 0.054, 0.0216, 1.5e-3, 6e-4))
    assert threshold([10.0], 300.0, treated)[0] > 2.0 * normal[0]
    braked = Conditions(thrombomodulin=10.0)
    assert threshold([10.0], 300.0, braked)[0] > 1.1 * normal[0]


def test_chen_and_diamonds_film_as_printed() -> None:
    kernel = ChenDiamond()
    state = np.zeros((8, 1))
    state[0] = chen_diamond.TF
    state, _, _ = advance(kernel, state, 800.0, rtol=1e-5)
    row = dict(zip(kernel.names, state[:, 0], strict=True))
    assert row["IIa"] + row["ES"] + row["GS"] == pytest.approx(36.31, rel=1e-3)
    assert row["IIa"] * 1e3 == pytest.approx(87.85, rel=1e-3)
    assert row["F"] == pytest.approx(191.7, rel=1e-3)
    assert row["Xa"] * 1e3 == pytest.approx(15.59, rel=1e-3)
    assert row["IXa"] * 1e6 == pytest.approx(29.89, rel=1e-3)
    assert row["XIa"] * 1e6 == pytest.approx(4.404, rel=1e-3)
