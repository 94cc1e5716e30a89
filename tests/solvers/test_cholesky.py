"""The direct pressure solver, on one rank and on parts of a mesh."""

from pathlib import Path

from mpi4py import MPI

import numpy as np
import pytest
from dolfinx import mesh

from core import native as compiler
from solvers import native
from solvers.algebra import cholesky, linear
from solvers.elements.cells import Geometry, Pattern, Space

pytestmark = pytest.mark.skipif(not cholesky.available(), reason="no CHOLMOD here")
COMM = MPI.COMM_WORLD


@pytest.fixture(scope="module")
def space() -> Space:
    domain = mesh.create_box(COMM, [[0, 0, 0], [4, 1, 1]], [12, 4, 4])
    domain.topology.create_connectivity(2, 3)
    return Space(Geometry(domain), 1)


def cells_of(space: Space, contrast: float) -> np.ndarray:
    """Stiffness of each cell (4, 4, c), with mobilities that do not know the ranks."""
    geometry = space.geometry
    middle = geometry.vertices.mean(axis=1)
    rough = np.sin(37.0 * middle.sum(axis=1) + 11.0 * middle[:, 0]) > 0.0
    m = np.where(rough, contrast, 1.0)
    return np.einsum("cai,cbi,c->abc", geometry.gradients, geometry.gradients, geometry.volume * m)


def product(space: Space, cells: np.ndarray, x: np.ndarray) -> np.ndarray:
    near = np.einsum("abc,bc->ac", cells, x[space.dofs.T])
    return np.array(space.sum(space.gather @ near.ravel()))


@pytest.mark.mpi
@pytest.mark.parametrize("contrast", [1.0, 1e-6, 1e-12])
@pytest.mark.parametrize("held", ["an end", "one point"])
def test_solves_whatever_the_contrast(space: Space, contrast: float, held: str) -> None:
    x = space.coordinates
    fixed = np.flatnonzero(x[:, 0] < 1e-9 if held == "an end" else np.abs(x).max(axis=1) < 1e-9)
    pattern = Pattern(space)
    solver = cholesky.Cholesky(pattern, fixed)
    cells = cells_of(space, contrast)
    wanted = np.sin(3.0 * x[:, 0]) + x[:, 1] * x[:, 2]
    wanted[fixed] = 0.0
    solver.factor(pattern.entries(cells))
    b = product(space, cells, wanted)
    b[fixed] = 0.0
    found = np.zeros(space.local)
    solver.solve(b, found)
    found = space.share(found[:, None])[:, 0]
    # the right-hand side carries its own rounding, which a large contrast magnifies
    np.testing.assert_allclose(product(space, cells, found - wanted), 0.0, atol=1e-12)
    if contrast == 1.0:
        np.testing.assert_allclose(found, wanted, atol=1e-11)


@pytest.mark.mpi
def test_single_precision_loses_no_mass_and_can_be_refined(space: Space) -> None:
    x = space.coordinates
    fixed = np.flatnonzero(x[:, 0] < 1e-9)
    operator = linear.Poisson(Pattern(space), fixed, 1e-7)
    operator.set_mobility(np.full(space.geometry.count, 3.0))
    cells = 3.0 * cells_of(space, 1.0)
    wanted = 1e3 * np.sin(3.0 * x[:, 0]) + x[:, 1] * x[:, 2]
    wanted[fixed] = 0.0
    b = product(space, cells, wanted)
    b[fixed] = 0.0
    found = operator.solve(b, np.zeros(space.local), "")
    assert operator._factor is not None
    assert operator._factor.single
    np.testing.assert_allclose(found, wanted, atol=1e-5 * 1e3)
    left = (b - product(space, cells, found))[: space.owned]
    left = left[np.setdiff1d(np.arange(space.owned), fixed)]
    lost = COMM.allreduce(float(left.sum()))
    most = COMM.allreduce(float(np.abs(left).sum()))
    assert abs(lost) < 1e-5 * most  # what is left has no sum
    well = operator.solve_well(b, "")
    np.testing.assert_allclose(well, wanted, atol=1e-11 * 1e3)


@pytest.mark.mpi
def test_a_small_change_of_a_small_mobility_counts(space: Space) -> None:
    x = space.coordinates
    fixed = np.flatnonzero(x[:, 0] < 1e-9)
    operator = linear.Poisson(Pattern(space), fixed, 1e-13)
    clot = space.geometry.vertices.mean(axis=1)[:, 0] > 2.0
    share = np.ones(space.geometry.count)
    found = []
    for mobility in (1e-9, 8e-9):
        operator.set_mobility(np.where(clot, mobility, share))
        b = np.array(space.sum(np.full(space.local, 1e-6)))
        found.append(operator.solve(b, np.zeros(space.local), ""))
    peak = [COMM.allreduce(float(np.abs(x).max()), MPI.MAX) for x in found]
    assert 7.0 < peak[0] / peak[1] < 8.1


@pytest.mark.mpi
def test_too_much_shared_is_left_to_multigrid(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cholesky, "MOST_SHARED", -1)
    assert cholesky.made(Pattern(space), np.zeros(0, dtype=int)) is None


def test_a_cache_that_cannot_be_written_is_no_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    monkeypatch.setattr(compiler.tempfile, "gettempdir", lambda: str(tmp_path))
    source = tmp_path / "one.c"
    source.write_text("int one(void) { return 1; }\n")
    library = compiler.library("one", [source])
    assert library is not None
    assert library.one() == 1


def test_a_broken_library_is_built_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    source = tmp_path / "two.c"
    source.write_text("int two(void) { return 2; }\n")
    folder = tmp_path / "dvtwin-native"
    folder.mkdir()
    digest = compiler._digest([source], [])
    (folder / f"two-{digest}.so").write_text("not a library")
    library = compiler.library("two", [source])
    assert library is not None
    assert library.two() == 2


def test_arrays_of_another_kind_are_refused() -> None:
    with pytest.raises(TypeError, match="float32"):
        native.pointer(np.zeros(3, dtype=np.float32))
    with pytest.raises(TypeError):
        native.pointer(np.zeros((4, 4))[:, 1])
