"""The edge of a clot moves at 0.288 k ℓ whatever the mesh, and stays between 0 and 1."""

from mpi4py import MPI

import numpy as np
import pytest
from dolfinx import mesh

from solvers.elements.cells import Geometry, Space
from solvers.elements.edge import ClotEdge
from solvers.laws import FRONT

WIDTH, RATE, LYSIS = 0.4e-3, 4e-3, 3.8e-7
LENGTH = 16.0 * WIDTH


def strip(step: float) -> ClotEdge:
    """A strip with clot on its first two widths; ``step`` is the cell size over the width."""
    counts = [round(LENGTH / (step * WIDTH)), 2]
    corners = [[0.0, 0.0], [LENGTH, 2.0 * step * WIDTH]]
    space = Space(Geometry(mesh.create_rectangle(MPI.COMM_WORLD, corners, counts)), 1)
    edge = ClotEdge(space, WIDTH)
    edge.fraction = (space.coordinates[:, 0] < 2.0 * WIDTH).astype(float)
    return edge


def position(edge: ClotEdge, step: float) -> float:
    """Where the clot ends, by its amount [m]."""
    return edge.amount() / (2.0 * step * WIDTH)


def front_speed(step: float, dt: float = 0.05 / RATE) -> float:
    """The speed over k ℓ once the front has its shape, from 8 to 30 times 1/k."""
    edge, track = strip(step), []
    while (time := len(track) * dt) < 30.0 / RATE:
        edge.grow(dt, RATE * edge.indicator(), 0.0)
        assert edge.fraction.min() >= 0.0
        assert edge.fraction.max() <= 1.0
        track.append((time + dt, position(edge, step)))
    late = np.array([row for row in track if row[0] > 8.0 / RATE])
    assert late[-1, 1] < LENGTH - 2.0 * WIDTH  # the front has not met the end
    return float(np.polyfit(late[:, 0], late[:, 1], 1)[0] / (RATE * WIDTH))


@pytest.mark.mpi
@pytest.mark.parametrize("step", [0.5, 0.25, 0.125])
def test_front_speed_does_not_depend_on_the_mesh(step: float) -> None:
    # clot.md V13: 0.288 for h → 0, 2 % asked for; explicit steps of 0.05/k cost 0.5 % of it
    assert front_speed(step) == pytest.approx(0.288, rel=0.02)


def test_front_speed_on_three_meshes_agrees() -> None:
    # a rule by neighbouring cells would give 1.43 h k: factors of two between these meshes
    speeds = [front_speed(step) for step in (0.5, 0.25, 0.125)]
    assert np.ptp(speeds) < 0.005 * FRONT


def test_front_is_coarse_where_the_mesh_cannot_carry_it() -> None:
    # clot.md V13 gives 0.259 at h = ℓ with consistent mass; ours cancels the leading error, but
    # the check says that the speed does depend on h where h ≥ ℓ: the test above can fail
    assert front_speed(2.0) != pytest.approx(0.288, rel=0.02)


def test_growth_saturates_and_large_steps_stay_bounded() -> None:
    edge = strip(0.5)
    for _ in range(20):
        edge.grow(50.0 / RATE, RATE * edge.indicator(), LYSIS)
        assert edge.fraction.min() >= 0.0
        assert edge.fraction.max() <= 1.0
    assert edge.fraction.max() > 0.99


@pytest.mark.parametrize("steps", [1, 7])
def test_lysis_alone_is_an_exact_decay(steps: int) -> None:
    edge = strip(0.5)
    before, day = edge.amount(), 86400.0
    still = np.zeros_like(edge.fraction)
    for _ in range(steps):
        changed = edge.grow(day / steps, still, LYSIS)
    assert edge.amount() == pytest.approx(before * np.exp(-LYSIS * day), rel=1e-12)
    whole = -np.expm1(-LYSIS * day / steps) * np.exp(-LYSIS * day * (steps - 1) / steps)
    assert changed == pytest.approx(whole, rel=1e-9)


def test_growth_alone_is_exact() -> None:
    # ∂φ/∂t = k (1 − φ) from 0: 1 − e^(−kt), in any number of steps
    edge = strip(0.5)
    edge.fraction[:] = 0.0
    for _ in range(3):
        edge.grow(100.0, np.full_like(edge.fraction, RATE), 0.0)
    assert edge.fraction == pytest.approx(-np.expm1(-RATE * 300.0), rel=1e-12)


def test_volume_counts_what_is_above_the_threshold() -> None:
    edge = strip(0.125)
    thickness = 2.0 * 0.125 * WIDTH
    # the edge is between two rows of points an eighth of ℓ apart
    assert edge.volume() / thickness == pytest.approx(2.0 * WIDTH, abs=0.125 * WIDTH)
    assert edge.amount() / thickness == pytest.approx(2.0 * WIDTH, abs=0.125 * WIDTH)


def test_indicator_of_whole_clot_is_one_and_of_none_is_zero() -> None:
    edge = strip(0.5)
    edge.fraction[:] = 1.0
    assert edge.indicator() == pytest.approx(1.0, abs=1e-7)
    edge.fraction[:] = 0.0
    assert edge.indicator() == pytest.approx(0.0, abs=1e-12)
