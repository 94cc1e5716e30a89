"""Velocity profiles on caps of any shape: flat, fully developed, and oscillating."""

from collections.abc import Sequence
from typing import Any

from mpi4py import MPI

import basix.ufl
import numpy as np
import ufl
from dolfinx import mesh
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from core.errors import MeshError
from solvers.boundaries import Profile
from solvers.elements.cells import Geometry, Space
from solvers.elements.facets import Facets
from solvers.elements.kernels import integrals, mass, stiffness

Array = NDArray[Any]
UNEVEN = 0.1
"""How far a cap's points may lie off its plane, as a share of the root of its area."""


def profile(
    space: Space, facets: Facets, name: str, shape: Profile, rates: Sequence[float] | Array = ()
) -> tuple[Array, Array]:
    """Dofs (n) of a cap, and unscaled profiles (1 + rates, n) there. Collective.

    The first is for the mean: "flat" is 1 off the rim; else −Δψ = 1 on the cap laid flat, ψ = 0
    on its rim. Then comes, for each of ``rates`` r = ωρ/μ [1/m²], the complex ψ of a flow that
    oscillates with ω: (ir − Δ)ψ = 1.
    """
    dofs = space.dofs_on(facets.numbers)
    triangles = _whole_cap(facets)
    if len(triangles) == 0:
        raise MeshError(f"opening {name!r} has no facets")
    axes = _plane(triangles)
    values, where = _solve(triangles @ axes, space.degree, (0.0, *rates))
    _check_flat(triangles, name)
    here = space.coordinates[dofs][:, : space.geometry.dim] @ axes
    nearest = cKDTree(where).query(here)[1] if len(dofs) else np.zeros(0, dtype=int)
    values[0] = np.maximum(values[0].real, 0.0)
    if shape == "flat":
        values = (np.abs(values) > 1e-12 * np.abs(values).max()).astype(complex)
    return dofs, values[:, nearest]


def _whole_cap(facets: Facets) -> Array:
    """Corner coordinates of the cap's facets of all ranks, in an order that does not depend on
    them.
    """
    parts = facets.geometry.comm.allgather(facets.vertices)
    whole = np.concatenate(parts)
    order = np.lexsort(np.round(whole.mean(axis=1), 12).T)
    return np.asarray(whole[order])


def _plane(triangles: Array) -> Array:
    """Two orthonormal axes (3, 2) in the mean plane of the cap."""
    a, b = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    crosses = np.cross(a, b)
    crosses *= np.sign(crosses @ crosses[0])[:, None]
    normal = crosses.sum(axis=0)
    normal /= np.linalg.norm(normal)
    seed = np.eye(3)[np.argmin(np.abs(normal))]
    first = np.cross(normal, seed)
    first /= np.linalg.norm(first)
    return np.column_stack([first, np.cross(normal, first)])


def _check_flat(triangles: Array, name: str) -> None:
    """The cap's corners lie near its mean plane, or a `MeshError`; the same on all ranks."""
    corners = triangles.reshape(-1, 3)
    axes = _plane(triangles)
    off = (corners - corners.mean(axis=0)) @ np.cross(axes[:, 0], axes[:, 1])
    width = np.sqrt(np.abs(_areas(triangles @ axes)).sum())
    if np.abs(off).max() > UNEVEN * width:
        raise MeshError(
            f"opening {name!r} is not flat enough to carry a velocity profile",
            where=f"points are up to {np.abs(off).max() * 1e3:.3g} mm off its plane",
            do="cut the opening by a plane",
        )


def _areas(flat: Array) -> Array:
    a, b = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2.0


def _solve(flat: Array, degree: int, rates: Sequence[float]) -> tuple[Array, Array]:
    """ψ (rates, n) at the dofs of the flat cap and their coordinates (n, 2), on this process
    alone.
    """
    corners = flat.reshape(-1, 2)
    scale = np.ptp(corners, axis=0).max()
    points, inverse = np.unique(np.round(corners / scale, 9), axis=0, return_inverse=True)
    cells = inverse.reshape(-1, 3).astype(np.int64)
    element = basix.ufl.element("Lagrange", "triangle", 1, shape=(2,))
    cap = mesh.create_mesh(MPI.COMM_SELF, cells, points, ufl.Mesh(element))
    cap.topology.create_connectivity(1, 2)
    geometry = Geometry(cap)
    space = Space(geometry, degree)
    inner = np.setdiff1d(
        np.arange(space.local), space.dofs_on(mesh.exterior_facet_indices(cap.topology))
    )
    load = space.gather @ np.multiply.outer(integrals(space), geometry.jacobian).ravel()
    stiff, heavy = _sparse(space, stiffness(space)), _sparse(space, mass(space))
    found = np.zeros((len(rates), space.local), dtype=complex)
    for row, rate in zip(found, rates, strict=True):
        # the cap is scaled to size 1, and with it the rate; ψ is of no use but for its shape
        whole = sparse.csc_matrix(stiff + 1j * rate * scale**2 * heavy)[inner][:, inner]
        row[inner] = splu(whole).solve(load[inner].astype(complex))
    return found, space.coordinates[:, :2] * scale


def _sparse(space: Space, cells: Array) -> Any:
    """The matrix of cell matrices (n, n, c)."""
    dofs = space.dofs.T
    rows, columns = np.broadcast_arrays(dofs[:, None], dofs[None, :])
    entries = (cells.ravel(), (rows.ravel(), columns.ravel()))
    return sparse.csc_matrix(entries, shape=(space.local, space.local))
