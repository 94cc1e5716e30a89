"""The flow that a computation starts from: the steady flow of the first instant."""

import numpy as np

from core.errors import Diverged
from solvers.flow import Flow
from solvers.schemes.coupled import Coupled
from solvers.schemes.projection import Projection
from solvers.schemes.stokes import Stokes

CLOSE = 2e-2
"""Relative change of velocity at which a starting flow is good enough."""
STRIDE, MOST = 10.0, 40
"""Time step on the way to a starting flow, in steps of the computation, and most such steps."""


def begin(flow: Flow) -> None:
    """Put ``flow`` into the steady state of its conditions at t = 0, where nothing was computed
    yet and the case does not start from rest.

    Quadratic velocities: `Coupled`, or Stokes flow where that finds no steady state. Linear ones:
    the scheme itself with large time steps; blood at rest where they blow up. Collective.
    """
    scheme = flow.scheme
    if flow.settings.start == "rest" or scheme.steps > 0:
        return
    if flow.V.degree == 1:
        _march(flow, scheme)
        return
    velocity, pressure = flow.imposed(0.0)
    kinds = (
        (Stokes,)
        if isinstance(scheme, Stokes) and not isinstance(scheme, Coupled)
        else (
            Coupled,
            Stokes,
        )
    )
    for kind in kinds:
        steady = scheme if type(scheme) is kind else flow.solved_by(kind)
        try:
            steady.steady(velocity, pressure, goal=CLOSE, patient=False)
        except Diverged:
            continue
        scheme.u, scheme.u_old, scheme.p = steady.u, steady.u.copy(), steady.p
        return


def _march(flow: Flow, scheme: Projection) -> None:
    """Large time steps under the conditions of t = 0 until they change little. Collective."""
    loads = scheme.coupling.memory() if scheme.coupling is not None else None
    dt = scheme.dt
    scheme.dt = STRIDE * dt
    try:
        for _ in range(MOST):
            scheme.time = 0.0
            scheme.step(*flow.imposed(0.0))
            if _change(flow) <= CLOSE:
                break
    except Diverged:
        scheme.u[:], scheme.p[:] = 0.0, 0.0
    scheme.dt, scheme.time, scheme.steps = dt, 0.0, 0
    scheme.u_old = scheme.u.copy()
    scheme.forget()
    scheme.set_drag(scheme.drag)
    if scheme.coupling is not None and loads is not None:
        scheme.coupling.restore(loads)


def _change(flow: Flow) -> float:
    """‖u − u_old‖ / ‖u‖ over the owned dofs. Collective."""
    owned, scheme = flow.V.owned, flow.scheme
    now, old = scheme.u[:owned], scheme.u_old[:owned]
    sums = np.array([((now - old) ** 2).sum(), (now**2).sum()])
    apart, size = flow.geometry.comm.allreduce(sums)
    return float(np.sqrt(apart / size)) if size > 0.0 else 0.0
