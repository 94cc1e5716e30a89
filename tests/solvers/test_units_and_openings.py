"""The same vein in millimetres and metres; openings and conditions that do not belong together."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import CaseError
from core.settings import read
from meshes.sources.tube import Tube
from solvers.flow import Flow
from solvers.settings import FlowSettings
from tests.verification.tubes import flow_settings, inflow, spread, tube

WRITTEN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"radius": "5 mm", "length": "10 mm", "size": "2 mm"},
        {
            "density": "1060 kg/m^3",
            "period": "1 s",
            "rheology": {"kind": "newtonian", "mu": "3.5 mPa s"},
            "scheme": {"dt": "20 ms"},
            "boundary": {
                "inlet": {"kind": "flow_rate", "mean": "60 mL/min"},
                "outlet": {"kind": "pressure", "pressure": "6 mmHg"},
            },
        },
    ),
    (
        {"radius": "0.005 m", "length": "1 cm", "size": "0.2 cm"},
        {
            "density": "1.06 g/cm^3",
            "period": "1000 ms",
            "rheology": {"kind": "newtonian", "mu": "0.035 poise"},
            "scheme": {"dt": "0.02 s"},
            "boundary": {
                "inlet": {"kind": "flow_rate", "mean": "1e-6 m^3/s"},
                "outlet": {"kind": "pressure", "pressure": "799.9343 Pa"},
            },
        },
    ),
]


def test_same_vein_in_millimetres_and_in_metres(tmp_path: Path) -> None:
    found = []
    for mesh, case in WRITTEN:
        vessel = spread(read(Tube, mesh, "test").build(tmp_path))
        flow = Flow(vessel, read(FlowSettings, {**case, "snapshots": 1}, "test"))
        for _ in range(5):
            flow.step()
        found.append((flow.scheme.u, flow.scheme.p))
    # units differ in the last digit of a number, and the conventional mmHg in the seventh
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-8 * np.abs(found[0][0]).max())
    assert found[0][1] == pytest.approx(found[1][1], rel=1e-6)


OPEN = inflow("60 mL/min")


@pytest.mark.parametrize(
    ("boundary", "said"),
    [
        ({**OPEN, "side": OPEN["outlet"]}, "no opening 'side'"),
        ({"outlet": OPEN["outlet"]}, "'inlet' of the mesh has no condition"),
        ({**OPEN, "wall": OPEN["outlet"]}, "no opening 'wall'"),
    ],
)
def test_openings_and_conditions_belong_together(boundary: dict[str, Any], said: str) -> None:
    vessel = spread(tube("10 mm", "2 mm"))
    with pytest.raises(CaseError, match=said) as error:
        Flow(vessel, flow_settings(boundary))
    assert error.value.where.startswith("flow.boundary")
    assert error.value.do


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"boundary": {"inlet": OPEN["inlet"]}}, "the pressure has no level"),
        ({"boundary": {}}, "no opening has a condition"),
        ({"boundary": {**OPEN, "inlet": {"kind": "flow_rate"}}}, "mean"),
        ({"boundary": {**OPEN, "inlet": {"mean": "1 mL/s"}}}, "needs kind"),
        ({"boundary": {**OPEN, "inlet": {"kind": "flowrate"}}}, "did you mean 'flow_rate'"),
        ({"boundary": {**OPEN, "outlet": {"kind": "pressure", "pressure": "6"}}}, "has no unit"),
        ({"boundary": {**OPEN, "outlet": {"kind": "pressure", "pressure": "6 mm"}}}, "dimension"),
        ({"scheme": {"element": "P3/P2"}}, "P1/P1"),
        ({"scheme": {"dt": "0 s"}}, "greater than 0"),
        ({"cycles": 0}, "greater than or equal to 1"),
        ({"rheology": {"kind": "newton"}}, "did you mean 'newtonian'"),
    ],
)
def test_bad_flow_settings_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(CaseError, match=said):
        flow_settings(**{"boundary": OPEN, **changes})


@pytest.mark.parametrize(
    ("dt", "snapshots"), [("10 ms", 1), ("30 ms", 1), ("30 ms", 8), ("0.9 s", 1), ("0.1 s", 200)]
)
def test_steps_divide_the_period_and_snapshots_divide_the_steps(dt: str, snapshots: int) -> None:
    settings = flow_settings(OPEN, period="1 s", snapshots=snapshots, scheme={"dt": dt})
    steps = settings.steps_per_cycle
    assert settings.dt * steps == pytest.approx(1.0, rel=1e-14)
    assert steps % snapshots == 0
    # never a longer step than was asked for, and no shorter one than that needs
    assert settings.dt <= settings.scheme.dt
    assert (steps - snapshots) * settings.scheme.dt < 1.0
