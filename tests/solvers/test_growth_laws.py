"""The laws of the clot model M1 at points: adhesion, gates, permeability, injured zone."""

import numpy as np
import pytest

from core.errors import CaseError
from core.settings import read
from solvers.clots.growth import Growth
from solvers.laws import FRONT, adhesion, carman_kozeny

MODEL = {"injury": [{"at": ["0 mm", "5 mm", "10 mm"], "radius": "2 mm"}]}


def model(**more: object) -> Growth:
    return read(Growth, {**MODEL, **more}, "test")


@pytest.mark.parametrize(
    ("eta", "expected"),
    [
        (-0.5, 0.0),
        (0.0, 0.0),
        (0.1, 0.0),
        (0.5, 0.5 * (0.4**3 + 0.9**3) / 0.9**3),  # half-way of the Hill law: η − 0.1 = 0.4
        (1.0, 1.0),
        (1.3, 1.0),
    ],
)
def test_adhesion_law(eta: float, expected: float) -> None:
    # clot.md §1.1: η_t = 0.1, η* = 0.4, g(1) = 1
    assert adhesion(np.array([eta])) == pytest.approx(expected, abs=1e-14)


def test_adhesion_rises() -> None:
    assert (np.diff(adhesion(np.linspace(0.11, 1.0, 50))) > 0.0).all()


@pytest.mark.parametrize(
    ("fraction", "permeability"),
    [(0.1, 2.3e-10), (0.3, 1.7e-11), (0.5, 3.8e-12), (0.8, 6.1e-13), (1.0, 1.78e-13)],
)
def test_permeability_law(fraction: float, permeability: float) -> None:
    # clot.md §1.1 prints two digits: half a unit of the last is 2.5 %
    assert 1.0 / carman_kozeny(np.array([fraction]))[0] == pytest.approx(permeability, rel=0.025)


def test_no_drag_without_clot() -> None:
    assert carman_kozeny(np.array([0.0, -1e-9])) == pytest.approx(0.0, abs=0.0)


def test_gates_are_half_at_their_thresholds() -> None:
    law = model(shear_threshold="10 1/s", age_threshold="5 s")
    shear, age = (
        np.array([0.0, 10.0, 30.0, 0.0, 0.0, 10.0]),
        np.array([1e9, 1e9, 1e9, -1.0, 5.0, 5.0]),
    )
    assert law.gate(shear, age) == pytest.approx([1.0, 0.5, 0.1, 0.0, 0.5, 0.25], rel=1e-12)
    assert law.wall_flux(shear[:2]) == pytest.approx([1.8e-4, 0.9e-4], rel=1e-12)
    assert law.coagulating(np.array([-0.2, 0.0, 1.0, 3.0])) == pytest.approx([0.0, 0.0, 0.5, 0.9])


def test_rate_gives_the_wanted_front_speed() -> None:
    law = model(front_speed="20 um/min")
    # clot.md §2.2: 3.9e-3 1/s for 20 µm/min and ℓ = 0.3 mm, in two digits
    assert law.rate(0.3e-3) == pytest.approx(3.9e-3, rel=0.013)
    for width in (0.3e-3, 1.2e-3):
        assert FRONT * law.rate(width) * width == pytest.approx(20e-6 / 60.0, rel=1e-14)


def test_injured_zone_is_a_ball() -> None:
    points = np.array([[0.0, 5e-3, 10e-3], [0.0, 5e-3, 11.99e-3], [0.0, 5e-3, 12.01e-3]])
    assert model().injured(points) == pytest.approx([1.0, 1.0, 0.0])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"front_speed": "20 um"}, "wrong dimension"),
        ({"shear_threshold": "0 1/s"}, "greater than 0"),
        ({"lysis": "-1 1/s"}, "greater than or equal to 0"),
        ({"injury": [{"at": ["0 mm", "0 mm", "0 mm"], "radius": "0 mm"}]}, "greater than 0"),
        ({"frontspeed": "1 um/min"}, "did you mean 'front_speed'"),
    ],
)
def test_bad_settings_are_refused(more: dict[str, object], said: str) -> None:
    with pytest.raises(CaseError, match=said):
        model(**more)
