"""Flow past a clot with a graded edge, as growth leaves it, is bounded at usual time steps."""

import numpy as np
import pytest

from solvers.flow import Flow
from solvers.laws import carman_kozeny
from tests.verification.tubes import flow_settings, inflow, spread, tube


@pytest.mark.parametrize("element", ["P1/P1", "P2/P1"])
@pytest.mark.parametrize("dt", ["10 ms", "50 ms"])
@pytest.mark.parametrize("most", [3e-3, 0.3])
def test_flow_past_a_graded_clot_is_bounded(most: float, dt: str, element: str) -> None:
    # every ratio of cell to Brinkman layer, H²/K from 0 to 10⁶, occurs somewhere
    scheme = {"element": element, "dt": dt}
    flow = Flow(spread(tube("16 mm", "2 mm")), flow_settings(inflow("60 mL/min"), scheme=scheme))
    centre = flow.geometry.vertices.mean(axis=1)
    away = np.linalg.norm(centre - [0.0, 5e-3, 8e-3], axis=1)
    fraction = most * np.exp(-((away / 4e-3) ** 2))
    drag = flow.scheme.clot_viscosity * np.minimum(carman_kozeny(fraction), 1e11)
    for _ in range(10):
        flow.step()
    flow.scheme.set_drag(drag)
    for _ in range(60):
        flow.step()
    # 1e-6 m³/s through 78 mm², peak twice the mean; the clot leaves at least a third open
    assert np.abs(flow.scheme.u).max() < 0.15
    assert flow.flow_rates()["outlet"] == pytest.approx(1e-6, rel=1e-6)
