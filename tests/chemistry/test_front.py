"""The clotting front in one dimension: still plasma, balance of diffusion, renewal, the table."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import CaseError
from solvers.chemistry.conditions import Conditions, Inhibitor, Plasma
from solvers.chemistry.constants import K
from solvers.chemistry.front import Fronts
from solvers.chemistry.front_table import FrontTable, tabulate
from solvers.chemistry.reduced import Free, Reduced

UM2 = 1e12


@dataclass(frozen=True)
class AllTenaseFallsApart(Reduced):
    """The law behind the reference figures: tenase that carries X lets go of IXa too."""

    def change(self, c: Mapping[str, Any], free: Free) -> dict[str, Any]:
        change = super().change(c, free)
        more = K["z_off"] * c["Z"] * (c["X"] / (K["x_z_km"] + c["X"]))
        return {
            **change,
            "Z": change["Z"] - more,
            "IXa": change["IXa"] + more,
            "VIIIa": change["VIIIa"] + more,
        }


def test_front_in_still_plasma() -> None:
    """Over 10 TF/µm², factor VIIa held at its plasma level, as in the reference computation."""
    fronts = Fronts(np.array([10.0]) * UM2, held=("VIIa",))
    fronts.kernel = AllTenaseFallsApart(fronts.kernel.conditions, fronts.kernel.names)
    places = []
    for minutes in (5.0, 10.0, 15.0, 20.0, 30.0):
        fronts.advance(60.0 * minutes, 2.0)
        places.append(fronts.front()[0] * 1e6)
    assert places == pytest.approx([443.0, 774.0, 1000.0, 1180.0, 1464.0], rel=0.01)


def test_columns_have_their_own_plasma() -> None:
    """Two columns at once are the two alone; more prothrombin starts the front earlier."""
    levels = np.array([1400.0, 2100.0])
    both = Fronts(np.full(2, 10.0) * UM2, Conditions(Plasma(II=levels)), cells=30, length=1e-3)
    both.advance(200.0, 10.0)
    for column, level in enumerate(levels):
        alone = Fronts(np.full(1, 10.0) * UM2, Conditions(Plasma(II=level)), cells=30, length=1e-3)
        alone.advance(200.0, 10.0)
        assert np.allclose(alone.of("F")[0], both.of("F")[column], rtol=1e-9)
    assert both.front()[1] > both.front()[0] > 0.0


def test_diffusion_spreads_as_it_must_and_keeps_its_amount() -> None:
    """A heap of thrombin without reactions: variance 2Dt, amount kept."""
    fronts = Fronts(np.zeros(1), cells=200, length=2e-3)
    row = fronts.kernel.names.index("IIa")
    middle = 1e-3
    fronts.state[row] = np.exp(-((fronts.x - middle) ** 2) / (2.0 * (5e-5) ** 2))
    before = np.sum(fronts.h * fronts.state[row])
    for _ in range(60):
        fronts._diffuse(2.0)
    heap = fronts.state[row] * fronts.h
    # the extrapolated step leaves a trace below zero at the heap's feet, which is cut off
    assert heap.sum() == pytest.approx(before, rel=1e-6)
    variance = np.sum(heap * (fronts.x - middle) ** 2) / heap.sum()
    assert variance == pytest.approx(5e-5**2 + 2.0 * 6e-11 * 120.0, rel=5e-3)


@pytest.fixture(scope="module")
def table() -> FrontTable:
    drug = lambda level: Conditions(xa_drug=Inhibitor(level, 0.054, 0.0216, 1.5e-3, 6e-4))  # noqa: E731
    return tabulate(
        np.array([5.0, 20.0]) * UM2,
        np.array([0.0, 5e-3]),
        np.array([0.0, 4.0]),
        drug,
        until=300.0,
        dt=10.0,
        cells=30,
        length=1e-3,
    )


def test_table_knows_tissue_factor_renewal_and_drug(table: FrontTable) -> None:
    deep = table.depth[-1]
    assert table.speed(2e13, 0.0, 0.0, 0.3 * deep) > 0.0
    assert table.onset[1, 0, 0] < table.onset[0, 0, 0]
    assert table.onset[0, 0, 0] < table.onset[0, 0, 1]
    reached = (table.speeds > 0.0).sum(axis=3)
    assert reached[1, 0, 0] >= reached[1, 1, 0] >= reached[1, 1, 1]
    assert reached[1, 0, 0] > reached[0, 1, 1]
    # beyond the way that any front went nothing is claimed
    assert table.speed(5e12, 5e-3, 4.0, deep) == 0.0


def test_table_gives_back_the_way_it_was_made_of(table: FrontTable) -> None:
    """The way integrated from tabulated speeds is the front's own."""
    fronts = Fronts(np.array([2e13]), cells=30, length=1e-3)
    fronts.advance(300.0, 10.0)
    place, t = 0.0, float(table.onset[1, 0, 0])
    while t < 300.0:
        place += table.speed(2e13, 0.0, 0.0, place).item()
        t += 1.0
    # the front leaves the wall between two of the minutes at which it is looked at
    assert place == pytest.approx(fronts.front()[0], rel=0.15)


def test_table_is_written_and_read(table: FrontTable, tmp_path: Path) -> None:
    table.write(tmp_path / "front.npz")
    again = FrontTable.read(tmp_path / "front.npz")
    assert np.array_equal(again.speeds, table.speeds)
    with pytest.raises(CaseError):
        tabulate(np.array([1e12]), np.array([0.0, 1.0]), np.array([0.0, 1.0]), lambda _: None)
