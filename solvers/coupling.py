"""Opening pressures that depend on the flow, solved for together with it, by responses.

The response φ_j of an opening solves the scheme's pressure equation ∇·(m∇φ_j) = 0 with φ_j = 1
on its points and 0 on those of the other openings. Adding Σ ΔP_j φ_j to p̃ keeps mass balanced
at every other point, and changes the flow out of opening i by exactly Σ G_ij ΔP_j, where G_ij is
the consistent flux of −m∇φ_j there. With Q⁰ the flow at the predicted pressures P⁰,

    Q = Q⁰ + G (P − P⁰),   r_i(P_i, Q_i) = 0   (the loads' equations)

is a small dense system; Newton's method solves it (in one step where the loads are linear). No
solve of the flow is repeated, and no product of resistance and time step is too large.

φ and G are found anew only when the pressure operator changes: with the order of the scheme and
with the drag of a clot. The scheme calls `renew` then, and `couple` once a step, after its
pressure solve.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from solvers.algebra.newton import newton
from solvers.boundaries import Load, Step
from solvers.elements.facets import ConsistentFlux

if TYPE_CHECKING:
    from solvers.schemes.projection import Projection

Array = NDArray[Any]


@dataclass(frozen=True)
class LoadedOpening:
    """An opening with a load: its places in the scheme's fixed points, and its outflow."""

    places: Array
    flux: ConsistentFlux
    load: Load


class Responses:
    """The openings of a flow that have loads; ``pressures`` [Pa] are those of the last step.

    ``inflow`` gives the sum of the imposed flow rates into the vessel [m³/s] at a time.
    """

    def __init__(
        self,
        scheme: "Projection",
        openings: Mapping[str, LoadedOpening],
        period: float,
        inflow: Callable[[float], float],
    ) -> None:
        self.scheme, self.openings, self.period, self.inflow = scheme, openings, period, inflow
        self.pressures: Array = np.zeros(len(openings))
        self._responses: list[Array] | None = None

    def renew(self) -> None:
        """The pressure operator changed: φ and G are found at the next step."""
        self._responses = None

    def impose(self, pressure: Array) -> None:
        """Write the predicted pressures into those of the fixed points."""
        for opening, value in zip(self.openings.values(), self.pressures, strict=True):
            pressure[opening.places] = value

    def couple(self, u: Array) -> Array:
        """What to add to p̃ (points), from nodal u and the scheme's correction at the pressures
        that were imposed. Raises `Diverged`. Collective.
        """
        if self._responses is None:
            self._find()
        assert self._responses is not None
        scheme = self.scheme
        time = scheme.time + scheme.dt
        step = Step(time, scheme.dt, self.period, self.inflow(time))
        fluxes = [opening.flux for opening in self.openings.values()]
        flows = np.array([flux(u, scheme.correction_in(flux.cells)) for flux in fluxes])
        before = self.pressures
        self.pressures = self._solve(before, flows, step)
        added = self.pressures - before
        flows += self.conductance @ added
        for opening, p, q in zip(self.openings.values(), self.pressures, flows, strict=True):
            opening.load.accept(float(p), float(q), step)
        return np.asarray(sum(p * phi for p, phi in zip(added, self._responses, strict=True)))

    def _find(self) -> None:
        """φ, and ``conductance`` G [m³/(s Pa)]. Collective."""
        scheme, columns, self._responses = self.scheme, [], []
        still = np.zeros_like(scheme.u)
        for opening in self.openings.values():
            fixed = np.zeros(len(scheme.fixed_p))
            fixed[opening.places] = 1.0
            phi, flux = scheme.response(fixed)
            self._responses.append(phi)
            others = [other.flux for other in self.openings.values()]
            columns.append([other(still, flux[:, other.cells]) for other in others])
        self.conductance = np.array(columns).T

    def _solve(self, before: Array, flows: Array, step: Step) -> Array:
        """The pressures that satisfy all loads, from those before and their flows."""
        loads = [opening.load for opening in self.openings.values()]

        def residual(pressures: Array) -> tuple[Array, Array]:
            """The loads' residuals, and their Jacobian by the pressures."""
            through = flows + self.conductance @ (pressures - before)
            terms = [
                load.equation(float(p), float(q), step)
                for load, p, q in zip(loads, pressures, through, strict=True)
            ]
            value, by_pressure, by_flow = np.array(terms).T
            jacobian = np.diag(by_pressure) + by_flow[:, None] * self.conductance
            return value, jacobian

        return newton(residual, before, f"t = {step.time:.6g} s, pressures behind the openings")

    def memory(self) -> dict[str, list[Any]]:
        """Pressure and load of each opening, for a checkpoint."""
        pairs = zip(self.openings.items(), self.pressures, strict=True)
        return {name: [float(p), *opening.load.memory()] for (name, opening), p in pairs}

    def restore(self, memory: Mapping[str, list[Any]]) -> None:
        """Take back what `memory` gave."""
        self.pressures = np.array([memory[name][0] for name in self.openings])
        for name, opening in self.openings.items():
            opening.load.restore(memory[name][1:])
