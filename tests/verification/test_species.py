"""Species carried in time: positive, balanced, without new extrema, the same on any ranks."""

from mpi4py import MPI

import numpy as np
import pytest
from dolfinx import mesh

from core.errors import Diverged
from solvers.elements.cells import Geometry, Space
from solvers.species import SpeciesTransport
from tests.verification.tubes import Array

COMM = MPI.COMM_WORLD
NONE = np.zeros(0, dtype=np.int32)
SCALE = np.array([1e-6])


def plane(cells: tuple[int, int], low: tuple[float, float], high: tuple[float, float]) -> Space:
    return Space(Geometry(mesh.create_rectangle(COMM, [low, high], cells)), 1)


def rim(space: Space) -> Array:
    """Points on the boundary. Collective."""
    topology = space.geometry.mesh.topology
    topology.create_connectivity(1, 2)
    return space.dofs_on(mesh.exterior_facet_indices(topology))


def by_stream(space: Space, psi: Array) -> Array:
    """The velocity (c, 2) of a stream function at the points: its divergence is 0 exactly."""
    slope = np.einsum("ca,cai->ci", psi[space.dofs], space.geometry.gradients)
    return np.column_stack([slope[:, 1], -slope[:, 0]])


def total(transport: SpeciesTransport, c: Array) -> float:
    owned = transport.space.owned
    return float(COMM.allreduce(float(transport.volume[:owned] @ c[:owned]), MPI.SUM))


def most(values: Array) -> float:
    return float(COMM.allreduce(float(values.max()), MPI.MAX))


@pytest.mark.mpi
def test_rotating_cone_stays_positive_and_whole() -> None:
    """clot.md V11: a turn of a cone at Pe_h = 1e9, in steps of three cells and of a third."""
    space = plane((48, 48), (-1.0, -1.0), (1.0, 1.0))
    x = space.coordinates
    w = by_stream(space, 0.5 * np.maximum(0.0, 1.0 - x[:, 0] ** 2 - x[:, 1] ** 2))
    transport = SpeciesTransport(space, w, diffusivity=1e-12, openings=NONE)
    cone = np.maximum(0.0, 1.0 - np.hypot(x[:, 0] - 0.5, x[:, 1]) / 0.3)[None]
    before, peaks = total(transport, cone[0]), []
    for steps in (48, 384):
        c, lost = cone, 0.0
        for _ in range(steps):
            c, moved = transport.step(c, np.zeros(1), 2.0 * np.pi / steps, SCALE)
            assert moved.share < 1e-7
            lost += moved.clipped[0]
        assert -most(-c) >= 0.0
        assert most(c) <= most(cone)
        assert total(transport, c[0]) == pytest.approx(before + lost, rel=1e-11)
        peaks.append(most(c))
    # backward Euler flattens it; the shorter step keeps half of it
    assert 0.1 < peaks[0] < peaks[1] < 0.7


@pytest.mark.mpi
def test_step_at_an_opening_makes_no_overshoot_and_balances() -> None:
    """clot.md V10 and V11: fresh blood of level 1 enters askew, Pe_h = 1e6."""
    space = plane((40, 20), (0.0, 0.0), (2.0, 1.0))
    x = space.coordinates
    w = by_stream(space, x[:, 1] * (1.0 - 0.2 * x[:, 0]) + 0.1 * x[:, 0])
    transport = SpeciesTransport(space, w, diffusivity=5e-8, openings=rim(space))
    c, fresh, scale = np.zeros((2, space.local)), np.array([1.0, 0.25]), np.full(2, 1e-9)
    for dt in (1e-3, 0.05, 5.0):
        for _ in range(3):
            before = [total(transport, row) for row in c]
            c, moved = transport.step(c, fresh, dt, scale)
            assert moved.share < 1e-7
            net = moved.entered - moved.left - moved.leak + moved.clipped
            after = [total(transport, row) for row in c]
            assert after == pytest.approx(before + net, rel=1e-10)
            assert abs(moved.leak).max() < 1e-13
        assert -most(-c) >= 0.0
        assert all(most(row) <= level * (1.0 + 1e-5) for row, level in zip(c, fresh, strict=True))
    # one operator, two columns: they differ by their level alone, but for the limiter's end
    assert np.allclose(0.25 * c[0], c[1], atol=2e-3)


def test_fresh_blood_stays_fresh_and_comes_back_fresh() -> None:
    """A velocity inward at both ends; the wall's leak is all that is left over."""
    space = plane((10, 4), (0.0, 0.0), (1.0, 0.4))
    w = np.tile([0.0, 0.0], (space.geometry.count, 1))
    middle = space.geometry.vertices.mean(axis=1)
    w[:, 0] = np.where(middle[:, 0] < 0.5, 0.3, -0.3)
    ends = np.flatnonzero(np.abs(space.coordinates[:, 0] - 0.5) > 0.499)
    transport = SpeciesTransport(space, w, diffusivity=1e-9, openings=ends)
    c, _ = transport.step(np.full((1, space.local), 7.0), np.array([7.0]), 3.0, SCALE)
    assert c == pytest.approx(7.0, rel=1e-12)
    # old blood that would come back in is replaced
    c, moved = transport.step(np.zeros((1, space.local)), np.array([7.0]), 0.1, SCALE)
    assert c.max() <= 7.0 * (1.0 + 1e-12)
    assert moved.entered[0] == pytest.approx(7.0 * 0.1 * 0.3 * 0.4 * 2.0, rel=1e-9)


def heap(cells: int, dt: float) -> float:
    """Error of a heap that spreads in still blood after 100 s, as part of its height."""
    space = plane((cells, 2), (0.0, 0.0), (2e-3, 4e-3 / cells))
    still = np.zeros((space.geometry.count, 2))
    transport = SpeciesTransport(space, still, diffusivity=6e-11, openings=NONE)
    x, start = space.coordinates[:, 0], (2e-4) ** 2

    def exact(time: float) -> Array:
        width = start + 2.0 * 6e-11 * time
        return np.sqrt(start / width) * np.exp(-((x - 1e-3) ** 2) / (2.0 * width))

    c = exact(0.0)[None]
    for _ in range(round(100.0 / dt)):
        c, _ = transport.step(c, np.zeros(1), dt, SCALE)
    return float(np.abs(c[0] - exact(100.0)).max())


def test_diffusion_converges_at_second_order() -> None:
    errors = np.array([heap(25, 10.0), heap(50, 2.5), heap(100, 0.625)])
    order = np.log2(errors[:-1] / errors[1:])
    assert errors[-1] < 2e-3
    assert (order > 1.7).all()
    assert (order < 2.3).all()


def test_limiter_beats_the_monotone_operator_where_it_is_steady() -> None:
    """A jump carried askew through still levels: the limited layer is under half as wide."""
    space = plane((40, 40), (0.0, 0.0), (1.0, 1.0))
    x = space.coordinates
    w = by_stream(space, x[:, 1] * np.cos(0.4) - x[:, 0] * np.sin(0.4))
    transport = SpeciesTransport(space, w, diffusivity=1e-10, openings=rim(space))
    # a spot that feeds a plume stands for the jump: all but it is fresh
    c = np.zeros((1, space.local))
    spot = (np.hypot(x[:, 0] - 0.1, x[:, 1] - 0.3) < 0.11)[None]
    widths = []
    for scale in (1e-9, 1e9):  # the second leaves the limiter out
        for _ in range(30):
            c = np.where(spot, 1.0, c)
            c, _ = transport.step(c, np.zeros(1), 0.5, np.array([scale]))
        out = np.isclose(x[:, 0], 1.0)
        amount = c[0, out]
        y = x[out, 1]
        mean = (amount @ y) / amount.sum()
        widths.append(float(np.sqrt(amount @ (y - mean) ** 2 / amount.sum())))
    assert widths[0] < 0.75 * widths[1]


def test_too_much_cut_off_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    space = plane((4, 2), (0.0, 0.0), (1.0, 0.5))
    still = np.zeros((space.geometry.count, 2))
    transport = SpeciesTransport(space, still, diffusivity=1e-3, openings=NONE)
    level = np.zeros((1, space.local))
    level[0, 0] = 1.0
    monkeypatch.setattr(transport, "_positive", lambda c, *_: c - 1.0)
    with pytest.raises(Diverged, match="below zero"):
        transport.step(level, np.zeros(1), 1.0, SCALE)
