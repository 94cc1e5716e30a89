"""Flow that breathes in a rigid tube, against Womersley (1955) and validation.md §2.2.

Developed flow is linear in the flow rate, so the table's case (5 mL/s, Reynolds number 193) is run
at a fiftieth of it: the frequency number α = 3.449 is the same, and the inlet's parabolic profile
is forgotten within a diameter instead of within a hundred millimetres.
"""

from functools import cache

import numpy as np
import pytest

from solvers.diagnostics.traction import WallShear
from solvers.exact import Womersley
from solvers.flow import Flow
from solvers.storage.layout import Layout
from tests.verification.tubes import MU, RADIUS, RHO, Array, flow_settings, inflow, spread, tube

PERIOD, STEPS, SHARE = 4.0, 100, 1.0 / 50.0
GRADIENT = (71.3014145, 79.639282 * np.exp(1.053264j))
SHEAR = (0.178253536, 0.106511848 * np.exp(0.390307j))
"""Table of validation.md for Q = 5 + 2.5 cos ωt mL/s: mean, and amplitude with phase against Q."""


@cache
def last_cycle() -> tuple[Array, Array]:
    """Pressure gradient [Pa/m] and wall shear stress [Pa] in the middle, for the table's flow."""
    # 6 mL/min = 0.1 mL/s; edges of R/5.6
    boundary = inflow("6 mL/min", waveform={"kind": "breath", "swing": 0.5})
    scheme = {"element": "P2/P1", "dt": "40 ms"}
    flow = Flow(
        spread(tube("16 mm", "0.9 mm")), flow_settings(boundary, period="4 s", scheme=scheme)
    )
    layout = Layout(flow.vessel, flow.geometry, flow.Q)
    rim = np.concatenate([flow.V.dofs_on(f.numbers) for f in flow.patches.values()])
    shear = WallShear(flow.scheme, layout.wall, rim)
    z, height = flow.Q.coordinates[:, 2], layout.wall.centre[:, 2]
    inside, weight = (z > 6e-3) & (z < 14e-3), layout.wall.area * (abs(height - 10e-3) < 3e-3)
    rows = []
    # the slowest mode of the start decays in 1.3 s: e^(−3) after the first cycle
    for _ in range(2 * STEPS):
        flow.step()
        slope = -np.polyfit(z[inside], flow.scheme.p[inside], 1)[0]
        rows.append((slope, weight @ shear()[:, 2] / weight.sum()))
    gradient, stress = np.array(rows[STEPS:]).T / SHARE
    return gradient, stress


def harmonics(values: Array) -> tuple[float, complex]:
    """Mean and first harmonic a of Re(a e^{iωt}) of a cycle whose first value is at dt."""
    phase = np.exp(-2j * np.pi * np.arange(1, STEPS + 1) / STEPS)
    return float(values.mean()), complex(2.0 * (values * phase).mean())


def test_exact_solution_is_the_tables() -> None:
    omega = 2.0 * np.pi / PERIOD
    flow = Womersley(RADIUS, RHO, MU, omega, abs(GRADIENT[1]))
    assert flow.alpha == pytest.approx(3.448648, rel=1e-6)
    t = np.linspace(0.0, PERIOD, STEPS + 1)[1:]
    rate = harmonics(np.array([flow.flow_rate(x) for x in t]))[1]
    assert abs(rate) == pytest.approx(2.5e-6, rel=1e-6)
    assert -np.angle(rate) == pytest.approx(np.angle(GRADIENT[1]), abs=1e-6)
    stress = harmonics(np.array([flow.wall_shear_stress(x) for x in t]))[1]
    assert stress / rate * abs(rate) == pytest.approx(SHEAR[1], rel=1e-6)
    r = np.linspace(0.0, RADIUS, 4001)
    u = flow.velocity(r, 0.7)
    assert 2.0 * np.pi * np.trapezoid(u * r, r) == pytest.approx(flow.flow_rate(0.7), rel=1e-6)


@pytest.mark.slow
def test_pressure_gradient_and_wall_shear_stress() -> None:
    gradient, stress = (harmonics(values) for values in last_cycle())
    # the mesh's own radius is 0.998 R: means +0.8 % (R⁻⁴) and +0.6 % (R⁻³) by geometry alone
    assert gradient[0] == pytest.approx(GRADIENT[0], rel=0.02)
    assert stress[0] == pytest.approx(SHEAR[0], rel=0.02)
    assert abs(gradient[1]) == pytest.approx(abs(GRADIENT[1]), rel=0.02)
    assert abs(stress[1]) == pytest.approx(abs(SHEAR[1]), rel=0.02)
    assert np.angle(gradient[1] / GRADIENT[1]) == pytest.approx(0.0, abs=0.01)
    assert np.angle(stress[1] / SHEAR[1]) == pytest.approx(0.0, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("times", "average", "index"), [(1, 0.178253536, 0.0), (4, 0.295335583, 0.198218660)]
)
def test_oscillatory_shear_index(times: int, average: float, index: float) -> None:
    # the reversing case has four times the amplitude, 10 mL/s, and the flow is linear
    _, stress = last_cycle()
    tau = stress.mean() + times * (stress - stress.mean())
    found = np.abs(tau).mean()
    assert found == pytest.approx(average, rel=0.02)
    # validation.md: 0.005
    assert 0.5 * (1.0 - abs(tau.mean()) / found) == pytest.approx(index, abs=0.005)
    relative_residence = 1.0 / abs(tau.mean())
    assert relative_residence == pytest.approx(5.609987, rel=0.02)
