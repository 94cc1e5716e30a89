"""Openings whose pressure answers to the flow: exact splits, no limit on R Δt, restart."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from mpi4py import MPI

import numpy as np
import pytest

from meshes.tagged import LUMEN_CELLS, TaggedMesh
from solvers.boundaries import Step
from solvers.boundaries.rcr import RCR, Windkessel
from solvers.flow import Flow
from solvers.storage import checkpoint, state
from solvers.storage.layout import Layout
from tests.verification.tubes import Array, box, flow_settings, spread

COMM = MPI.COMM_WORLD
SIDES, COUNTS = (12e-3, 6e-3, 24e-3), (6, 3, 8)


@cache
def forked() -> TaggedMesh | None:
    """A box whose far end is two openings, "first" and "second", side by side, with wall between
    and around them.
    """
    mesh = box(SIDES, COUNTS)
    if mesh is None:
        return None
    x, z = (mesh.points[mesh.facets].mean(axis=1)[:, i] for i in (0, 2))
    end, tags = z > 0.999 * SIDES[2], mesh.facet_tags.copy()
    tags[end & (x < 4e-3)], tags[end & (x > 8e-3)] = 11, 12
    tags[end & (x > 4e-3) & (x < 8e-3)] = 1
    assert (mesh.cell_tags == LUMEN_CELLS).all()
    return replace(
        mesh, facet_tags=tags, names={1: "wall", 10: "inlet", 11: "first", 12: "second"}
    )


def flow(first: dict[str, Any], second: dict[str, Any], **more: Any) -> Flow:
    inlet = {"kind": "flow_rate", "mean": "60 mL/min"}
    scheme = {"dt": "10 ms", **more.pop("scheme", {})}
    boundary = {"inlet": more.pop("inlet", inlet), "first": first, "second": second}
    return Flow(spread(forked()), flow_settings(boundary, scheme=scheme, **more))


def resistance(ohm: float, distal: str = "0 Pa") -> dict[str, Any]:
    return {"kind": "resistance", "resistance": f"{ohm} Pa s/m^3", "distal": distal}


def model_pressures(found: Flow) -> Array:
    assert found.scheme.coupling is not None
    return found.scheme.coupling.pressures


@pytest.mark.mpi
@pytest.mark.parametrize("ohm", [1e9, 1e12])
@pytest.mark.parametrize("element", ["P1/P1", "P2/P1"])
def test_split_of_two_resistances_far_beyond_the_explicit_limit(ohm: float, element: str) -> None:
    found = flow(
        resistance(ohm, "400 Pa"),
        resistance(2.0 * ohm, "700 Pa"),
        scheme={"element": element, "tolerances": "tight"},
    )
    for _ in range(5):
        found.step()
    coupling = found.scheme.coupling
    assert coupling is not None
    # an explicit coupling needs R |G| < 1
    assert ohm * np.abs(coupling.conductance).max() > 20.0
    rates = found.flow_rates()
    outflow = np.array([rates["first"], rates["second"]])
    assert outflow.sum() == pytest.approx(1e-6, rel=1e-10)
    # the 0D solution: p = p_d + R Q of what leaves there
    law = np.array([400.0 + ohm * outflow[0], 700.0 + 2.0 * ohm * outflow[1]])
    assert model_pressures(found) == pytest.approx(law, rel=1e-8)
    means = found.pressures()
    assert [means["first"], means["second"]] == pytest.approx(law, rel=1e-8)


@pytest.mark.mpi
def test_resistances_rule_where_they_are_large() -> None:
    ohm = 1e14  # against which the box's own pressure differences are nothing
    found = flow(resistance(ohm), resistance(2.0 * ohm), scheme={"tolerances": "tight"})
    for _ in range(20):
        found.step()
    rates = found.flow_rates()
    # the 0D solution without the box: Q ∝ 1/R; the box itself has some 1e6 Pa s/m³
    assert rates["first"] / rates["second"] == pytest.approx(2.0, rel=1e-7)
    assert rates["first"] == pytest.approx(2e-6 / 3.0, rel=1e-7)


@pytest.mark.mpi
def test_flow_split_is_exact_at_every_step() -> None:
    found = flow(
        {"kind": "flow_split", "share": "30 %"},
        {"kind": "pressure", "pressure": "6 mmHg"},
        inlet={
            "kind": "flow_rate",
            "mean": "60 mL/min",
            "waveform": {"kind": "breath", "swing": 2.0},
        },
        period="0.2 s",
        scheme={"tolerances": "tight"},
    )
    for _ in range(20):
        log = found.step()
        inflow = found.inflow(log.time)
        assert found.flow_rates()["first"] == pytest.approx(0.3 * inflow, abs=1e-14)


@pytest.mark.mpi
def test_clot_changes_the_responses() -> None:
    found = flow(resistance(1e9), resistance(1e9), scheme={"tolerances": "tight"})
    for _ in range(3):
        found.step()
    coupling = found.scheme.coupling
    assert coupling is not None
    open_vein = coupling.conductance
    # a plug before the first opening
    middle = found.geometry.vertices.mean(axis=1)
    plug = (middle[:, 2] > 15e-3) & (middle[:, 0] < 6e-3)
    found.scheme.set_drag(np.where(plug, 1e7, 0.0))
    for _ in range(20):
        found.step()
    assert abs(coupling.conductance[0, 0]) < 0.5 * abs(open_vein[0, 0])
    rates = found.flow_rates()
    assert rates["first"] < 0.8 * rates["second"]
    assert rates["first"] + rates["second"] == pytest.approx(1e-6, rel=1e-10)
    assert model_pressures(found)[0] == pytest.approx(1e9 * rates["first"], rel=1e-8)


WINDKESSEL = {
    "kind": "rcr",
    "proximal": "1e8 Pa s/m^3",
    "compliance": "1e-9 m^3/Pa",
    "distal_resistance": "1e9 Pa s/m^3",
    "distal": "300 Pa",
}
LEG = {"kind": "leg", "arterial": "60 mL/min", "squeeze": "40 mmHg", "rhythm": {"kind": "pump"}}
HEART = {"kind": "heart", "pressure": "3 mmHg"}


@pytest.mark.mpi
@pytest.mark.parametrize(
    ("first", "second"),
    [(WINDKESSEL, WINDKESSEL | {"initial": "350 Pa"}), (HEART, LEG)],
    ids=["windkessels", "networks"],
)
def test_states_survive_a_restart_to_the_bit(
    first: dict[str, Any], second: dict[str, Any], tmp_path: Path
) -> None:
    found = flow(first, second, period="0.4 s")
    layout = Layout(found.vessel, found.geometry, found.Q)
    for _ in range(5):
        found.step()
    checkpoint.save(tmp_path / "c.h5", layout, "key", *state.pack_flow(found.scheme))
    for _ in range(3):
        found.step()
    resumed = flow(first, second, period="0.4 s")
    again = checkpoint.restore(tmp_path / "c.h5", layout, "key")
    assert again is not None
    state.unpack_flow(resumed.scheme, *again)
    for _ in range(3):
        resumed.step()
    assert np.array_equal(resumed.scheme.u, found.scheme.u)
    assert np.array_equal(resumed.scheme.p, found.scheme.p)
    assert found.scheme.coupling is not None
    assert resumed.scheme.coupling is not None
    assert resumed.scheme.coupling.memory() == found.scheme.coupling.memory()


def windkessel(dt: float, period: float, cycles: int) -> Array:
    """Pressure over the last cycle of a Windkessel fed with 2.2 + 2.5 sin 2πt."""
    load = Windkessel(
        RCR.model_construct(
            proximal=1000.0, compliance=1e-4, distal_resistance=1000.0, distal=0.0, initial=None
        )
    )
    rows = []
    for k in range(round(cycles * period / dt)):
        time = (k + 1) * dt
        step, flow = Step(time, dt, period, 0.0), 2.2 + 2.5 * np.sin(2.0 * np.pi * time)
        rest, _, slope = load.equation(0.0, flow, step)
        rows.append(-rest)
        assert load.equation(-rest, flow, step)[0] == pytest.approx(0.0, abs=1e-9)
        assert slope < -1000.0
        load.accept(-rest, flow, step)
    return np.array(rows[-round(period / dt) :])


def test_windkessel_is_the_analytic_one_and_of_second_order() -> None:
    omega = 2.0 * np.pi
    impedance = 1000.0 + 1000.0 / (1.0 + 1j * omega * 0.1)
    errors = []
    for steps in (20, 40, 80):
        times = (np.arange(steps) + 1) / steps
        exact = 4400.0 + (2.5 * impedance * np.exp(1j * omega * times)).imag
        errors.append(np.abs(windkessel(1.0 / steps, 1.0, 5) - exact).max())
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all((orders > 1.8) & (orders < 2.2)), orders
    assert errors[-1] < 2.0
