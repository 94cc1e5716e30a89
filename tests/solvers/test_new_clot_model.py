"""A new clot model is one file: dropped in, it is known to a case, grows and is stored."""

import sys
from collections.abc import Iterator
from pathlib import Path

from mpi4py import MPI

import h5py
import numpy as np
import pytest

from solvers import clots
from tests.solvers import chain

MODEL = '''
"""Clot that grows evenly over injured wall: ∂φ/∂t = k s(η) (1 − φ)."""

from typing import Any, Literal

import numpy as np
from pydantic import Field

from core.settings import quantity
from solvers.clots import ClotModel, Injury


class Even(ClotModel):
    """Growth at one rate."""

    kind: Literal["even"] = "even"
    pace: float = quantity("1/s", "1e-3 1/s", "growth rate", above="0 1/s", source="a test")
    injury: list[Injury] = Field(min_length=1)

    def on(self, vein: Any) -> Any:
        from solvers.clotting import Clotting

        class Growing(Clotting):
            columns = ("indicator",)

            def __init__(self, model: Even) -> None:
                space = vein.flow.Q
                self.chi = np.zeros(space.local)
                on_wall = space.dofs_on(vein.wall.numbers)
                self.chi[on_wall] = model.injured(space.coordinates[on_wall])
                self.rate, self.largest = model.pace, 0.0

            def renew(self, averages: Any, age: Any) -> None:
                self.slow = age.max()

            def advance(self, time: float, longest: float) -> float:
                indicator = np.minimum(1.0, self.chi + vein.edge.indicator())
                step = min(longest, vein.largest_change / self.rate)
                vein.edge.grow(step, self.rate * indicator, 0.0)
                self.largest = float(indicator.max())
                return step

            def history(self) -> tuple[float, ...]:
                return (self.largest,)

        return Growing(self)
'''


@pytest.fixture
def dropped_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder of parts beside the program's own, with one new file in it."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "even.py").write_text(MODEL)
    monkeypatch.setattr(clots, "__path__", [*clots.__path__, str(tmp_path / "parts")])
    yield
    sys.modules.pop("solvers.clots.even", None)


@pytest.mark.usefixtures("dropped_in")
def test_one_file_is_a_clot_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zone = chain.CLOT["model"]["injury"]
    table = {**chain.CLOT, "until": "20 min", "stored": 2}
    monkeypatch.setattr(chain, "CLOT", table | {"model": {"kind": "even", "injury": zone}})
    assert chain.settings()[1].model.kind == "even"  # type: ignore[attr-defined]
    chain.write_mesh(tmp_path)
    chain.run(MPI.COMM_WORLD, tmp_path)
    with h5py.File(tmp_path / "results.h5") as file:
        group = file["dvtwin/clot"]
        volume, indicator = group["series/volume"][:], group["series/indicator"][:]
        assert group.attrs["complete"]
        assert (np.diff(volume) >= 0.0).all()
        assert volume[-1] > 0.0
        assert indicator.max() == pytest.approx(1.0)
        assert group["fraction"][-1].max() > 0.5
