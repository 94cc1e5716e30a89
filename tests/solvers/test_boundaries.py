"""Conditions on openings: what they impose, what they refuse, and balances of what they did."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import CaseError
from core.log import Progress
from core.settings import effective, read
from solvers.boundaries import conditions
from solvers.boundaries.heart import Heart
from solvers.boundaries.leg import Leg
from solvers.boundaries.network import VeinNetwork
from solvers.cycle import CLOCK, Cycles
from solvers.diagnostics.balances import BY_OPENING, SCALARS, VECTORS
from solvers.flow import Flow
from solvers.network import Network
from solvers.stop import StopRequest
from solvers.storage.layout import Layout
from tests.verification.tubes import (
    MU,
    RADIUS,
    flow_settings,
    inflow,
    mean_section,
    spread,
    tube,
)

OUT = {"kind": "pressure", "pressure": "0 Pa"}
RATE = {"kind": "flow_rate", "mean": "60 mL/min"}
OHM = {"kind": "resistance", "resistance": "1e8 Pa s/m^3"}
SPLIT = {"kind": "flow_split", "share": "60 %"}
RCR = {
    "kind": "rcr",
    "proximal": "1e7 Pa s/m^3",
    "compliance": "1e-8 m^3/Pa",
    "distal_resistance": "1e8 Pa s/m^3",
}
VEINS: dict[str, Any] = {
    "kind": "network",
    "opening": "groin",
    "pools": {"groin": {"volume": "50 mL"}, "foot": {"held": "10 mmHg"}},
    "veins": [{"start": "foot", "end": "groin", "length": "80 cm", "radius": "3 mm"}],
}


@pytest.mark.parametrize(
    ("boundary", "said"),
    [
        ({"inlet": RATE, "outlet": RATE}, '"heart", "leg", "network", "pressure", "rcr"'),
        ({"inlet": RATE, "outlet": SPLIT}, "the pressure has no level"),
        ({"inlet": OUT, "outlet": SPLIT}, "share of the flow rates"),
        ({"a": RATE, "b": SPLIT, "c": SPLIT, "d": OUT}, "add up to 1.2"),
        ({"inlet": RATE, "outlet": {"kind": "resistor"}}, "did you mean 'resistance'"),
        ({"inlet": RATE, "outlet": {"kind": "x"}}, "flow_split, heart, leg, network, pressure"),
        ({"inlet": RATE, "outlet": {"kind": "resistance"}}, "resistance"),
        ({"inlet": RATE, "outlet": OHM | {"resistance": "-1 Pa s/m^3"}}, "greater than or equal"),
        ({"inlet": RATE, "outlet": OHM | {"resistance": "3 mmHg"}}, "dimension"),
        ({"inlet": RATE, "outlet": RCR | {"compliance": "0 m^3/Pa"}}, "greater than 0"),
        ({"inlet": RATE | {"shape": "plug"}, "outlet": OUT}, "womersley"),
        ({"inlet": RATE | {"mean": "nan mL/min"}, "outlet": OUT}, "finite"),
    ],
)
def test_bad_conditions_are_refused(boundary: dict[str, Any], said: str) -> None:
    with pytest.raises(CaseError, match=said):
        flow_settings(boundary)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"opening": "knee"}, "no pool 'knee'; pools: groin, foot"),
        ({"opening": "foot"}, "is held"),
        ({"veins": []}, "at least 1"),
        ({"veins": [{**VEINS["veins"][0], "start": "toe"}]}, "no pool 'toe'"),
        ({"veins": [{**VEINS["veins"][0], "end": "foot"}]}, "joined to itself"),
        ({"pools": VEINS["pools"] | {"arm": {"volume": "1 mL"}}}, "no vein leads from 'arm'"),
        ({"pools": {"groin": {}, "foot": {"held": "1 mmHg", "volume": "1 mL"}}}, "is held, so"),
        ({"posture": "sitting"}, "supine"),
    ],
)
def test_bad_networks_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(CaseError, match=said):
        flow_settings({"inlet": VEINS | change, "outlet": OUT})


@pytest.mark.parametrize("table", [OUT, RATE, OHM, SPLIT, RCR, VEINS, {"kind": "leg"}])
def test_effective_settings_read_back(table: dict[str, Any]) -> None:
    condition = conditions.build(table)
    assert conditions.build(effective(condition)) == condition


def run(boundary: dict[str, Any], steps: int, size: str = "2 mm", **more: Any) -> Flow:
    found = Flow(spread(tube("20 mm", size)), flow_settings(boundary, **more))
    for _ in range(steps):
        found.step()
    return found


@pytest.mark.mpi
def test_every_outlet_a_resistance_is_fine() -> None:
    found = run({"inlet": OHM | {"distal": "200 Pa"}, "outlet": OHM}, 150)
    rate = found.flow_rates()["outlet"]
    section = mean_section(found.vessel, 20e-3)
    # the tube itself is 8πμL/A² in between, to the entrance's loss
    tube_ohm = 8.0 * np.pi * MU * 20e-3 / section**2
    assert rate == pytest.approx(200.0 / (2e8 + tube_ohm), rel=2e-3)


def test_negative_mean_draws_blood_out() -> None:
    found = run({"inlet": RATE | {"mean": "-60 mL/min"}, "outlet": OUT}, 3)
    assert found.flow_rates()["inlet"] == pytest.approx(1e-6, rel=1e-12)
    assert found.flow_rates()["outlet"] == pytest.approx(-1e-6, rel=1e-6)


def test_pressure_follows_its_waveform() -> None:
    wave = {"kind": "breath", "swing": 0.5}
    found = run({"inlet": RATE, "outlet": OUT | {"pressure": "800 Pa", "waveform": wave}}, 3)
    expected = 800.0 * (1.0 + 0.5 * np.cos(2.0 * np.pi * found.scheme.time))
    assert found.pressures()["outlet"] == pytest.approx(expected, rel=1e-12)


def cycle_means(network: Network, pressure: float, period: float, cycles: int) -> Any:
    """Volumes (n, pools) and flow into the network (n) over the last two cycles."""
    rows, steps = [], 100
    for step in range(cycles * steps):
        time = (step + 1) * period / steps
        state, entering, _ = network.solve(time, period / steps, pressure)
        network.accept(state)
        rows.append((*state.volumes[0], entering))
    last = np.array(rows[-2 * steps :])
    return last[:, :-1], last[:, -1]


@pytest.mark.parametrize("posture", ["supine", "standing"])
@pytest.mark.parametrize("squeeze", ["0 mmHg", "200 mmHg"])
def test_leg_gives_back_what_its_arteries_bring(posture: str, squeeze: str) -> None:
    leg = read(Leg, {"kind": "leg", "posture": posture, "squeeze": squeeze}, "test")
    network = leg.network().build(2.0)
    network.start(0.0, 1000.0)
    volumes, entering = cycle_means(network, 1000.0, 2.0, 30)
    # 300 mL/min, whatever the muscles do; when standing, strong and weak beats may alternate
    assert entering.mean() == pytest.approx(-5e-6, rel=0.03)
    calf = volumes[:, 0]
    if squeeze == "0 mmHg":
        assert np.ptp(calf) < 0.02 * calf.max()
        return
    # valves: what comes back is less than a hundredth of what leaves
    assert entering.max() < -0.01 * entering.min()


def test_walking_lowers_the_pressure_in_the_calf() -> None:
    # measured at the ankle: 80 to 100 mmHg standing still, 20 to 30 mmHg walking
    means = {}
    for valves in ("competent", "none"):
        for squeeze in ("0 mmHg", "200 mmHg"):
            table = {"kind": "leg", "posture": "standing", "squeeze": squeeze, "valves": valves}
            network = read(Leg, table, "test").network().build(1.0)
            network.start(0.0, 1000.0)
            rows = []
            for step in range(1500):
                network.step((step + 1) * 0.02, 0.02, 1000.0)
                if step >= 1400:
                    rows.append(network.pressure("calf"))
            # between contractions
            means[valves, squeeze] = min(rows)
    assert means["competent", "200 mmHg"] < means["competent", "0 mmHg"] - 2000.0
    # without valves blood falls back
    lost = means["none", "0 mmHg"] - means["none", "200 mmHg"]
    held = means["competent", "0 mmHg"] - means["competent", "200 mmHg"]
    assert lost < held


def test_heart_breathes() -> None:
    heart = read(Heart, {"kind": "heart", "rhythm": {"kind": "breath", "swing": 0.5}}, "test")
    network = heart.network().build(4.0)
    network.start(0.0, 4.0 * 133.322)
    _, entering = cycle_means(network, 5.0 * 133.322, 4.0, 10)
    # cava of 0.25 m and 9.2 mm: R = 8μL/(πr⁴)
    ohm = 8.0 * 3.5e-3 * 0.25 / (np.pi * 9.2e-3**4)
    assert entering.mean() == pytest.approx(133.322 / ohm, rel=1e-3)
    # more return while the atrium's pressure is low, in inspiration: half a cycle after its peak
    assert 1.5 < (4.0 * np.argmax(entering) / 100) % 4.0 < 4.0


def test_network_spec_becomes_resistances() -> None:
    network = read(VeinNetwork, VEINS, "test").build(1.0)
    network.settle(0.0, 1000.0)
    ohm = 8.0 * 3.5e-3 * 0.8 / (np.pi * 3e-3**4)
    flow = network.state.flows[0][0]
    assert flow == pytest.approx((10.0 * 133.322 - 1000.0) / ohm, rel=1e-4)


@pytest.mark.mpi
def test_series_tell_of_balances_and_of_backflow(tmp_path: Path) -> None:
    wave = {"kind": "breath", "swing": 2.0}
    settings = flow_settings(
        inflow("60 mL/min", waveform=wave), period="1 s", scheme={"dt": "20 ms"}
    )
    found = Flow(spread(tube("20 mm", "2 mm")), settings)
    layout = Layout(found.vessel, found.geometry, found.Q)
    root = found.geometry.comm.rank == 0
    progress = Progress(tmp_path / "progress.jsonl" if root else None)
    cycles = Cycles(found, layout, progress, StopRequest(found.geometry.comm))
    cycles.run("flow", 0.0, 1.0)
    cycles.run("flow", 0.0, 1.0)
    table = {name: values[-50:] for name, values in cycles.series.table().items()}
    assert set(table) == {*CLOCK, *SCALARS, *VECTORS, *BY_OPENING, "flow_rate", "pressure"}
    assert cycles.series.names == ("inlet", "outlet")
    share, power = table["backflow_share"], table["backflow_power"]
    outflow = table["flow_rate"][:, 1]
    assert not share[:, 0].any()  # a flow rate is imposed there
    assert share[outflow < -5e-7, 1] == pytest.approx(1.0, abs=0.02)
    assert (share[outflow > 1.5e-6, 1] < 0.02).all()
    assert (power >= 0.0).all()
    # a flat or parabolic profile takes ρ|Q|³/A² to twice that
    worst = int(np.argmin(outflow))
    scale = 1060.0 * abs(outflow[worst]) ** 3 / (np.pi * RADIUS**2) ** 2
    assert 0.5 < power[worst, 1] / scale < 2.5
    if root:
        words = [json.loads(x) for x in (tmp_path / "progress.jsonl").read_text().splitlines()]
        assert {"momentum", "energy", "imbalance", "backflow"} <= set(words[-1])


@pytest.mark.parametrize(
    ("element", "size", "momentum", "energy"),
    # what balances leave open in steady flow falls with the mesh: the wall's gradient is O(h)
    [
        ("P1/P1", "2 mm", 0.15, 0.02),
        ("P1/P1", "1 mm", 0.08, 0.02),
        ("P2/P1", "1.5 mm", 0.02, 0.02),
    ],
)
def test_balances_close(element: str, size: str, momentum: float, energy: float) -> None:
    settings = flow_settings(
        inflow("60 mL/min"), period="1 s", scheme={"dt": "50 ms", "element": element}
    )
    found = Flow(spread(tube("20 mm", size)), settings)
    layout = Layout(found.vessel, found.geometry, found.Q)
    cycles = Cycles(found, layout, Progress(None), StopRequest(found.geometry.comm))
    for _ in range(2):
        cycles.run("flow", 0.0, 1.0)
    last = {name: values[-1] for name, values in cycles.series.table().items()}
    assert last["momentum_residual"] < momentum
    assert last["energy_residual"] < energy
    assert last["imbalance"] < 1e-5
    # the wall holds the blood back with what the pressures push
    assert last["wall_force"][2] < 0.0 < last["opening_force"][2]
    assert last["power_in"] == pytest.approx(last["dissipation"], rel=0.1)
