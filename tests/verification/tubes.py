"""Straight tubes for exact solutions: meshes, conditions, and flows run until they are steady."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from core.settings import read
from meshes.sources.tube import NAMES, Tube
from meshes.tagged import LUMEN_CELLS, TaggedMesh
from meshes.vessel import VesselMesh, distribute
from solvers.elements.cells import Geometry
from solvers.flow import Flow
from solvers.settings import FlowSettings

Array = NDArray[Any]
RADIUS = 5e-3
MU, RHO = 3.5e-3, 1060.0
NEWTONIAN = {"kind": "newtonian", "mu": "3.5 mPa s"}


@cache
def tube(length: str, size: str, **more: Any) -> TaggedMesh | None:
    """A tube of radius 5 mm along z, on rank 0; None on other ranks."""
    if MPI.COMM_WORLD.rank:
        return None
    table = {"radius": "5 mm", "length": length, "size": size, **more}
    return read(Tube, table, "test").build(Path())


def squeezed(mesh: TaggedMesh, matrix: Sequence[Sequence[float]]) -> TaggedMesh:
    """The mesh with its points moved by an affine map."""
    return replace(mesh, points=mesh.points @ np.asarray(matrix).T)


def spread(mesh: TaggedMesh | None) -> VesselMesh:
    return distribute(MPI.COMM_WORLD, mesh)


def flow_settings(boundary: Mapping[str, Any], **more: Any) -> FlowSettings:
    table = {"rheology": NEWTONIAN, "period": "1 s", "snapshots": 1, "boundary": boundary, **more}
    return read(FlowSettings, table, "test")


def inflow(mean: str, **more: Any) -> dict[str, Any]:
    """A flow rate at the inlet and no pressure at the outlet."""
    return {
        "inlet": {"kind": "flow_rate", "mean": mean, **more},
        "outlet": {"kind": "pressure", "pressure": "0 Pa"},
    }


def pressures(drop: str) -> dict[str, Any]:
    """A pressure difference between the openings."""
    return {
        "inlet": {"kind": "pressure", "pressure": drop},
        "outlet": {"kind": "pressure", "pressure": "0 Pa"},
    }


def settle(flow: Flow, tolerance: float, most: int) -> Flow:
    """Step until the outflow and the pressure drop change by less than ``tolerance`` a step."""
    old = np.zeros(2)
    for _ in range(most):
        flow.step()
        pressure = flow.pressures()
        new = np.array([flow.flow_rates()["outlet"], pressure["inlet"] - pressure["outlet"]])
        if np.all(np.abs(new - old) <= tolerance * np.abs(new)):
            return flow
        old = new
    raise AssertionError(f"not steady after {most} steps: {old} → {new}")


def mean_section(vessel: VesselMesh, length: float) -> float:
    """The tube's volume over its length [m²]: the section that its flat-sided cells leave."""
    geometry = Geometry(vessel.mesh)
    return geometry.total(np.ones(geometry.count)) / length


def box(sides: Sequence[float], counts: Sequence[int]) -> TaggedMesh | None:
    """A box along z of six tetrahedra a brick, "inlet" at z = 0, on rank 0; None on other
    ranks.
    """
    if MPI.COMM_WORLD.rank:
        return None
    grid = np.indices([n + 1 for n in counts]).reshape(3, -1).T
    points = grid / np.asarray(counts) * np.asarray(sides)
    stride = np.array([(counts[1] + 1) * (counts[2] + 1), counts[2] + 1, 1])
    first = grid[(grid < counts).all(axis=1)] @ stride
    paths = [np.cumsum([0, *stride[list(turn)]]) for turn in itertools.permutations(range(3))]
    cells = np.concatenate([first[:, None] + path for path in paths])
    faces = np.concatenate([np.delete(cells, corner, axis=1) for corner in range(4)])
    _, where, times = np.unique(
        np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True
    )
    facets = faces[where[times == 1]]
    z = points[facets, 2].mean(axis=1)
    tags = np.select([z < 1e-9 * sides[2], z > (1.0 - 1e-9) * sides[2]], [10, 11], 1)
    return TaggedMesh(points, cells, np.full(len(cells), LUMEN_CELLS), facets, tags, NAMES)
