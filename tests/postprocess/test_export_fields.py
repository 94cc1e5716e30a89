"""Exports hold the numbers of the results file."""

import csv
from pathlib import Path

import numpy as np
import pytest

from core.errors import CaseError
from core.store import Results
from postprocess.exports import fields
from tests.postprocess.tube import Tube, write


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fabricated results file of the first layout: two times, shear stress at both."""
    import h5py

    path = write(tmp_path_factory.mktemp("export") / "results.h5", Tube(clot=True))
    with h5py.File(path, "r+") as file:
        view, facets = file["VTKHDF"], len(file["dvtwin/wall/facets"])
        count = len(view["Points"])
        file["dvtwin/steps_done"][:] = 2
        for name in list(view["PointData"]):
            values = view[f"PointData/{name}"][:count]
            del view[f"PointData/{name}"]
            view[f"PointData/{name}"] = np.concatenate([values, 2 * values])
        for name, width in (("wss", 3), ("clot", 0)):
            shape = (2 * count, width) if width else (2 * count,)
            view[f"PointData/{name}"] = np.random.default_rng(1).random(shape).astype("f4")
        del view["Steps/Values"]
        view["Steps/Values"] = [1.0, 2.0]
        file["dvtwin/flow/wall/traction"] = np.arange(6.0 * facets).reshape(2, facets, 3)
    return path


def test_vtu_and_xdmf(results: Path, tmp_path: Path) -> None:
    import meshio

    with Results(results) as file:
        names = [path.name for path in fields.write(file, "vtu", tmp_path / "vtu")]
        assert names == [
            "lumen.pvd", "lumen_0000.vtu", "lumen_0001.vtu",
            "wall.pvd", "wall_0000.vtu", "wall_0001.vtu",
        ]
        fields.write(file, "xdmf", tmp_path / "xdmf")
        for step in (0, 1):
            lumen = meshio.read(tmp_path / "vtu" / f"lumen_000{step}.vtu")
            wall = meshio.read(tmp_path / "vtu" / f"wall_000{step}.vtu")
            assert np.array_equal(lumen.cells_dict["tetra"], file.cells())
            for name in ("velocity", "pressure", "wss", "clot", "age"):
                assert np.array_equal(lumen.point_data[name], file.viewed(name, step))
            assert np.array_equal(wall.cell_data["wss"][0], file.wall_shear_stress(step))
        assert 'timestep="2.0"' in (tmp_path / "vtu" / "lumen.pvd").read_text()
        with meshio.xdmf.TimeSeriesReader(tmp_path / "xdmf" / "lumen.xdmf") as reader:
            points, _ = reader.read_points_cells()
            assert np.array_equal(points, file.points())
            time, data, _ = reader.read_data(1)
            assert time == 2.0
            assert np.array_equal(data["velocity"], file.viewed("velocity", 1))


def test_csv(results: Path, tmp_path: Path) -> None:
    with Results(results) as file:
        fields.write(file, "csv", tmp_path / "csv")
        with (tmp_path / "csv" / "flow_series.csv").open() as table:
            rows = list(csv.DictReader(table))
        assert [float(row["time"]) for row in rows] == file.array("flow/series/time").tolist()
        rates = file.array("flow/series/flow_rate")
        assert [float(row["flow_rate_outlet"]) for row in rows] == rates[:, 1].tolist()
        with (tmp_path / "csv" / "wall.csv").open() as table:
            rows = list(csv.DictReader(table))
        assert [float(row["flow_tawss"]) for row in rows] == file.array("flow/wall/tawss").tolist()
        assert [float(row["centre_z"]) for row in rows] == file.array("wall/centre")[:, 2].tolist()


def test_npz_and_netcdf_hold_the_same(results: Path, tmp_path: Path) -> None:
    from scipy.io import netcdf_file

    with Results(results) as file:
        fields.write(file, "npz", tmp_path / "npz")
        fields.write(file, "netcdf", tmp_path / "nc")
        velocity = file.viewed("velocity", 1)
    with (
        np.load(tmp_path / "npz" / "results.npz") as whole,
        netcdf_file(tmp_path / "nc" / "results.nc", mmap=False) as other,
    ):
        assert np.array_equal(whole["velocity"][1], velocity)
        assert set(whole) == set(other.variables)
        for name in whole:
            assert np.array_equal(whole[name], other.variables[name][:]), name
        assert other.variables["velocity"].dimensions == ("time", "point", "axis")
        assert other.variables["pressure"].units == b"Pa"


def test_an_export_never_overwrites(results: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with Results(results) as file:
        with pytest.raises(CaseError, match="there already"):
            fields.write(file, "csv", tmp_path / "there")
        (tmp_path / "file").write_text("")
        with pytest.raises(CaseError, match="cannot be written"):
            fields.write(file, "csv", tmp_path / "file" / "deep")
    assert list((tmp_path / "there").iterdir()) == []


def test_the_command_knows_every_format() -> None:
    from jobs.commands.export import Format

    assert {kind.value for kind in Format} == set(fields.FORMATS)
