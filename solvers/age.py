"""What follows from the cycle mean: where blood enters and leaves, how old it is in between."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.diagnostics.averages import Averages
from solvers.elements.facets import Facets
from solvers.flow import Flow
from solvers.transport import SteadyTransport

Array = NDArray[Any]


def entrances(problem: Flow, averages: Averages) -> tuple[str, ...]:
    """Openings through which blood enters in the cycle mean. Collective."""
    mean = averages.velocity
    return tuple(name for name, flux in problem.fluxes.items() if flux(mean) < 0.0)


def transport(
    problem: Flow, averages: Averages, *, diffusivity: float, decay: float
) -> SteadyTransport:
    """Steady transport by the cycle-mean flow of what enters with concentration 0. Collective."""
    inward = entrances(problem, averages)
    outward = [name for name in problem.patches if name not in inward]
    none = [np.zeros(0, dtype=np.int32)]
    dofs = [problem.Q.dofs_on(problem.patches[name].numbers) for name in inward]
    facets = [problem.patches[name].numbers for name in outward]
    return SteadyTransport(
        problem.Q,
        averages.carrier,
        diffusivity=diffusivity,
        decay=decay,
        inlets=np.concatenate(dofs + none),
        openings=Facets(problem.geometry, np.concatenate(facets + none)),
    )


def blood_age(problem: Flow, averages: Averages) -> Array:
    """Mean age of blood [s] at the points in the cycle-mean flow. Collective."""
    operator = transport(problem, averages, diffusivity=problem.settings.diffusivity, decay=0.0)
    return operator.solve(np.ones(problem.geometry.count))


def to_points(problem: Flow, cells: Array) -> Array:
    """Volume-weighted means at the points of one value a cell. Collective."""
    scheme = problem.scheme
    return np.asarray(problem.Q.sum(scheme.sweeps.spread(cells)) / scheme.lumped)
