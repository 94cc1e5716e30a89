"""Porous bodies: where they are, what they resist, and that the flow pays for it."""

from dataclasses import replace
from pathlib import Path

from mpi4py import MPI

import numpy as np
import pytest

from core.errors import CaseError
from core.settings import read
from meshes import centerline
from meshes.sources.tube import Tube
from meshes.tagged import Sections, TaggedMesh
from meshes.vessel import distribute
from solvers.flow import Flow
from solvers.obstacles import obstacles, resistance
from solvers.settings import FlowSettings

RADIUS, LENGTH, MU, Q = 5e-3, 30e-3, 3.5e-3, 5e-6
LINE = np.arange(0, 31e-3, 1e-3)
STRAIGHT = Sections(
    np.full(len(LINE), b"inlet"), LINE, np.stack([0 * LINE, 0 * LINE, LINE], axis=1),
    np.tile([0.0, 0.0, 1.0], (len(LINE), 1)), np.full(len(LINE), RADIUS),
)


def body(kind: str, **table: str):
    return obstacles.build({
        "kind": kind, "branch": "inlet", "start": "10 mm", "end": "20 mm", **table})


def test_a_filter_is_a_bed_of_fibres_with_clot_in_its_middle() -> None:
    # Jackson and James: K/a² = 3/(20·0.02)·(−ln 0.02 − 0.931) = 22.36
    filter_ = body("filter", wire="0.2 mm", solid="2 %", caught="25 %")
    found = filter_.inverse_permeability(np.array([0.49, 0.51, 0.9]))
    np.testing.assert_allclose(found, [1e11, 1 / (22.357 * 4e-8), 1 / (22.357 * 4e-8)], rtol=1e-4)


def test_a_thrombus_leaves_the_middle_open() -> None:
    clot = body("thrombus", occlusion="75 %")
    np.testing.assert_allclose(
        clot.inverse_permeability(np.array([0.0, 0.49, 0.51, 1.2])), [0, 0, 1e11, 1e11])
    assert not body("thrombus", occlusion="0 %").inverse_permeability(np.array([0.0, 1.0])).any()


def test_a_body_is_between_its_planes_only() -> None:
    points = np.array([[0, 0, z] for z in (9e-3, 11e-3, 19.4e-3, 21e-3)])
    bodies = {"one": body("filter"), "two": body("filter")}
    found = resistance(bodies, STRAIGHT, points)
    single = body("filter").inverse_permeability(np.zeros(1))[0]
    np.testing.assert_allclose(found, [0, 2 * single, 2 * single, 0])


def test_mistakes_are_told() -> None:
    other = obstacles.build({"kind": "filter", "branch": "cava", "start": "0 mm", "end": "1 cm"})
    with pytest.raises(CaseError, match="no branch 'cava'"):
        resistance({"f": other}, STRAIGHT, np.zeros((1, 3)))
    with pytest.raises(Exception, match="beyond start"):
        body("filter", start="20 mm")


def tube_mesh() -> TaggedMesh:
    table = {"radius": "5 mm", "length": "30 mm", "size": "2.5 mm"}
    mesh = read(Tube, table, "test").build(Path())
    return replace(mesh, sections=centerline.sections(mesh))


def drop(mesh: TaggedMesh | None, **obstacle: dict[str, str]) -> float:
    settings = read(FlowSettings, {
        "period": "1 s", "rheology": {"kind": "newtonian", "mu": "3.5 mPa s"},
        "scheme": {"kind": "coupled", "element": "P2/P1", "dt": "0.5 s"},
        "boundary": {
            "inlet": {"kind": "flow_rate", "mean": "5 mL/s"},
            "outlet": {"kind": "pressure", "pressure": "0 Pa"},
        },
        "obstacle": obstacle,
    }, "test")
    flow = Flow(distribute(MPI.COMM_WORLD, mesh), settings)
    flow.scheme.steady(*flow.imposed(0.0), goal=1e-4)
    means = flow.pressures()
    return means["inlet"] - means["outlet"]


@pytest.mark.mpi
def test_a_dense_body_costs_darcys_pressure() -> None:
    mesh = tube_mesh() if MPI.COMM_WORLD.rank == 0 else None
    inverse = 1e8  # Brinkman layer √K = 0.1 mm, far below R: plug flow inside
    body_ = {"kind": "thrombus", "branch": "inlet", "start": "10 mm", "end": "20 mm",
             "occlusion": "1", "permeability": "1e-8 m^2"}
    extra = drop(mesh, clot=body_) - drop(mesh)
    darcy = MU * inverse * Q / (np.pi * RADIUS**2) * 10e-3
    # the body ends at cells, ± a part of an edge of 2.5 mm; entry and exit add a little
    assert extra == pytest.approx(darcy, rel=0.2)
