"""Womersley's profile on the cap of an inlet: Bessel functions, and the exact flow rate."""

from typing import Any

import numpy as np
import pytest
from scipy.special import jv

from meshes.tagged import TaggedMesh
from solvers.exact import Womersley
from solvers.flow import Flow
from tests.verification.tubes import MU, RADIUS, RHO, Array, flow_settings, spread, squeezed, tube


def flow(mesh: TaggedMesh | None, element: str, **more: Any) -> Flow:
    boundary = {
        "inlet": {"kind": "flow_rate", "mean": "300 mL/min", "shape": "womersley", **more},
        "outlet": {"kind": "pressure", "pressure": "0 Pa"},
    }
    return Flow(spread(mesh), flow_settings(boundary, period="4 s", scheme={"element": element}))


def at_inlet(found: Flow, time: float) -> tuple[Array, Array]:
    """Points (n, 3) of the inlet off the rim and the axial velocity that is imposed there."""
    inlet = found.inlets["inlet"]
    dofs = found._velocity_dofs[inlet.places]
    velocity = found.imposed(time)[0][inlet.places]
    return found.V.coordinates[dofs], velocity @ -found.vessel.openings["inlet"].normal


@pytest.mark.mpi
@pytest.mark.parametrize(("beats", "alpha"), [(1, 3.448648), (10, 10.905585)])
def test_profile_is_womersleys(beats: int, alpha: float) -> None:
    cosines = [0.0] * (beats - 1) + [1.0]
    found = flow(tube("10 mm", "1 mm"), "P2/P1", waveform={"kind": "fourier", "cosines": cosines})
    omega = 2.0 * np.pi * beats / 4.0
    exact = Womersley(RADIUS, RHO, MU, omega, 1.0)
    assert exact.alpha == pytest.approx(alpha, rel=1e-5)
    k = 1j**1.5 * alpha
    rate = 300e-6 / 60.0
    for time in (0.0, 0.13, 0.31):
        x, speed = at_inlet(found, time)
        r = np.hypot(x[:, 0], x[:, 1]) / RADIUS
        turn = rate * np.exp(1j * omega * time) / (np.pi * RADIUS**2)
        shape = (1.0 - jv(0, k * r) / jv(0, k)) / (1.0 - 2.0 * jv(1, k) / (k * jv(0, k)))
        expected = 2.0 * rate / (np.pi * RADIUS**2) * (1.0 - r**2) + (turn * shape).real
        scale = 2.0 * rate / (np.pi * RADIUS**2)
        # the cap is a polygon: 1 % of area is missing, so velocities are as much higher
        error = np.abs(speed - expected).max(initial=0.0) / scale
        assert error < 0.03


SHAPES = [
    {"kind": "cardiac", "beats": 4, "swing": 3.0},
    {"kind": "pump", "contractions": 2},
    {"kind": "breath", "swing": 2.0},
]


@pytest.mark.mpi
@pytest.mark.parametrize("element", ["P1/P1", "P2/P1"])
@pytest.mark.parametrize("waveform", SHAPES, ids=lambda w: w["kind"])
def test_flow_rate_is_exact_on_any_cap(element: str, waveform: dict[str, Any]) -> None:
    mesh = tube("10 mm", "1.5 mm")
    # a flat, oblique cap: as of a compressed vein
    flat = [[1.5, 0.0, 0.0], [0.0, 0.4, 0.0], [0.3, 0.2, 1.0]]
    found = flow(squeezed(mesh, flat) if mesh else None, element, waveform=waveform)
    u = np.zeros_like(found.scheme.u)
    for time in np.linspace(0.0, 4.0, 9):
        velocity, _ = found.imposed(float(time))
        u[found.scheme.fixed_u] = velocity
        asked = found.inflow(float(time))
        assert -found.fluxes["inlet"](u) == pytest.approx(asked, abs=1e-10 * 5e-6)


def test_slow_oscillation_is_a_parabola() -> None:
    slow = flow(
        tube("10 mm", "1.5 mm"), "P1/P1", waveform={"kind": "breath", "swing": 1.0}
    ).inlets["inlet"]
    # α = 3.4: far from it; with a thousandth of the frequency it is one
    fast_share = (
        np.abs(slow.waves[0] / slow.carried[0] - slow.unit).max() / np.abs(slow.unit).max()
    )
    assert fast_share > 0.1
    very_slow = Flow(
        spread(tube("10 mm", "1.5 mm")),
        flow_settings(
            {
                "inlet": {
                    "kind": "flow_rate",
                    "mean": "300 mL/min",
                    "shape": "womersley",
                    "waveform": {"kind": "breath", "swing": 1.0},
                },
                "outlet": {"kind": "pressure", "pressure": "0 Pa"},
            },
            period="4000 s",
            scheme={"dt": "1 s"},
        ),
    ).inlets["inlet"]
    share = very_slow.waves[0] / very_slow.carried[0] - very_slow.unit
    assert np.abs(share).max() < 0.005 * np.abs(very_slow.unit).max()
