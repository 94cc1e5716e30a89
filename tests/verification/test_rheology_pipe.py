"""Developed flow of every viscosity law in a tube, in 3D, against the Rabinowitsch integral."""

from typing import Any

import numpy as np
import pytest

from solvers.exact import developed_gradient, poiseuille_drop
from solvers.flow import Flow
from solvers.rheology import Rheology, laws
from solvers.rheology.quemada import Quemada
from tests.verification.tubes import (
    MU,
    RADIUS,
    flow_settings,
    mean_section,
    pressures,
    spread,
    tube,
)

Q = 5e-6
TABLE = [
    # validation.md §2.3: Pa/m at 5 and at 0.5 mL/s, R = 5 mm
    ("newtonian", 71.3014, 7.13014),
    ("carreau", 117.0177, 27.2211),
    ("carreau_yasuda", 164.7841, 30.4459),
    ("casson", 99.92967, 18.12269),
]
LENGTH = 3e-3


def law(kind: str) -> Any:
    """μ(γ̇) of one number, with the law's default values."""
    part: Rheology = laws.build({"kind": kind})
    return lambda rate: float(part.viscosity(np.float64(rate)))


@pytest.mark.parametrize(("kind", "fast", "slow"), TABLE)
def test_integral_gives_the_published_gradients(kind: str, fast: float, slow: float) -> None:
    # six digits are printed; the closed form of Casson is not regularised
    assert developed_gradient(law(kind), Q, RADIUS) == pytest.approx(fast, rel=2e-6)
    assert developed_gradient(law(kind), Q / 10, RADIUS) == pytest.approx(slow, rel=2e-5)


def test_integral_is_poiseuilles_law() -> None:
    gradient = developed_gradient(lambda _: MU, Q, RADIUS)
    assert gradient == pytest.approx(poiseuille_drop(MU, 1.0, Q, RADIUS), rel=1e-10)


@pytest.mark.parametrize(("kind", "gradient"), [(kind, fast) for kind, fast, _ in TABLE])
def test_developed_flow(kind: str, gradient: float) -> None:
    """Two pressures drive a fluid so light that the inlet's stabilisation (ρu²) takes none of
    them, and the flow is developed all along.
    """
    vessel = spread(tube("3 mm", "1 mm"))
    settings = flow_settings(
        pressures(f"{gradient * LENGTH} Pa"),
        density="0.01 kg/m^3",
        rheology={"kind": kind},
        scheme={"element": "P2/P1", "kind": "coupled"},
    )
    flow = Flow(vessel, settings)
    flow.scheme.steady(*flow.imposed(0.0))
    radius = float(np.sqrt(mean_section(vessel, LENGTH) / np.pi))
    assert radius == pytest.approx(RADIUS, rel=8e-3)
    rate = flow.flow_rates()["outlet"]
    # the gradient that this flow rate needs in a tube of the mesh's own section
    exact = developed_gradient(law(kind), rate, radius)
    assert gradient == pytest.approx(exact, rel=0.01)


def test_quemada_by_haematocrit() -> None:
    rates = np.array([1e-2, 1.0, 100.0, 1e4])
    at = {h: Quemada(haematocrit=h).viscosity(rates) for h in (0.3, 0.45, 0.6)}
    for thin, thick in ((0.3, 0.45), (0.45, 0.6)):
        assert np.all(at[thin] < at[thick])
    assert np.all(np.diff(at[0.45]) < 0.0)
    # limits of the law: μ_p (1 − ½ k H)⁻² with k₀ at rest and k∞ at high shear
    assert Quemada().viscosity(np.zeros(1))[0] == pytest.approx(
        1.2e-3 / (1.0 - 0.225 * (0.275363 + 2.0 / 0.550158)) ** 2
    )
    # 3.5 mPa s is the usual value above 100 1/s; rotational viscometers give 10 to 20 at 1 1/s
    assert 3.2e-3 < Quemada().viscosity(np.array([500.0]))[0] < 4.2e-3
    assert 10e-3 < at[0.45][1] < 20e-3


def test_casson_creeps_below_its_least_rate() -> None:
    viscosity = law("casson")
    assert viscosity(0.0) == pytest.approx((3.45e-3**0.5 + (5e-3 / 1e-2) ** 0.5) ** 2)
    stress = 10.0 * viscosity(10.0)
    assert stress**0.5 == pytest.approx(5e-3**0.5 + (3.45e-3 * 10.0) ** 0.5, rel=1e-5)
