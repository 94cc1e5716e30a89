"""The 0D veins against hand calculations."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import CaseError
from jobs.twin import correction, spec
from solvers.network import Network, Pool, Signal
from solvers.surrogate import circuit
from solvers.surrogate.anatomy import Anatomy, Line, Site, Thrombus, friction, lumen, widenings
from solvers.surrogate.circuit import DENSITY, KINETIC, Condition, Squeeze, settle

AREA, LONG = 100e-6, 0.1
EVEN = np.linspace(0.0, LONG, 11)


def line(name: str = "left", into: str = "cava", area: float = AREA, aspect: float = 1.0) -> Line:
    return Line(name, EVEN, np.full(11, area), np.full(11, aspect), into)


def tree(**changes: object) -> Anatomy:
    lines = {
        "left": line(), "right": line("right"), "cava": line("cava", "", 2 * AREA),
    }  # fmt: skip
    sites = {
        "low": Site("left", 0.0), "lesion": Site("left", 0.05), "high": Site("cava", LONG),
    }  # fmt: skip
    return replace(Anatomy(lines, sites), **changes)  # type: ignore[arg-type]


FLOWS = {"left": 4e-6, "right": 6e-6}
CALM = Condition(FLOWS, viscosity=4e-3, central=700.0)


def test_a_round_vein_is_poiseuille() -> None:
    radius = np.sqrt(AREA / np.pi)
    assert friction(line()) == pytest.approx(8.0 * LONG / (np.pi * radius**4))


def test_an_ellipse_is_exact() -> None:
    """R = 4 μ L (a² + b²)/(π a³ b³)."""
    a, b = 9e-3, 3e-3
    found = friction(line(area=np.pi * a * b, aspect=a / b))
    assert found == pytest.approx(4.0 * LONG * (a**2 + b**2) / (np.pi * a**3 * b**3))


def test_only_widenings_lose_pressure_besides() -> None:
    area = np.array([2.0, 1.0, 1.0, 3.0, 4.0, 2.0, 2.5]) * AREA
    ragged = Line("x", np.arange(7.0), area, np.ones(7))
    steps = np.array([1.0 - 1.0 / 4.0, 1.0 / 2.0 - 1.0 / 2.5]) / AREA
    assert widenings(ragged) == pytest.approx(np.sum(steps**2))
    assert widenings(line()) == 0.0


def test_flows_add_up_and_pressures_fall_by_poiseuille() -> None:
    state = settle(tree(), CALM)
    assert state.flow("low") == pytest.approx(4e-6)
    assert state.flow("high") == pytest.approx(10e-6)
    radius = np.sqrt(AREA / np.pi)
    left = 8.0 * 4e-3 * LONG / (np.pi * radius**4) * 4e-6
    cava = 8.0 * 4e-3 * LONG / (np.pi * (np.sqrt(2) * radius) ** 4) * 10e-6
    kinetic = 0.5 * KINETIC * DENSITY * (4e-6 / AREA) ** 2
    assert state.pressure("low") == pytest.approx(700.0 + left + cava - kinetic)
    assert state.velocity("lesion") == pytest.approx(1.6 * 4e-6 / AREA)


def test_collaterals_share_the_flow_like_resistors() -> None:
    radius = np.sqrt(AREA / np.pi)
    vein = 8.0 * 4e-3 * LONG / (np.pi * radius**4)
    alone = Anatomy({"left": line(into="")}, {"lesion": Site("left", 0.05)})
    state = settle(alone, replace(CALM, inflow={"left": 4e-6}, collateral=3.0 * vein))
    assert state.collateral_share() == pytest.approx(0.25)


def constant(value: float) -> Signal:
    return lambda _: value


def test_all_members_at_once_are_the_network_of_each() -> None:
    """`settle` against `Network.settle`, member by member, with every unknown varied."""
    rng = np.random.default_rng(0)

    def varied(middle: float) -> np.ndarray:
        return middle * np.exp(0.4 * rng.standard_normal(20))

    area = np.interp(EVEN, [0.0, 0.05, LONG], [AREA, 0.2 * AREA, AREA])
    veins = tree(thrombus=Thrombus("left", 0.02, 0.04))
    veins = replace(veins, lines={**veins.lines, "left": replace(line(), area=area)})
    every = Condition(
        {"left": varied(8e-6), "right": varied(6e-6)}, varied(4e-3), varied(1.0), varied(0.8),
        varied(1.5), varied(1e7), varied(700.0), rng.uniform(0.1, 0.8, 20), varied(1.0),
    )  # fmt: skip
    states = settle(veins, every)
    for i in range(20):
        one = every.member(i)
        lines = circuit.open_lines(veins, one)
        branches = circuit._veins(veins, one, lines)
        pools = [Pool(name, inflow=constant(one.inflow.get(name, 0.0))) for name in lines]
        heart = Pool("heart", held=constant(one.central))
        network = Network([*pools, heart], branches)
        network.start(0.0, one.central)
        # from rest its Newton may end early, as its tolerance is of the largest unknown it met
        for _ in range(3):
            network.settle(0.0)
        for j, name in enumerate(lines):
            assert states.flows[name][i] == pytest.approx(network.state.flows[0][j], rel=1e-9)
            assert states.pressures[name][i] == pytest.approx(network.pressure(name), rel=1e-9)
            end = states.pressures[lines[name].into or "heart"][i]
            drop = states.pressures[name][i] - end
            law, _, _ = branches[j].law(drop, states.flows[name][i])
            assert law == pytest.approx(0.0, abs=1e-9 * drop)


def test_a_widening_costs_the_square_of_the_flow() -> None:
    area = np.interp(EVEN, [0.0, 0.05, LONG], [AREA, 0.2 * AREA, AREA])
    narrow = Anatomy({"left": Line("left", EVEN, area, np.ones(11))}, {"low": Site("left", 0.0)})
    calm = replace(CALM, viscosity=1e-9, loss=1.5)
    falls = []
    for flow in (4e-6, 8e-6):
        state = settle(narrow, replace(calm, inflow={"left": flow}))
        falls.append(state.pressures["left"] - 700.0)
    exact = 1.5 * 0.5 * DENSITY * ((5.0 - 1.0) / AREA * 4e-6) ** 2
    assert falls == pytest.approx([exact, 4.0 * exact], rel=1e-4)


def test_a_correction_multiplies_the_losses() -> None:
    plain, more = (settle(tree(), replace(CALM, correction=c)) for c in (1.0, 1.4))
    fall = [s.pressures["left"] - 700.0 for s in (plain, more)]
    assert fall[1] == pytest.approx(1.4 * fall[0])


def test_thrombus_and_calibre_change_the_lumen() -> None:
    clotted = tree(thrombus=Thrombus("left", 0.02, 0.04))
    made = lumen(clotted, clotted.lines["left"], 1.1, 0.5, 0.6)
    assert made.at(0.03) == pytest.approx(AREA * 1.1 * 0.4 * 0.5 ** np.exp(-2.0))
    assert made.at(0.05) == pytest.approx(AREA * 1.1 * 0.5)


def test_leaking_valves_let_blood_back_for_longer() -> None:
    times = [circuit.reflux_time(tree(), CALM, Squeeze(leak)) for leak in (1e5, 1e3, 50.0)]
    assert times[0] < times[1]
    assert times[0] <= 1.0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"lines": {"a": line("a", ""), "b": line("b", "")}}, "leads to the heart"),
        ({"lines": {"left": line(into="x"), "cava": line("cava", "")}}, "which is no vein"),
        ({"lines": {"left": line(area=-1.0), "cava": line("cava", "")}}, "above 0"),
        ({"lines": {"heart": line("heart", "")}}, "no name of one"),
        ({"sites": {"a": Site("leg", 0.0)}}, "which is no vein"),
        ({"sites": {"a": Site("left", 0.2)}}, "does not lie on"),
        ({"thrombus": Thrombus("left", 0.05, 0.3)}, "does not lie on"),
    ],
)
def test_veins_that_do_not_hang_together_are_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(CaseError, match=said):
        tree(**change).check("twin.toml")


def run_of(folder: Path, factor: float, flow: float) -> Path:
    """A measured run of the tree with a narrowing, whose 3D gradient is ``factor`` times 0D's."""
    area = np.interp(EVEN, [0.0, 0.05, LONG], [AREA, 0.3 * AREA, AREA])
    lines = {"left": Line("left", EVEN, area, np.ones(11), "cava"), "cava": line("cava", "")}
    sites = {
        "peripheral": Site("left", 0.02), "lesion": Site("left", 0.05),
        "central": Site("cava", 0.0),
    }  # fmt: skip
    state = settle(Anatomy(lines, sites), Condition({"left": flow}, 4e-3))
    gradient = factor * float(state.pressure("peripheral") - state.pressure("central"))
    curves = {
        "branch": ["left"] * 11 + ["cava"] * 11, "arc": [*EVEN, *EVEN],
        "area": [*area, *lines["cava"].area], "aspect": [1.0] * 22, "flow_rate": [flow] * 22,
    }  # fmt: skip
    planes = {f"plane_{n}": {"branch": p.vein, "arc": p.arc} for n, p in sites.items()}
    lesion = {"branch": "left", "arc": 0.05, "planes": planes}
    rows = [{"name": "pressure_gradient", "value": gradient}]
    folder.mkdir()
    (folder / "status.json").write_text("{}")
    told = {"curves": curves, "lesion": lesion, "rows": rows}
    (folder / "metrics.json").write_text(json.dumps(told))
    return folder


def test_runs_in_3d_teach_the_correction(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spec, "_joins", lambda _: {"left": "cava", "cava": ""})
    flows = (3e-6, 5e-6, 8e-6, 12e-6)
    runs = [run_of(tmp_path / str(i), 1.4, flow) for i, flow in enumerate(flows)]
    for run, flow in zip(runs, flows, strict=True):
        through, slow, fast = correction.compared(run, 4e-3, 1.5)
        assert through == pytest.approx(flow)
        assert slow / fast == pytest.approx(1.4)
    few, many = (correction.prior(runs[:n], 6e-6, 4e-3, 1.5) for n in (1, 4))
    assert float(many.centre) == pytest.approx(1.4, rel=0.05)
    assert float(many.spread) < float(few.spread) < 0.4
    assert "4 3D flows" in many.source


def test_a_run_whose_pressure_rises_teaches_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spec, "_joins", lambda _: {"left": "cava", "cava": ""})
    with pytest.raises(CaseError, match="does not fall"):
        correction.compared(run_of(tmp_path / "run", -1.0, 4e-6), 4e-3, 1.5)
