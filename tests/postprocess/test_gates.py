import h5py
import numpy as np
import pytest

from core.store import Results
from postprocess import gates
from postprocess.inputs import Inputs
from postprocess.measure import MeasureSettings
from postprocess.ranges import RANGES, in_range
from tests.postprocess.tube import Tube, write


def states(path):
    with Results(path) as results:
        return {gate.name: gate.state for gate in gates.gates(Inputs(results, MeasureSettings()))}


@pytest.fixture
def results(tmp_path):
    return write(tmp_path / "results.h5", Tube(rings=3, spokes=12, layers=21))


def test_a_sound_run_passes_every_gate(results):
    found = states(results)
    # one mesh says nothing of the mesh's error
    assert found.pop("grid") == "not assessed"
    assert set(found.values()) == {"pass"}


@pytest.mark.parametrize(("value", "state"), [
    (0.02, "pass"), (0.0201, "fail"), (np.nan, "fail"), (None, "warn"),
])
def test_periodicity(value, state):
    flow = {} if value is None else {"periodicity": value}
    assert gates.periodicity(flow).state == state


@pytest.mark.parametrize(("value", "state"), [
    (8.0, "pass"), (7.9, "warn"), (4.0, "warn"), (3.9, "fail"), (np.nan, "fail"), (None, "warn"),
])
def test_cells_across(value, state):
    mesh = {} if value is None else {"cells_across_narrowest": value}
    assert gates.resolution(mesh).state == state


@pytest.mark.parametrize(("leak", "state"), [(0.9e-2, "pass"), (1.1e-2, "warn"), (5.1e-2, "fail")])
def test_nodal_balance(results, leak, state):
    with h5py.File(results, "a") as file:
        file["dvtwin/flow/series/nodal_imbalance"][-1] = leak
    assert states(results)["nodal_balance"] == state


@pytest.mark.parametrize(("leak", "state"), [(0.9e-3, "pass"), (1.1e-3, "fail"), (np.nan, "fail")])
def test_mass_balance(results, leak, state):
    with h5py.File(results, "a") as file:
        flow = file["dvtwin/flow/series/flow_rate"]
        flow[:, 1] = -flow[:, 0] * (1 + leak)
    assert states(results)["mass_balance"] == state


@pytest.mark.parametrize("field", ["flow/mean/velocity", "flow/mean/pressure", "clot/fraction"])
def test_one_value_that_is_not_a_number_fails(results, field):
    with h5py.File(results, "a") as file:
        values = file[f"dvtwin/{field}"][()]
        values.flat[7] = np.nan
        file[f"dvtwin/{field}"][...] = values
    assert states(results)["finite"] == "fail"


@pytest.mark.parametrize(("attributes", "state"), [
    ({"growth_width": 1.0e-3, "mesh_size": 0.5e-3, "second_mesh_difference": 0.05}, "pass"),
    ({"growth_width": 0.99e-3, "mesh_size": 0.5e-3, "second_mesh_difference": 0.05}, "warn"),
    ({"growth_width": 1.0e-3, "mesh_size": 0.5e-3, "second_mesh_difference": 0.0501}, "warn"),
    ({"growth_width": 1.0e-3, "mesh_size": 0.5e-3}, "warn"),
    ({"growth_width": 1.0e-3}, "warn"),
    ({}, "warn"),
])
def test_clot_is_resolved_by_width_and_second_mesh(attributes, state):
    gate = gates.clot(attributes)
    assert gate.state == state
    assert gates.clot_resolved([gate]) is (state == "pass")


@pytest.mark.parametrize("stage", ["flow", "clot"])
def test_a_stage_that_was_cut_off_fails(results, stage):
    with h5py.File(results, "a") as file:
        file[f"dvtwin/{stage}"].attrs["complete"] = 0
    assert states(results)["complete"] == "fail"


def test_a_file_without_a_flow_fails(results):
    with h5py.File(results, "a") as file:
        del file["dvtwin/flow"]
    assert states(results)["complete"] == "fail"


@pytest.mark.parametrize(("gci", "state"), [
    (None, "not assessed"), (0.05, "pass"), (0.051, "warn"), (0.20, "warn"), (0.21, "fail"),
    (np.nan, "fail"),
])
def test_grid_convergence(gci, state):
    flow = {} if gci is None else {"gci": gci, "gci_of": "pressure gradient"}
    gate = gates.grid(flow)
    assert gate.state == state
    assert gci is None or "pressure gradient" in gate.text


@pytest.mark.parametrize("name", sorted(RANGES))
def test_each_range_at_and_beyond_its_bounds(name):
    known = RANGES[name]
    for bound, beyond, worse in (
        (known.high, np.nextafter(known.high, np.inf), np.nextafter(known.most, np.inf)),
        (known.low, np.nextafter(known.low, -1), np.nextafter(known.least, -1)),
    ):
        assert known.state(bound) == "pass"
        assert known.state(beyond) == ("warn" if known.least < known.low or beyond > 0 else "fail")
        assert known.state(worse) == "fail"
    assert known.state(np.nan) == "fail"


@pytest.mark.parametrize(("flow", "state", "word"), [
    (6e-6, "pass", "Reynolds number 3"), (9e-6, "warn", "Reynolds number 5"),
    (6e-5, "fail", "model made for 0 to 2000"),
])
def test_a_flow_beyond_what_a_laminar_model_may_speak_of(tmp_path, flow, state, word):
    path = write(tmp_path / "r.h5", Tube(rings=3, spokes=12, layers=101, flow=flow))
    with Results(path) as results:
        gate = in_range(Inputs(results, MeasureSettings()))
    assert gate.state == state
    assert word in gate.text


def test_a_slip_of_units_is_named(tmp_path):
    path = write(tmp_path / "r.h5", Tube(
        rings=3, spokes=12, layers=21, attributes={"density": 1.06}))
    assert states(path)["in_range"] == "fail"


def test_failed_gates_come_first(tmp_path):
    path = write(tmp_path / "r.h5", Tube(
        rings=3, spokes=12, layers=21, attributes={"periodicity": 0.5},
        mesh_attributes={"cells_across_narrowest": 6.0},
    ))
    assert list(states(path).values())[:4] == ["fail", "warn", "not assessed", "pass"]
