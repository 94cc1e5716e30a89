"""The compiled loops give the numbers of the array expressions that say what they do."""

from typing import Any

from mpi4py import MPI

import numpy as np
import pytest
from dolfinx import mesh

from solvers import native
from solvers.algebra.columns import Columns, _Compiled, _Plain
from solvers.elements.cells import Geometry, Pattern, Space
from solvers.schemes.brinkman import medium
from solvers.schemes.compiled import sweeps
from solvers.schemes.plain import Blood, PlainSweeps, Push

CLOSE = {"rtol": 0.0, "atol": 1e-12}
needs_compiler = pytest.mark.skipif(native.sweeps() is None, reason="no compiler here")


@pytest.fixture(scope="module", params=[1, 2])
def spaces(request: pytest.FixtureRequest) -> tuple[Space, Space, Pattern]:
    # 4·3·5·6 = 360 cells: whole vectors of eight; 3·3·3·6 = 162: a rest of two
    domain = mesh.create_box(MPI.COMM_SELF, [[0, 0, 0], [1, 0.8, 1.2]], [3, 3, 3])
    domain.topology.create_connectivity(2, 3)
    geometry = Geometry(domain)
    V, Q = Space(geometry, request.param), Space(geometry, 1)
    return V, Q, Pattern(V)


def scaled_equal(one: Any, other: Any) -> None:
    size = max(1.0, float(np.abs(one).max(initial=0.0)))
    np.testing.assert_allclose(np.asarray(one) / size, np.asarray(other) / size, **CLOSE)


@needs_compiler
@pytest.mark.parametrize("thinning", [False, True])
@pytest.mark.parametrize("clot", [False, True])
def test_compiled_sweeps_equal_plain_ones(
    spaces: tuple[Space, Space, Pattern], thinning: bool, clot: bool
) -> None:
    V, Q, pattern = spaces
    count = V.geometry.count
    rng = np.random.default_rng(7)
    u, history = rng.standard_normal((2, V.local, 3))
    p, start = rng.standard_normal((2, Q.local))
    u1, u2 = rng.standard_normal((2, V.local, 3))
    whole, carried = rng.standard_normal((2, Q.local))
    drag = np.where(rng.random(count) < 0.5, 10.0 ** rng.uniform(-2, 6, count), 0.0)
    held = medium(V.geometry, V.degree, 15.0, drag * clot, 0.4)
    cells, points = rng.uniform(1.0, 2.0, count), rng.uniform(1.0, 2.0, Q.local)
    blood = Blood(None, cells, points) if thinning else Blood(0.7, cells)
    push = Push(whole, carried if clot else None)
    found = []
    for loops in (PlainSweeps(V, Q, pattern), sweeps(V, Q, pattern)):
        sums, rate = loops.ahead(u, p, held, shear=True)
        means = sums / 0.3
        data = np.ones(len(pattern.columns))
        rhs, alpha = loops.momentum(u, history, p, means, blood, held, push, 1.3, data)
        lack, pace = loops.lack(u, p, start, means, np.resize(0.4, count), held)
        w = loops.correction(start, p, means, np.resize(0.4, count), held)
        ahead = loops.extrapolate(2.1, -0.6, u, u1, u2)
        if V.degree == 2:
            alpha = np.zeros(0)
        found.append((sums, rate, data, rhs, alpha, lack, pace, w, *ahead, loops.spread(cells),
                      loops.carrier(u, w), loops.shear_rate(u)))  # fmt: skip
    for one, other in zip(*found, strict=True):
        scaled_equal(one, other)


@needs_compiler
def test_both_kinds_of_bicgstab_solve(spaces: tuple[Space, Space, Pattern]) -> None:
    V, _, pattern = spaces
    fixed = V.dofs_on(mesh.exterior_facet_indices(V.geometry.mesh.topology))
    matrix = Columns(pattern, fixed, 3)
    rng = np.random.default_rng(3)
    matrix.data[:] = rng.uniform(-0.1, 0.1, len(matrix.data))
    matrix.data[matrix._diagonal] = 6.0
    matrix.finish()
    b = rng.standard_normal((V.owned, 3))
    found = []
    for kind in (_Plain, _Compiled):
        matrix._loops = kind(matrix)
        x = np.zeros((V.local, 3))
        x[fixed] = b[fixed]
        assert matrix.solve(b, x, 1e-13)
        found.append(x)
        left = _Plain(matrix)._times(x.ravel()) - b
        np.testing.assert_allclose(left[matrix._free], 0.0, atol=1e-10)
        np.testing.assert_array_equal(x[fixed], b[fixed])
        given = (left + b)[fixed]
        np.testing.assert_allclose(matrix.reaction(x)[fixed], given, atol=1e-12)
    np.testing.assert_allclose(found[0], found[1], atol=1e-11)


@pytest.mark.parametrize("held", [False, True])
def test_where_bicgstab_gives_up_a_patient_method_solves(
    spaces: tuple[Space, Space, Pattern], held: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    V, _, pattern = spaces
    fixed = V.dofs_on(mesh.exterior_facet_indices(V.geometry.mesh.topology)) if held else []
    matrix = Columns(pattern, np.array(fixed, dtype=np.int32), 3)
    rng = np.random.default_rng(5)
    matrix.data[:] = rng.uniform(-0.1, 0.1, len(matrix.data))
    matrix.data[matrix._diagonal] = 6.0
    matrix.finish()
    monkeypatch.setattr(matrix, "_bicgstab", lambda *_: False)
    b, x = rng.standard_normal((V.owned, 3)), np.zeros((V.local, 3))
    x[matrix._held] = 2.0
    assert matrix.solve(b, x, 1e-12)
    left = _Plain(matrix)._times(x.ravel()) - b
    np.testing.assert_allclose(left[matrix._free], 0.0, atol=1e-9)
    np.testing.assert_allclose(x[matrix._held], 2.0)
