"""The results file in VTK's own reader, which is ParaView's, in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

from mpi4py import MPI

import numpy as np
import pytest

from core.fields import VIEWED
from core.record import ROOT
from core.store import Results
from tests.solvers.chain import Until, interrupt, run, write_mesh

pytest.importorskip("vtkmodules.vtkIOHDF")
READER = """
import json, sys
import numpy as np
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOHDF import vtkHDFReader

reader = vtkHDFReader()
reader.SetFileName(sys.argv[1])
assert reader.CanReadFile(sys.argv[1])
reader.UpdateInformation()
arrays = {}
for step in range(reader.GetNumberOfSteps()):
    reader.SetStep(step)
    reader.Update()
    grid = reader.GetOutputDataObject(0)
    arrays[f"{step}/time"] = np.array(reader.GetTimeValue())
    arrays[f"{step}/points"] = vtk_to_numpy(grid.GetPoints().GetData())
    if grid.IsA("vtkUnstructuredGrid"):
        arrays[f"{step}/types"] = vtk_to_numpy(grid.GetCellTypesArray())
        cells = grid.GetCells()
    else:
        cells = grid.GetPolys()
    arrays[f"{step}/cells"] = vtk_to_numpy(cells.GetConnectivityArray())
    for data in (grid.GetPointData(), grid.GetCellData()):
        for i in range(data.GetNumberOfArrays()):
            arrays[f"{step}/{data.GetArrayName(i)}"] = vtk_to_numpy(data.GetArray(i))
np.savez(sys.argv[2], **arrays)
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vtk")
    write_mesh(folder)
    run(MPI.COMM_SELF, folder)
    return folder


def by_vtk(results: Path) -> dict[str, np.ndarray]:
    out = results.with_suffix(".npz")
    command = [sys.executable, "-P", "-c", READER, str(results), str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "ERR" not in done.stderr, done.stderr
    with np.load(out) as found:
        return dict(found)


def test_vtk_sees_every_field_at_every_time(finished: Path) -> None:
    seen = by_vtk(finished / "results.h5")
    with Results(finished / "results.h5") as results:
        times = results.times()
        assert len(times) == 5
        for step, time in enumerate(times):
            assert seen[f"{step}/time"] == pytest.approx(time)
            assert (seen[f"{step}/types"] == 10).all()
            assert np.array_equal(seen[f"{step}/cells"].reshape(-1, 4), results.cells())
            assert seen[f"{step}/points"] == pytest.approx(results.points(), abs=1e-9)
            for field in VIEWED:
                ours = results.viewed(field.name, step)
                assert ours.ndim == (1 if field.components == 1 else 2)
                assert np.array_equal(seen[f"{step}/{field.name}"], ours), field.name


def test_vtk_sees_the_wall(finished: Path) -> None:
    seen = by_vtk(finished / "wall.vtkhdf")
    with Results(finished / "results.h5") as results:
        for step, time in enumerate(results.times()):
            assert seen[f"{step}/time"] == pytest.approx(time)
            facets = results.array("wall/facets")
            assert np.array_equal(seen[f"{step}/cells"].reshape(-1, 3), facets)
            assert np.array_equal(seen[f"{step}/wss"], results.wall_shear_stress(step))
            assert np.array_equal(seen[f"{step}/region"], results.array("wall/region"))
        last = results.wall_shear_stress(4)
        assert last == pytest.approx(results.array("clot/wall/traction_mean"), rel=1e-6, abs=1e-9)
        assert np.array_equal(results.array("flow/wall/traction")[1], results.wall_shear_stress(1))


def test_fields_have_their_physics(finished: Path) -> None:
    with Results(finished / "results.h5") as results:
        speed = np.linalg.norm(results.viewed("velocity", 1), axis=1)
        # 60 mL/min (1 + 0.5 cos 0) in a tube of 5 mm: twice the mean 0.019 m/s, blunted by Carreau
        assert 0.025 < speed.max() < 0.045
        inside = results.viewed("wss", 1)[speed > 0.0]
        assert np.abs(inside[np.linalg.norm(inside, axis=1) == 0.0]).size > 0
        assert results.viewed("pressure", 1).min() == pytest.approx(6 * 133.322, rel=1e-3)
        assert np.abs(results.viewed("clot", 1)).max() == 0.0
        clots = [results.viewed("clot", step) for step in (2, 3, 4)]
        assert 0.0 < clots[0].max() < clots[2].max() <= 1.0
        assert (np.diff([clot.sum() for clot in clots]) > 0.0).all()
        assert clots[2] == pytest.approx(results.array("clot/fraction")[2])
        assert results.viewed("age", 4) == pytest.approx(results.array("clot/mean/age"), rel=1e-6)


def test_attributes_say_what_was_done(finished: Path) -> None:
    with Results(finished / "results.h5") as results:
        roles = {
            n: results.attributes(f"boundaries/{n}")["role"] for n in results.names("boundaries")
        }
        assert roles == {"inlet": "inlet", "outlet": "outlet"}
        flow, clot = results.attributes("flow"), results.attributes("clot")
        assert (flow["key"], flow["complete"], flow["element"]) == ("flow", 1, "P1/P1")
        assert (clot["key"], clot["complete"]) == ("clot", 1)
        assert clot["growth_width"] == pytest.approx(4e-3)
        assert json.loads(json.dumps(results.record())) == {}


def test_file_of_a_run_cut_off_opens_in_vtk(tmp_path: Path) -> None:
    from tests.solvers.chain import Interrupted

    write_mesh(tmp_path)
    with pytest.raises(Interrupted):
        run(MPI.COMM_SELF, tmp_path, "flow", Until(5, interrupt))
    seen = by_vtk(tmp_path / "results.h5")
    with Results(tmp_path / "results.h5") as results:
        assert len(results.times()) == 1
        assert np.array_equal(seen["0/velocity"], results.viewed("velocity", 0))
    # what has not been computed is no number at all, neither zero nor what the disk held
    assert np.isnan(seen["0/age"]).all()
    for step in range(1, 5):
        assert all(np.isnan(seen[f"{step}/{field.name}"]).all() for field in VIEWED)
