"""M2 on a mesh: the front of the resolved chemistry, balance, host, drugs, lysis, going on."""

from typing import Any

from mpi4py import MPI

import numpy as np
import pytest

from core.settings import read
from solvers.chemistry.drugs import Drug, registry
from solvers.chemistry.front import Fronts
from solvers.chemistry.lysis import half_lives
from solvers.clotting import tabulated
from tests.verification.columns import Column

UM2 = 1e12


def drug(**table: Any) -> Drug:
    part = registry.parts()[table["kind"]]
    return read(part, table, "test")


def front(minutes: float) -> float:
    """Where the front of the one-dimensional chemistry is over 10 TF/µm² [m]."""
    fronts = Fronts(np.array([10.0]) * UM2, cells=80, length=2e-3)
    fronts.advance(60.0 * minutes, 4.0)
    return float(fronts.front()[0])


@pytest.mark.slow
def test_clot_in_still_blood_is_where_the_chemistrys_front_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Film, blood, transport and growth together against the resolved columns: 10 %; the table
    goes on from there.
    """
    monkeypatch.setattr(tabulated, "UNTIL", 1800.0)
    monkeypatch.setattr(tabulated, "LENGTH", 3e-3)
    monkeypatch.setattr(tabulated, "CELLS", 40)
    column = Column(resolved="10 min", largest_change=0.3)
    assert column.run(600.0) == pytest.approx(front(10.0), rel=0.10)
    before = column.fibrin()
    assert column.run(1200.0) == pytest.approx(front(20.0), rel=0.10)
    assert column.clot.said()["regime"] == "tabulated front"
    assert column.fibrin() == pytest.approx(before, rel=1e-14)  # nothing reacts any more


@pytest.mark.slow
def test_two_meshes_agree() -> None:
    """DESIGN §7: 5 % between the two finest, at the same ℓ."""
    more = {"length": 0.8e-3, "largest_change": 0.3}
    places = [Column(size=size, **more).run(300.0) for size in (100e-6, 50e-6)]
    assert places[0] == pytest.approx(places[1], rel=0.05)


@pytest.mark.mpi
def test_fibrin_balances_while_the_film_moves() -> None:
    """clot.md V10: all fibrinogen is somewhere, to 1e-10."""
    column = Column(**(COARSE | {"length": 0.9e-3}))
    start = column.fibrin()
    column.run(240.0)
    assert column.place > 20e-6
    area = column.clot.state.area[: column.space.owned].sum()
    area = MPI.COMM_WORLD.allreduce(float(area), MPI.SUM)
    assert area == pytest.approx(column.thick, rel=0.3)  # one film, wherever it is now
    assert column.fibrin() == pytest.approx(start, rel=1e-10)
    assert column.clot.blood.clipped < 1e-3


COARSE: dict[str, Any] = {"size": 150e-6, "length": 0.6e-3, "shear": 2.0, "largest_change": 0.4}


def grown(seconds: float = 240.0, **more: Any) -> float:
    """Clot over 2 TF/µm² in slowly sheared blood [m]."""
    return Column(**(COARSE | {"tissue_factor": 2.0} | more)).run(seconds)


@pytest.fixture(scope="module")
def usual() -> float:
    return grown()


def test_more_tissue_factor_more_clot(usual: float) -> None:
    assert usual > 10e-6
    assert grown(tissue_factor=8.0) > 1.1 * usual


def test_less_antithrombin_more_clot(usual: float) -> None:
    assert grown(factors={"AT": "50 %"}) > 1.02 * usual


def test_higher_shear_needs_more_tissue_factor() -> None:
    # near the threshold shear takes away what activates; far above it, it brings fibrinogen
    slow, fast = (grown(300.0, tissue_factor=0.6, shear=shear) for shear in (2.0, 100.0))
    assert slow > 10e-6
    assert fast < 0.1 * slow


def test_the_brake_takes_clot_away(usual: float) -> None:
    # thrombomodulin of the healthy wall: here the wall is all injured, so it must not act at all
    assert grown(thrombomodulin="100 1/um^2") == pytest.approx(usual, rel=1e-3)


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [
        ("rivaroxaban", "20 ug/L", "200 ug/L"),
        ("dabigatran", "20 ug/L", "200 ug/L"),
        ("heparin", "0.1 IU/mL", "0.6 IU/mL"),
    ],
)
def test_each_anticoagulant_leaves_less_with_its_dose(
    usual: float, kind: str, low: str, high: str
) -> None:
    some, more = (grown(drugs=[drug(kind=kind, level=level)]) for level in (low, high))
    assert usual > some > more


def test_plasminogen_activator_dissolves_the_clot() -> None:
    """clot.md B6: well mixed and with antiplasmin, half of the clot is gone when half of the
    fibrin is; steps of 10 s cost 2 %.
    """
    column = Column(size=150e-6, length=0.6e-3, resolved="0 s", lysis="0 1/s")
    lysis = column.clot.plasmin
    assert not lysis.active
    tpa = 0.1
    known = float(half_lives(np.array([tpa]), antiplasmin=1.0)[0])
    given = drug(kind="alteplase", doses=[{"amount": "1 mg"}])
    treated = Column(size=150e-6, length=0.6e-3, drugs=[given], lysis="0 1/s")
    clot = treated.clot
    clot.state.fraction[:] = clot.edge.fraction[:] = 1.0
    clot.state.plasmin = clot.plasmin.start(clot.state.fraction)
    clot.state.plasmin[0] = tpa
    left, time = 1.0, 0.0
    while left > 0.5:
        left *= float(clot.plasmin.advance(clot.state, time, 10.0).min())
        clot.state.fraction[:] = left
        time += 10.0
    assert time == pytest.approx(known, rel=0.1)


def test_it_goes_on_bitwise() -> None:
    """What is packed is all that the next step depends on."""
    one = Column(**COARSE)
    one.run(150.0)
    arrays, facts = one.clot.pack()
    two = Column(**COARSE)
    two.clot.edge.fraction = one.clot.edge.fraction.copy()
    two.clot.unpack(arrays, facts)
    two.time = one.time
    for column in (one, two):
        column.run(210.0)
    assert np.array_equal(one.clot.state.film, two.clot.state.film)
    assert np.array_equal(one.clot.state.blood, two.clot.state.blood)
    assert np.array_equal(one.clot.edge.fraction, two.clot.edge.fraction)


def test_platelets_offer_the_membrane() -> None:
    """With platelets in the model no thrombin without activated ones, and then it comes."""
    column = Column(size=150e-6, length=0.6e-3, platelets=True)
    clot = column.clot
    assert clot.blood.lipid(clot.state).max() == 0.0
    column.run(120.0)
    assert clot.blood.lipid(clot.state).max() > 0.1
    assert column.thrombin() > 1.0
