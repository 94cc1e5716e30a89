"""What a kill leaves of the results file at every single write to it: it opens, and shows no step
that was not stored.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmarks import _crash
from core.record import ROOT
from core.store import Results
from tests.solvers.chain import write_mesh

pytestmark = pytest.mark.slow
BY_VTK = """
import sys
import numpy as np
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkObject
from vtkmodules.vtkIOHDF import vtkHDFReader

vtkObject.GlobalWarningDisplayOff()
for line in sys.stdin:
    reader = vtkHDFReader()
    reader.SetFileName(line.strip())
    assert reader.CanReadFile(line.strip()), line
    reader.UpdateInformation()
    seen = []
    for time in (1.0, 2.0, 7200.0, 14400.0, 21600.0):
        reader.UpdateTimeStep(time)
        data = reader.GetOutputDataObject(0).GetPointData()
        fields = [vtk_to_numpy(data.GetArray(i)) for i in range(data.GetNumberOfArrays())]
        speed = vtk_to_numpy(data.GetArray("velocity"))
        assert len(fields) == 5
        assert not np.isnan(speed).any() or np.isnan(speed).all()
        assert np.isnan(speed).all() or np.abs(speed).max() > 1e-3
        seen.append(not np.isnan(speed).any())
    print(line.strip(), sum(seen), seen == sorted(seen, reverse=True), flush=True)
"""


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The file before each write to it, from the moment that it has its name; the last: whole."""
    folder = tmp_path_factory.mktemp("crash")
    left = folder / "left"
    left.mkdir()
    write_mesh(folder / "run")
    watched = _crash.images(_crash.build(folder), "/run/results.h5", left)
    command = [sys.executable, "-P", "-m", "tests.solvers.chain", str(folder / "run"), "0", "0"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **watched}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    first, *others = sorted(left.iterdir())
    assert first.read_bytes() == b""  # there was no such file before it was renamed
    assert len(others) > 100
    return [*others, folder / "run" / "results.h5"]


def everything(path: Path) -> Iterator[h5py.Dataset]:
    with h5py.File(path, "r", locking=False) as file:
        names: list[str] = []
        file.visit(names.append)
        for name in names:
            dict(file[name].attrs)
            if isinstance(file[name], h5py.Dataset):
                yield file[name]


def test_every_one_opens_and_is_whole(images: list[Path]) -> None:
    states = []
    for path in images:
        assert all(data[()] is not None for data in everything(path))
        with Results(path) as results:
            times = results.times()
            assert all(np.isfinite(results.viewed("velocity", k)).all() for k in range(len(times)))
            assert all(np.isfinite(results.wall_shear_stress(k)).all() for k in range(len(times)))
            parts = [p for p in ("flow", "clot") if results.has(p)]
            states.append((len(times), [int(results.attributes(p)["complete"]) for p in parts]))
            if states[-1][1][:1] == [1]:
                assert len(results.array("flow/series/time")) == 60
    # what is there never goes away again
    assert states == sorted(states)
    assert states[-1] == (5, [1, 1])
    assert len({str(state) for state in states}) >= 9


def test_vtk_opens_every_one(images: list[Path]) -> None:
    pytest.importorskip("vtkmodules.vtkIOHDF")
    done = subprocess.run(
        [sys.executable, "-P", "-c", BY_VTK],
        cwd=ROOT,
        capture_output=True,
        text=True,
        input="\n".join(map(str, images)),
    )
    assert done.returncode == 0, done.stderr
    seen = [line.split() for line in done.stdout.splitlines()]
    assert len(seen) == len(images)
    for path, (_, count, in_order) in zip(images, seen, strict=True):
        assert in_order == "True"
        with Results(path) as results:
            # a step may be seen before it counts, when it is killed in between; never after
            assert 0 <= int(count) - len(results.times()) <= 1
