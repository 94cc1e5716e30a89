"""M2 through both stages: from a case's tables to the results, cut off and gone on with."""

from pathlib import Path
from typing import Any

from mpi4py import MPI

import h5py
import numpy as np
import pytest

from core.errors import TwinError
from core.settings import read
from solvers.settings import ClotSettings, TherapySettings
from tests.solvers import chain

COMM = MPI.COMM_WORLD
MESH = {"radius": "5 mm", "length": "16 mm", "size": "2.5 mm"}
CLOT: dict[str, Any] = {
    "until": "3 min",
    "stored": 3,
    "growth_width": "5 mm",
    "largest_change": 0.4,
    "refresh_volume": "0.001 mL",
    "model": {
        "kind": "coagulation",
        "tolerance": 0.1,
        "injury": [
            {"at": ["0 mm", "5 mm", "8 mm"], "radius": "5 mm", "tissue_factor": "20 1/um^2"}
        ],
    },
}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "CLOT", CLOT)
    monkeypatch.setattr(chain, "MESH", MESH)


def results(folder: Path) -> dict[str, Any]:
    with h5py.File(folder / "results.h5", "r") as file:
        group = file["dvtwin/clot"]
        found = {name: group["series"][name][:] for name in group["series"]}
        found |= {f"species/{name}": group["species"][name][:] for name in group["species"]}
        return found | {"fraction": group["fraction"][:]}


@pytest.mark.slow
def test_a_run_that_was_cut_off_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    for folder in (whole, cut):
        chain.write_mesh(folder)
    chain.run(COMM, whole)
    chain.run(COMM, cut, "flow")
    with pytest.raises(TwinError, match="interrupted"):
        # the word of progress after the first stored time and its checkpoint
        chain.run(COMM, cut, "clot", chain.Until(12, chain.interrupt))
    chain.run(COMM, cut, "clot")
    one, other = results(whole), results(cut)
    assert one.keys() == other.keys()
    for name in one:
        assert np.array_equal(one[name], other[name]), name
    assert one["volume"][-1] > 0.0 or one["fraction"][-1].max() > 0.05
    assert one["film_thrombin"][-1] > 10.0
    assert one["clipped"].max() < 1e-3
    assert one["species/Fg"].max() == pytest.approx(9000.0, rel=1e-3)


def test_therapy_is_read_and_acts_on_what_knows_it() -> None:
    table = {"drug": [{"kind": "heparin", "level": "0.5 IU/mL"}]}
    therapy = read(TherapySettings, table, "test")
    assert therapy.drug[0].at(0.0) == pytest.approx(0.5e6)
    assert read(ClotSettings, CLOT, "test").model.treatable
