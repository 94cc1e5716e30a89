"""Lumped vessels against hand calculations and svZeroDSolver's stored cases."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import Diverged
from solvers.network import Branch, Elastic, Leaflets, Network, Pool, Signal, Vein

STEADY = [
    "RC_R",
    "RLC_R",
    "RL_R",
    "R_R",
    "R_RCR",
    "R_steadyPressure",
    "bifurcationR_R1",
    "bifurcationR_R2",
    "blood_vessel_junction",
    "confluenceR_R",
    "stenosis_R",
]


def signal(times: list[float], values: list[float]) -> Signal:
    """A periodic signal, linear between its points, as svZeroDSolver reads them."""
    span = times[-1] - times[0]
    return lambda t: float(np.interp((t - times[0]) % span, np.array(times) - times[0], values))


@dataclass(frozen=True)
class TanhValve:
    """svZeroDSolver's valve: its resistance goes from open to closed with tanh of the drop."""

    opened: float
    closed: float
    steepness: float

    def flow(self, drop: float) -> tuple[float, float]:
        span, shut = 0.5 * (self.closed - self.opened), float(np.tanh(-self.steepness * drop))
        resistance = self.opened + span * (1.0 + shut)
        slope = span * (1.0 - shut**2) * self.steepness
        return drop / resistance, 1.0 / resistance + drop * slope / resistance**2


class Circuit:
    """A case of svZeroDSolver as one of our networks: vessels are R, C, L in that order."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.case = case
        self.conditions = {c["bc_name"]: c for c in case["boundary_conditions"]}
        self.inlet, self.outlet = {}, {}
        self.branches: list[Branch] = []
        self.pools: dict[str, dict[str, Any]] = {}
        for vessel in case["vessels"]:
            name = vessel["vessel_name"]
            self.inlet[name], self.outlet[name] = f"{name}.in", f"{name}.out"
        self._join()
        for vessel in case["vessels"]:
            self._vessel(vessel)
        for valve in case.get("valves", []):
            p = valve["params"]
            self._branch(
                self.outlet[p["upstream_block"]],
                self.inlet[p["downstream_block"]],
                valve=TanhValve(p["Rmin"], p["Rmax"], p["Steepness"]),
            )
        self.network = Network([Pool(n, **p) for n, p in self.pools.items()], self.branches)

    def _branch(self, start: str, end: str, **values: Any) -> None:
        for pool in (start, end):
            self.pools.setdefault(pool, {})
        self.branches.append(Branch(start, end, **values))

    def _join(self) -> None:
        names = {v["vessel_id"]: v["vessel_name"] for v in self.case["vessels"]}
        for junction in self.case.get("junctions", []):
            place = junction["junction_name"]
            for i in junction["inlet_vessels"]:
                self.outlet[names[i]] = place
            values = junction.get("junction_values")
            for k, i in enumerate(junction["outlet_vessels"]):
                if values:
                    self._branch(
                        place,
                        self.inlet[names[i]],
                        resistance=values["R_poiseuille"][k],
                        inertance=values["L"][k],
                    )
                else:
                    self.inlet[names[i]] = place

    def _vessel(self, vessel: dict[str, Any]) -> None:
        name, values = vessel["vessel_name"], vessel["zero_d_element_values"]
        middle = f"{name}.middle"
        self.pools[middle] = {"wall": Elastic(values.get("C", 0.0))}
        self._branch(
            self.inlet[name],
            middle,
            resistance=values["R_poiseuille"],
            stenosis=values.get("stenosis_coefficient", 0.0),
        )
        self._branch(middle, self.outlet[name], inertance=values.get("L", 0.0))
        for end, place in (("inlet", self.inlet[name]), ("outlet", self.outlet[name])):
            if end in vessel.get("boundary_conditions", {}):
                self._condition(place, self.conditions[vessel["boundary_conditions"][end]])

    def _condition(self, place: str, condition: dict[str, Any]) -> None:
        values, pool = condition["bc_values"], self.pools[place]
        match condition["bc_type"]:
            case "FLOW":
                pool["inflow"] = signal(values["t"], values["Q"])
            case "PRESSURE":
                pool["held"] = signal(values["t"], values["P"])
            case "RESISTANCE":
                self.pools[f"{place}.ground"] = {"held": lambda _: values["Pd"]}
                self._branch(place, f"{place}.ground", resistance=values["R"])
            case "RCR":
                self.pools[f"{place}.ground"] = {"held": lambda _: values["Pd"]}
                self.pools[f"{place}.charge"] = {"wall": Elastic(values["C"])}
                self._branch(place, f"{place}.charge", resistance=values["Rp"])
                self._branch(f"{place}.charge", f"{place}.ground", resistance=values["Rd"])


def stored(folder: Path, name: str) -> tuple[Circuit, dict[str, Any]]:
    """A case and its results, as columns."""
    base = folder / "validation" / "svZeroDSolver"
    case = json.loads((base / "cases" / f"{name}.json").read_text())
    results = json.loads((base / "results" / f"result_{name}.json").read_text())
    return Circuit(case), {k: list(v.values()) for k, v in results.items()}


def last_cycle(circuit: Circuit, cycles: int, steps: int, period: float) -> dict[str, np.ndarray]:
    """Pressures by pool in the last of some cycles, at its start and after each step."""
    network = circuit.network
    network.settle(0.0)
    rows = []
    for step in range(cycles * steps):
        network.step((step + 1) * period / steps, period / steps)
        rows.append(network.state.pressures)
    return dict(zip(circuit.pools, np.array(rows[-steps - 1 :]).T, strict=True))


@pytest.mark.data
@pytest.mark.parametrize("name", STEADY)
def test_steady_cases_of_svzerod(name: str, data: Path) -> None:
    circuit, results = stored(data, f"steadyFlow_{name}")
    network = circuit.network
    network.settle(0.0)
    for step in range(3):  # and it stays there
        network.step(0.01 * (step + 1), 0.01)
    for vessel in circuit.inlet:
        row = len(results["name"]) - 1 - results["name"][::-1].index(vessel)
        for end, places in (("in", circuit.inlet), ("out", circuit.outlet)):
            expected = results[f"pressure_{end}"][row]
            # upstream compares with 1e-7
            assert network.pressure(places[vessel]) == pytest.approx(expected, rel=1e-7)


@pytest.mark.data
def test_windkessel_of_svzerod(data: Path) -> None:
    circuit, results = stored(data, "pulsatileFlow_R_RCR")
    expected = np.array(results["pressure_out"])[-201:]
    found = last_cycle(circuit, 10, 200, 1.0)[circuit.outlet["branch0_seg0"]]
    # both are second order in the same step; they differ by O(Δt²)
    assert np.abs(found - expected).max() < 1e-3 * np.ptp(expected)


@pytest.mark.data
def test_stenosis_and_inertia_of_svzerod(data: Path) -> None:
    circuit, results = stored(data, "pulsatileFlow_CStenosis_steadyPressure")
    expected = np.array(results["pressure_in"])
    found = last_cycle(circuit, 2, 500, 2.0 * np.pi)[circuit.inlet["branch0_seg0"]]
    assert np.abs(found - expected).max() < 2e-3 * np.ptp(expected)


@pytest.mark.data
def test_valve_of_svzerod(data: Path) -> None:
    circuit, results = stored(data, "valve_tanh")
    rows: dict[str, list[float]] = {}
    for name, value in zip(results["name"], results["y"], strict=True):
        rows.setdefault(name, []).append(value)
    found = last_cycle(circuit, 5, 100, 1.0)
    for theirs, ours in (
        ("pressure:upstream_vessel:valve", circuit.outlet["upstream_vessel"]),
        ("pressure:valve:downstream_vessel", circuit.inlet["downstream_vessel"]),
    ):
        expected = np.array(rows[theirs])
        assert np.abs(found[ours] - expected).max() < 0.02 * np.ptp(expected)


def windkessel(flow: Signal) -> Network:
    pools = [
        Pool("in", inflow=flow),
        Pool("charge", Elastic(1e-4)),
        Pool("ground", held=lambda _: 0.0),
    ]
    branches = [Branch("in", "charge", 1000.0), Branch("charge", "ground", 1000.0)]
    return Network(pools, branches)


def test_charging_is_exact_and_of_second_order() -> None:
    # validation.md §8: p = Q R_p + Q R_d (1 − e^(−t/(R_d C)))
    exact = 5.0 * (1000.0 + 1000.0 * (1.0 - np.exp(-0.2 / 0.1)))
    errors = []
    for steps in (20, 40, 80):
        network = windkessel(lambda _: 5.0)
        network.start(0.0, 0.0)
        for step in range(steps):
            network.step((step + 1) * 0.2 / steps, 0.2 / steps)
        errors.append(abs(network.pressure("in") - exact))
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all((orders > 1.6) & (orders < 2.4)), orders


def test_mean_and_extremes_of_the_pulsatile_windkessel() -> None:
    network = windkessel(lambda t: 2.2 + 2.5 * np.sin(2.0 * np.pi * t))
    network.settle(0.0)
    rows = []
    for step in range(5000):
        network.step((step + 1) * 1e-3, 1e-3)
        rows.append(network.pressure("in"))
    cycle = np.array(rows[-1000:])
    # validation.md §8: mean 4400, extremes 8837.67 and −37.67
    assert cycle.mean() == pytest.approx(4400.0, abs=0.05)
    assert cycle.max() == pytest.approx(8837.6728, abs=0.2)
    assert cycle.min() == pytest.approx(-37.6728, abs=0.2)


def leg() -> Network:
    """A calf that a muscle squeezes, between two valves; SI."""
    squeeze: Signal = lambda t: 2.0e4 * np.sin(np.pi * t) ** 8  # noqa: E731
    valve = Leaflets(1e7, 20.0, 1e13)
    pools = [
        Pool("foot", held=lambda _: 2000.0),
        Pool("vein"),
        Pool("calf", Vein(1.2e-4, 1500.0, 600.0), outside=squeeze),
        Pool("thigh", Vein(1.0e-4, 1500.0, 600.0)),
        Pool("heart", held=lambda _: 500.0),
    ]
    branches = [
        Branch("foot", "vein", 1e8, 1e6),
        Branch("vein", "calf", valve=valve),
        Branch("calf", "thigh", valve=valve),
        Branch("thigh", "heart", 1e7, 1e6),
    ]
    return Network(pools, branches, "thigh")


def test_blood_is_conserved_through_collapse_and_valves() -> None:
    network = leg()
    network.start(0.0, 1500.0)
    dt, volumes, net = 0.02, [network.volume()], []
    for step in range(200):
        state, entering, _ = network.solve((step + 1) * dt, dt, 1500.0)
        network.accept(state)
        volumes.append(network.volume())
        net.append(entering + network.state.flows[0][0] - network.state.flows[0][3])
    v = np.array(volumes)
    rate = (1.5 * v[2:] - 2.0 * v[1:-1] + 0.5 * v[:-2]) / dt
    assert rate == pytest.approx(np.array(net[1:]), abs=1e-8 * np.abs(net).max())


def test_muscle_empties_the_calf_towards_the_heart() -> None:
    network = leg()
    network.port = None
    network.start(0.0, 1500.0)
    calf, back = [], []
    for step in range(200):
        network.step(0.02 * (step + 1), 0.02)
        calf.append(network.state.volumes[0][2])
        back.append(network.state.flows[0][1:3].min())
    # most of it leaves (the ejection fraction of a calf is about 0.65), and valves hold the rest
    assert min(calf) < 0.5 * max(calf)
    assert min(back) > -1e-8


def test_gravity_moves_volume_but_no_flow() -> None:
    def upright(weight: float) -> Network:
        pools = [
            Pool("calf", Vein(1e-4, 1500.0, 2000.0), weight),
            Pool("heart", held=lambda _: 500.0),
        ]
        network = Network(pools, [Branch("calf", "heart", 1e7)])
        network.settle(0.0)
        return network

    lying, standing = upright(0.0), upright(-1060.0 * 9.81 * 1.0)
    assert standing.pressure("calf") == pytest.approx(500.0)
    assert standing.volume() == pytest.approx(1e-4 * (0.5 + np.arctan(2 * 9398.6 / 2e3) / np.pi))
    assert standing.volume() > 3.0 * lying.volume()


def test_slope_is_the_derivative_by_the_pressure() -> None:
    network = leg()
    network.start(0.0, 1500.0)
    network.step(0.02, 0.02, 1500.0)
    low, (_, here, slope), high = (network.solve(0.04, 0.02, p) for p in (1490.0, 1500.0, 1510.0))
    assert low[1] < here < high[1]
    assert slope == pytest.approx((high[1] - low[1]) / 20.0, rel=1e-3)


def test_a_network_without_a_way_out_is_refused() -> None:
    network = Network([Pool("a", inflow=lambda _: 1.0), Pool("b")], [Branch("a", "b", 1.0)])
    with pytest.raises(Diverged, match="no pressures and flows"):
        network.settle(0.0)
