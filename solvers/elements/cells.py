"""Element arrays: geometry, basis tables, and the scatter from cells to dofs and matrix entries.

All element integrals of the solvers are array expressions over the local cells, with the cells
along the last axis; this module turns their results into vectors and sparse matrices. Positions in
the matrix are found once.
"""

import ctypes
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from mpi4py import MPI
from petsc4py import PETSc

import basix
import numpy as np
import ufl
from dolfinx import cpp, fem, la, mesh
from numpy.typing import NDArray
from scipy import sparse

from solvers import native

Array = NDArray[Any]


CHUNK = 1 << 16
"""Cells whose matrices are made at a time: those of all would be the peak of the memory."""


def chunks(count: int) -> Iterator[slice]:
    """Ranges of cells that cover them all."""
    for start in range(0, count, CHUNK):
        yield slice(start, min(start + CHUNK, count))


class Geometry:
    """Affine maps of the local cells: ``slopes`` ∂X_k/∂x_i (k, i, c) [1/m] and volume (c) [m³].

    What is large and seldom used is made when asked for: vertices and gradients.
    """

    def __init__(self, domain: mesh.Mesh) -> None:
        self.mesh = domain
        self.dim = domain.topology.dim
        self.count = domain.topology.index_map(self.dim).size_local
        self.slopes = np.empty((self.dim, self.dim, self.count))
        self.jacobian = np.empty(self.count)
        for some in chunks(self.count):
            near = self.vertices_in(some)
            edges = near[:, 1:] - near[:, :1]
            # J[c, i, k] = ∂x_i/∂X_k, so J⁻¹[c, k, i] = ∂X_k/∂x_i
            inverse = np.linalg.inv(np.swapaxes(edges, 1, 2))
            self.slopes[:, :, some] = np.moveaxis(inverse, 0, -1)
            self.jacobian[some] = np.abs(np.linalg.det(edges))
        self.volume = self.jacobian / {2: 2.0, 3: 6.0}[self.dim]

    @property
    def inverse(self) -> Array:
        """`slopes` with the cells first (c, k, i), a view."""
        return np.moveaxis(self.slopes, -1, 0)

    @property
    def vertices(self) -> Array:
        """Vertices (c, d+1, d) [m]."""
        return self.vertices_in(slice(0, self.count))

    def vertices_in(self, cells: Array | slice) -> Array:
        """Vertices of some cells (·, d+1, d) [m]."""
        corners = self.mesh.geometry.dofmap[: self.count][cells]
        return np.asarray(self.mesh.geometry.x[corners][:, :, : self.dim])

    @property
    def gradients(self) -> Array:
        """Gradients of the barycentric coordinates (c, d+1, d) [1/m]."""
        return self.gradients_in(slice(0, self.count))

    def gradients_in(self, cells: Array | slice) -> Array:
        """Gradients of the barycentric coordinates of some cells (·, d+1, d) [1/m]."""
        others = self.inverse[cells]
        return np.concatenate([-others.sum(axis=1, keepdims=True), others], axis=1)

    @property
    def comm(self) -> MPI.Comm:
        """The communicator of the mesh."""
        return self.mesh.comm

    @cached_property
    def size(self) -> Array:
        """Edge length [m] of the regular simplex with each cell's volume."""
        factor = {2: 4.0 / np.sqrt(3.0), 3: 6.0 * np.sqrt(2.0)}[self.dim]
        return np.asarray((factor * self.volume) ** (1.0 / self.dim))

    def total(self, values: Array) -> float:
        """∫ of a field of one value a cell over the whole mesh. Collective."""
        return float(self.comm.allreduce(float(values @ self.volume), MPI.SUM))


class Space:
    """A scalar Lagrange space with its dofs by cell and its scatter operators.

    ``dofs`` (c, n) are local numbers; ``owned`` of ``local`` dofs are this rank's.
    """

    def __init__(self, geometry: Geometry, degree: int) -> None:
        self.geometry, self.degree = geometry, degree
        self.space = fem.functionspace(geometry.mesh, ("Lagrange", degree))
        self.dofs = np.ascontiguousarray(self.space.dofmap.list[: geometry.count])
        self.map = self.space.dofmap.index_map
        self.owned = self.map.size_local
        self.local = self.owned + self.map.num_ghosts
        self.per_cell = self.dofs.shape[1]
        self.element = self.space.element.basix_element
        self._work = fem.Function(self.space)
        self._wide: dict[int, la.Vector] = {}

    def table(self, points: Array, derivatives: int = 0) -> Array:
        """Basis values (q, n), or first derivatives (k, q, n), at reference points."""
        table = self.element.tabulate(derivatives, points)[..., 0]
        return table[0] if derivatives == 0 else table[1:]

    def vector(self) -> fem.Function:
        """A new field of the space, zero."""
        return fem.Function(self.space)

    @cached_property
    def gather(self) -> Any:
        """The operator (dofs, n·c) that sums cell vectors (n, c) into dofs."""
        flat = np.ascontiguousarray(self.dofs.T).ravel()
        entries = (np.ones(flat.size), (flat, np.arange(flat.size)))
        return sparse.csr_matrix(entries, shape=(self.local, flat.size))

    def sum(self, partial: Array, out: fem.Function | None = None) -> Array:
        """Sum this rank's contributions (dofs) over ranks; gives dofs incl. ghosts. Collective.

        The result is a view into ``out``, or into a work vector that the next call overwrites.
        """
        x = (out or self._work).x
        x.array[:] = partial
        x.scatter_reverse(cpp.la.InsertMode.add)
        x.scatter_forward()
        return x.array

    def sum_columns(self, partial: Array) -> Array:
        """The same for columns (dofs, k); gives ``partial`` itself, summed. Collective."""
        if self.map.comm.size > 1 and partial.shape[1]:
            x = self._columns_vector(partial.shape[1])
            x.array[:] = partial.ravel()
            x.scatter_reverse(cpp.la.InsertMode.add)
            x.scatter_forward()
            partial[:] = x.array.reshape(partial.shape)
        return partial

    def _columns_vector(self, width: int) -> la.Vector:
        """A work vector, kept: making one costs a communicator."""
        if width not in self._wide:
            self._wide[width] = la.vector(self.map, width)
        return self._wide[width]

    def share(self, values: Array) -> Array:
        """Give ghosts of ``values`` (dofs, k) what their owners have. Collective."""
        if self.map.comm.size > 1:
            x = self._columns_vector(values.shape[1])
            x.array[:] = values.ravel()
            x.scatter_forward()
            values[:] = x.array.reshape(values.shape)
        return values

    @cached_property
    def coordinates(self) -> Array:
        """Coordinates (local dofs, 3) [m]."""
        return np.asarray(self.space.tabulate_dof_coordinates())

    def dofs_on(self, facets: Array) -> Array:
        """Local dofs on boundary facets given on any rank. Collective."""
        dim = self.geometry.dim - 1
        return np.asarray(fem.locate_dofs_topological(self.space, dim, facets))


class Pattern:
    """Where the entries of cell matrices (n, n) of a space stand in its sparse matrix.

    ``csr`` holds this rank's rows, those of ghosts behind the owned ones; ``places`` (c, n, n)
    are positions in its ``data``.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        u, v = ufl.TrialFunction(space.space), ufl.TestFunction(space.space)
        self.csr = fem.create_matrix(fem.form(u * v * ufl.dx))
        self.starts = np.ascontiguousarray(self.csr.indptr, dtype=np.int64)
        self.columns = np.ascontiguousarray(self.csr.indices, dtype=np.int32)
        self.places = self._find_places()

    def _find_places(self) -> Array:
        dofs, n = self.space.dofs, self.space.per_cell
        library = native.sweeps()
        if library is not None:
            places = np.empty((len(dofs), n, n), dtype=np.int32)
            parts = (native.pointer(x) for x in (dofs, self.starts, self.columns, places))
            library.find_places(ctypes.c_int64(len(dofs)), ctypes.c_int64(n), *parts)
            return places
        width = np.int64(self.columns.max(initial=0)) + 1
        rows = np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))
        keys = rows * width + self.columns
        wide = dofs.astype(np.int64)
        wanted = wide[:, :, None] * width + wide[:, None, :]
        return np.searchsorted(keys, wanted).astype(np.int32)

    def entries(self, cells: Array) -> Array:
        """This rank's entries of cell matrices (n, n, c)."""
        return self.assembled(lambda some: cells[:, :, some])

    def assembled(self, of: Callable[[slice], Array]) -> Array:
        """This rank's entries of the cell matrices (n, n, ·) that ``of`` gives of some cells."""
        out = np.zeros(len(self.columns))
        library = native.sweeps()
        for some in chunks(len(self.places)):
            places, cells = self.places[some], of(some)
            if library is None:
                out += np.bincount(
                    places.ravel(), np.moveaxis(cells, -1, 0).ravel(), minlength=len(out)
                )
                continue
            sizes = ctypes.c_int64(len(places)), ctypes.c_int64(self.space.per_cell**2)
            parts = (places, np.ascontiguousarray(cells), out)
            library.add_entries(*sizes, *map(native.pointer, parts))
        return out

    def add(self, data: Array, numbers: Array, cells: Array) -> None:
        """Add to ``data`` the matrices (n, n, k) of the cells ``numbers``, which may repeat."""
        np.add.at(data, self.places[numbers], np.moveaxis(cells, -1, 0))


def dirichlet_rows(space: Space, dofs: Array) -> Array:
    """Whether each dof, ghosts included, is fixed on any rank. Collective."""
    flag = space.vector()
    flag.x.array[np.asarray(dofs, dtype=np.int32)] = 1.0
    flag.x.scatter_forward()
    return np.asarray(flag.x.array > 0.5)


class Matrix:
    """A PETSc matrix over a `Space` that is filled again and again from cell matrices (n, n,
    c).
    """

    def __init__(
        self,
        space: Space,
        dirichlet: Array,
        *,
        symmetric: bool = False,
        pattern: Pattern | None = None,
    ) -> None:
        self.space, self.symmetric = space, symmetric
        self.dirichlet = np.asarray(dirichlet, dtype=np.int32)
        self.pattern = pattern or Pattern(space)
        self._csr = self.pattern.csr
        self._rows = int(self.pattern.starts[space.owned])
        local = self.pattern.columns[: self._rows]
        self._starts = self.pattern.starts[: space.owned + 1].astype(np.int32)
        self._columns = self._csr.index_map(1).local_to_global(local).astype(np.int32)
        self._mark_dirichlet(dirichlet_rows(space, dirichlet), local)
        rows = (space.owned, space.map.size_global)
        self.mat = PETSc.Mat().createAIJ(
            (rows, rows),
            csr=(self._starts, self._columns, np.zeros(self._rows)),
            comm=space.map.comm,
        )
        if symmetric:
            self.mat.setOption(PETSc.Mat.Option.SPD, True)

    def _mark_dirichlet(self, fixed: Array, columns: Array) -> None:
        rows = np.repeat(np.arange(self.space.owned), np.diff(self._starts))
        self._zero = np.flatnonzero(fixed[rows])
        if self.symmetric:
            # the matrix knows more ghosts than the space: their owners say which are fixed
            mark = la.vector(self._csr.index_map(1))
            mark.array[: self.space.owned] = fixed[: self.space.owned]
            mark.scatter_forward()
            self._zero = np.flatnonzero(fixed[rows] | (mark.array > 0.5)[columns])
        self._one = np.flatnonzero(fixed[rows] & (rows == columns))

    def fill(self, cells: Array | Callable[[slice], Array]) -> PETSc.Mat:
        """Sum cell matrices (n, n, c), or what gives those of some cells; Dirichlet rows become
        identity rows. Collective.
        """
        of = cells if callable(cells) else lambda some: cells[:, :, some]
        self._csr.data[:] = self.pattern.assembled(of)
        self._csr.scatter_reverse()
        data = self._csr.data[: self._rows]
        data[self._zero] = 0.0
        data[self._one] = 1.0
        self.mat.setValuesCSR(self._starts, self._columns, data)
        self.mat.assemble()
        return self.mat

    def rows(self) -> tuple[Array, Array, Array]:
        """This rank's rows as filled: starts, global columns, entries."""
        return self._starts, self._columns, self._csr.data[: self._rows]


def quadrature(dim: int, degree: int) -> tuple[Array, Array]:
    """Points (q, dim) and weights of a rule exact to ``degree`` on the reference simplex."""
    cell = {1: basix.CellType.interval, 2: basix.CellType.triangle, 3: basix.CellType.tetrahedron}[
        dim
    ]
    points, weights = basix.make_quadrature(cell, degree)
    return points, weights
