"""Orders of convergence in space and time on the decaying Beltrami flow of Ethier & Steinman."""

import itertools
from typing import Any

from mpi4py import MPI

import numpy as np
import pytest
from dolfinx import mesh
from numpy.typing import NDArray

from solvers.elements.cells import Geometry, Space, quadrature
from solvers.exact import EthierSteinman
from solvers.rheology.newtonian import Newtonian
from solvers.schemes.projection import Projection

Array = NDArray[Any]
NONE = np.zeros(0, dtype=np.int32)
FLOW = EthierSteinman(nu=1.0)


def advance(cells: int, degree: int, dt: float, until: float) -> Projection:
    """The scheme at time ``until`` on a box with exact starting and boundary values."""
    box = mesh.create_box(MPI.COMM_WORLD, [[-1.0] * 3, [1.0] * 3], [cells] * 3)
    box.topology.create_connectivity(2, 3)
    geometry = Geometry(box)
    V, Q = Space(geometry, degree), Space(geometry, 1)
    fixed = V.dofs_on(mesh.exterior_facet_indices(box.topology))
    scheme = Projection(
        geometry,
        degree=degree,
        density=1.0,
        rheology=Newtonian.model_construct(mu=FLOW.nu),
        dt=dt,
        velocity_dofs=fixed,
        pressure_dofs=NONE,
        open_facets=NONE,
        tolerances="tight",
        velocity_space=V,
        pressure_space=Q,
    )
    x = V.coordinates
    scheme.u, scheme.u_old = FLOW.velocity(x, 0.0), FLOW.velocity(x, -dt)
    scheme.p, scheme.steps = FLOW.pressure(Q.coordinates, 0.0), 1
    for step in range(1, round(until / dt) + 1):
        scheme.step(FLOW.velocity(x[fixed], step * dt), np.zeros(0))
    return scheme


def at_quadrature(scheme: Projection) -> tuple[Array, Array, Array, Array]:
    """Points (n, 3) of a rule of degree 5, weights (n), velocity (n, 3) and pressure (n) there."""
    geometry = scheme.geometry
    points, weights = quadrature(3, 5)
    bary = np.column_stack([1.0 - points.sum(axis=1), points])
    x = np.einsum("qv,cvi->cqi", bary, geometry.vertices).reshape(-1, 3)
    u = np.einsum("qn,cni->cqi", scheme.V.table(points), scheme.u[scheme.V.dofs]).reshape(-1, 3)
    p = np.einsum("qn,cn->cq", scheme.Q.table(points), scheme.p[scheme.Q.dofs]).reshape(-1)
    return x, np.multiply.outer(geometry.jacobian, weights).ravel(), u, p


def norms(weights: Array, u: Array, p: Array) -> tuple[float, float]:
    """‖u‖ and ‖p − mean p‖ in L². Collective."""

    def total(values: Array) -> float:
        return float(MPI.COMM_WORLD.allreduce(float(values @ weights)))

    mean = total(p) / total(np.ones_like(p))
    return np.sqrt(total((u**2).sum(axis=1))), np.sqrt(total((p - mean) ** 2))


def error(scheme: Projection) -> Array:
    """Relative errors of velocity and pressure against the exact flow."""
    x, weights, u, p = at_quadrature(scheme)
    u_exact, p_exact = FLOW.velocity(x, scheme.time), FLOW.pressure(x, scheme.time)
    wrong = norms(weights, u - u_exact, p - p_exact)
    return np.array(wrong) / norms(weights, u_exact, p_exact)


def difference(scheme: Projection, other: Projection) -> Array:
    """Norms of the differences of two solutions on one mesh."""
    _, weights, u, p = at_quadrature(scheme)
    _, _, u_other, p_other = at_quadrature(other)
    return np.array(norms(weights, u - u_other, p - p_other))


def orders(before: Array, after: Array, ratio: float = 2.0) -> Array:
    """Orders of velocity and pressure from errors on two levels."""
    return np.asarray(np.log(before / after) / np.log(ratio))


SPACE = [
    # degree, cells a side, dt, bounds of the orders of u and p, largest errors on the finest mesh
    pytest.param(1, (8, 16, 24), 5e-3, (1.8, 2.2), (1.7, 2.7), (0.0035, 0.05), id="P1/P1"),
    pytest.param(2, (3, 6, 12), 1.25e-3, (2.7, 3.3), (1.8, 2.6), (0.0003, 0.012), id="P2/P1"),
]


@pytest.mark.parametrize(("degree", "levels", "dt", "u_bounds", "p_bounds", "finest"), SPACE)
def test_orders_in_space(degree, levels, dt, u_bounds, p_bounds, finest) -> None:
    # 2 for P1, 3 and 2 for P2/P1; ± 0.3 as coarse levels are not yet asymptotic, more for the
    # pressure, whose first level is the worst; dt so small that its error is below the finest's
    errors = [error(advance(n, degree, dt, 0.025)) for n in levels]
    for k, (finer, coarser) in enumerate(itertools.pairwise(levels[::-1])):
        u_order, p_order = orders(errors[-2 - k], errors[-1 - k], finer / coarser)
        assert u_bounds[0] < u_order < u_bounds[1]
        assert p_bounds[0] < p_order < p_bounds[1]
    # 1.3 times what was measured when the test was written
    assert np.all(errors[-1] < finest)


def test_orders_in_time_of_p2p1() -> None:
    # against a step 16 times smaller on the same mesh, so that the error in space drops out
    reference = advance(6, 2, 0.0125 / 16, 0.2)
    errors = [difference(advance(6, 2, dt, 0.2), reference) for dt in (0.05, 0.025, 0.0125)]
    for before, after in itertools.pairwise(errors):
        u_order, p_order = orders(before, after)
        assert 1.8 < u_order < 2.2  # BDF2 with a rotational update
        assert 1.3 < p_order < 2.0  # 1.5 by theory (Guermond, Minev & Shen 2006), up to 2 in
        # practice


@pytest.mark.parametrize(("degree", "p_bounds"), [(1, (1.1, 1.9)), (2, (1.4, 2.2))])
def test_orders_in_space_and_time_together(degree: int, p_bounds: tuple[float, float]) -> None:
    # P1/P1's stabilisation depends on dt, so that its order in time shows only when h falls too
    levels = (
        [(6, 0.1), (12, 0.05), (24, 0.025)] if degree == 1 else [(3, 0.1), (6, 0.05), (12, 0.025)]
    )
    errors = [error(advance(n, degree, dt, 0.2)) for n, dt in levels]
    for before, after in itertools.pairwise(errors):
        u_order, p_order = orders(before, after)
        assert 1.7 < u_order < 2.4  # second order in both, and the time error leads
        assert p_bounds[0] < p_order < p_bounds[1]
