"""Developed flow of shear-thinning blood, against the Rabinowitsch integral."""

import numpy as np
import pytest

from solvers.exact import developed_flow_rate, developed_gradient
from solvers.flow import Flow
from solvers.rheology.carreau import Carreau
from tests.verification.tubes import (
    RADIUS,
    flow_settings,
    mean_section,
    pressures,
    settle,
    spread,
    tube,
)

LAW = Carreau()
TABLE = [(117.0177, 5e-6), (27.2211, 0.5e-6)]
"""Pressure gradient [Pa/m] and flow rate [m³/s] of validation.md §2.3, R = 5 mm."""


def law(rate: float) -> float:
    return float(LAW.viscosity(np.float64(rate)))


@pytest.mark.parametrize(("gradient", "rate"), TABLE)
def test_integral_gives_the_tables_flow(gradient: float, rate: float) -> None:
    assert developed_flow_rate(law, gradient, RADIUS) == pytest.approx(
        rate, rel=2e-6
    )  # seven digits are printed


@pytest.mark.parametrize(
    ("shear_rate", "viscosity"),
    [(0.0, 0.056), (1e9, 0.00345), (1.0 / 3.313, 0.00345 + 0.05255 * 2.0**-0.3216)],
)
def test_viscosity_law(shear_rate: float, viscosity: float) -> None:
    assert LAW.viscosity(np.array([shear_rate])) == pytest.approx(viscosity, rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("element", "size", "gradient", "density", "dt", "tolerance"),
    [
        # one viscosity a cell: 1.2 % on R/5
        ("P2/P1", "1 mm", 117.0177, "1 kg/m^3", "5 ms", 0.02),
        ("P2/P1", "1 mm", 27.2211, "10 kg/m^3", "25 ms", 0.02),
        ("P1/P1", "0.7 mm", 117.0177, "1 kg/m^3", "5 ms", 0.04),
        ("P1/P1", "0.7 mm", 27.2211, "10 kg/m^3", "25 ms", 0.04),
    ],
)
def test_developed_flow(
    element: str, size: str, gradient: float, density: str, dt: str, tolerance: float
) -> None:
    """Two pressures drive it, so that the flow is developed all along, and the fluid is so light
    that what enters at a pressure loses none of it to inertia (developed flow has no density).
    """
    length = 6e-3
    vessel = spread(tube("6 mm", size))
    settings = flow_settings(
        pressures(f"{gradient * length} Pa"),
        density=density,
        rheology={"kind": "carreau"},
        scheme={"element": element, "dt": dt},
    )
    flow = settle(Flow(vessel, settings), 1e-6, 200)
    z, p = flow.Q.coordinates[:, 2], flow.scheme.p
    middle = (z > 1.5e-3) & (z < 4.5e-3)
    slope = -np.polyfit(z[middle], p[middle], 1)[0]
    radius = float(np.sqrt(mean_section(vessel, length) / np.pi))
    rate = flow.flow_rates()["outlet"]
    exact = developed_gradient(law, rate, radius)
    # the gradient that this flow rate needs in a tube of the mesh's own section
    assert slope == pytest.approx(exact, rel=tolerance)
