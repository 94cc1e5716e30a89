import h5py
import numpy as np
import pytest

from core.store import Results
from postprocess import gates
from postprocess.inputs import Inputs
from postprocess.measure import MeasureSettings
from tests.postprocess.tube import Tube, write


def states(path):
    with Results(path) as results:
        return {gate.name: gate.state for gate in gates.gates(Inputs(results, MeasureSettings()))}


@pytest.fixture
def results(tmp_path):
    return write(tmp_path / "results.h5", Tube(rings=3, spokes=12, layers=21))


def test_a_sound_run_passes_every_gate(results):
    assert set(states(results).values()) == {"pass"}


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


def test_failed_gates_come_first(tmp_path):
    path = write(tmp_path / "r.h5", Tube(
        rings=3, spokes=12, layers=21, attributes={"periodicity": 0.5},
        mesh_attributes={"cells_across_narrowest": 6.0},
    ))
    assert list(states(path).values())[:3] == ["fail", "warn", "pass"]
