"""Flow through and around clot, driven by a pressure difference, against closed forms."""

import numpy as np
import pytest

from meshes.vessel import VesselMesh
from solvers.flow import Flow
from tests.verification.tubes import (
    MU,
    RADIUS,
    flow_settings,
    mean_section,
    pressures,
    settle,
    spread,
    tube,
)

DROP = 1e-4
"""Pressure difference [Pa]: so small that inertia is nil (Reynolds number 0.1)."""
RING, PLUG = 101, 102


def through(vessel: VesselMesh, element: str, permeability: float, region: int) -> Flow:
    """The steady flow with clot of one permeability in ``region``."""
    # the viscous time is 1.3 s, and steps of 1 s reach the steady state soonest
    scheme = {"element": element, "dt": "1 s"}
    flow = Flow(vessel, flow_settings(pressures(f"{DROP} Pa"), scheme=scheme))
    drag = np.zeros(flow.geometry.count)
    drag[vessel.cell_tags.find(region)] = MU / permeability
    flow.scheme.set_drag(drag)
    return settle(flow, 3e-6, 200)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("element", "permeability", "size", "length", "reference", "tolerance"),
    [
        # validation.md §7.3; the layer is 0.3 mm, 32 and 3 µm thick
        ("P2/P1", 1e-7, "0.5 mm", "4 mm", 0.578702833, 0.01),
        ("P2/P1", 1e-9, "0.6 mm", "6 mm", 0.423022556, 0.01),
        ("P2/P1", 1e-11, "0.5 mm", "4 mm", 0.410900001, 0.01),
        # P1/P1 lumps the drag, which shifts the resolved clot's edge by part of a cell
        ("P1/P1", 1e-7, "0.4 mm", "4 mm", 0.578702833, 0.08),
        ("P1/P1", 1e-9, "0.4 mm", "4 mm", 0.423022556, 0.02),
        ("P1/P1", 1e-11, "0.4 mm", "4 mm", 0.410900001, 0.02),
    ],
)
def test_flow_past_an_annulus_of_clot(
    element: str, permeability: float, size: str, length: str, reference: float, tolerance: float
) -> None:
    vessel = spread(tube(length, size, inner_radius="4 mm"))
    flow = through(vessel, element, permeability, RING)
    metres = 1e-3 * float(length.split()[0])
    # the open tube of the same mesh: its radius is 0.998 to 0.999 R
    radius = np.sqrt(mean_section(vessel, metres) / np.pi)
    assert radius == pytest.approx(RADIUS, rel=3e-3)
    open_flow = np.pi * radius**4 * DROP / (8.0 * MU * metres)
    ratio = flow.flow_rates()["outlet"] / open_flow
    assert ratio == pytest.approx(reference, rel=tolerance)


@pytest.mark.parametrize("permeability", [1e-9, 1e-11, 1e-13])
@pytest.mark.parametrize(("element", "size"), [("P1/P1", "0.7 mm"), ("P2/P1", "1.2 mm")])
def test_flow_through_a_plug_of_clot(element: str, size: str, permeability: float) -> None:
    # P1/P1 is short of the plug's resistance by about 4√K/L, whatever the mesh: 1.5 % at 1e-9;
    # the drag jumps from 0 to 3.5e10 Pa s/m² at K = 1e-13: 2e7 times the inertia ρ/Δt
    vessel = spread(tube("12 mm", size, plug=("2 mm", "10 mm")))
    flow = through(vessel, element, permeability, PLUG)
    area = mean_section(vessel, 12e-3)
    darcy = permeability * area * DROP / (MU * 8e-3)
    rates = flow.flow_rates()
    assert rates["outlet"] == pytest.approx(darcy, rel=0.02)
    assert -rates["inlet"] == pytest.approx(rates["outlet"], rel=1e-6)  # nothing leaks on the way
    # the pressure falls within the plug, and overshoots by no more than 2 promille
    assert flow.scheme.p.min() > -2e-3 * DROP
    assert flow.scheme.p.max() < 1.002 * DROP
