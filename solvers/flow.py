"""The flow problem of a case: a vessel, its conditions, and the scheme that advances it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError
from meshes.vessel import VesselMesh
from solvers.boundaries import Boundary, Profile, kinds
from solvers.coupling import LoadedOpening, Responses
from solvers.elements.cells import Geometry, Space
from solvers.elements.facets import ConsistentFlux, Facets, Flux
from solvers.obstacles import resistance
from solvers.profiles import profile
from solvers.schemes import StepLog
from solvers.schemes.coupled import Coupled
from solvers.schemes.projection import Projection
from solvers.schemes.stokes import Stokes
from solvers.settings import FlowSettings

Array = NDArray[Any]
SCHEMES: dict[str, Any] = {"projection": Projection, "coupled": Coupled, "stokes": Stokes}
LEAST_SAMPLES = 128
"""Times of a cycle at which a flow rate is split into harmonics, at least."""
MOST_HARMONICS, WEAKEST = 40, 1e-5
"""Harmonics that get a profile of their own: so many, and those of this share of the strongest
at least; the rest of the flow rate has the mean's profile.
"""


@dataclass(frozen=True)
class Inlet:
    """An opening with an imposed flow rate: places in the fixed dofs, and velocity for 1 m³/s
    in (n, 3); for the Womersley profile also its harmonics, ``waves`` (k, n, 3) [m/s] at the
    angular frequencies ``omegas`` (k), which carry the flow rates ``carried`` (k) [m³/s].
    """

    places: Array
    unit: Array
    condition: Boundary
    omegas: Array
    carried: Array
    waves: Array

    def velocity(self, time: float, period: float) -> Array:
        """The velocity (n, 3): ∫ u·n is the flow rate at ``time``, whatever the harmonics hold."""
        turn = np.exp(1j * self.omegas * time)
        rest = self.condition.inflow(time, period) - float((turn @ self.carried).real)
        return np.asarray(rest * self.unit + np.tensordot(turn, self.waves, 1).real)


class Flow:
    """Blood flow in a vessel under the conditions of a case; ``step`` advances one time step."""

    def __init__(self, vessel: VesselMesh, settings: FlowSettings) -> None:
        self.vessel, self.settings = vessel, settings
        check_boundaries(vessel, settings)
        self.geometry = Geometry(vessel.mesh)
        self.V = Space(self.geometry, settings.scheme.degree)
        self.Q = Space(self.geometry, 1) if settings.scheme.degree > 1 else self.V
        self.patches = {
            n: Facets(self.geometry, vessel.facets(p.tag)) for n, p in vessel.openings.items()
        }
        self.fluxes = {name: Flux(facets, self.V) for name, facets in self.patches.items()}
        self._moments = {name: facets.moments(self.Q) for name, facets in self.patches.items()}
        wall = self.V.dofs_on(vessel.facets(*vessel.walls))
        self._impose(wall)
        self.obstructed = resistance(
            settings.obstacle, vessel.sections, self.Q.coordinates[self.Q.dofs].mean(axis=1)
        )
        self.scheme: Any = self.solved_by(SCHEMES[settings.scheme.kind])
        self.scheme.coupling = self._loads()

    def solved_by[S: (Projection, Coupled, Stokes)](self, scheme: type[S]) -> S:
        """A scheme for this flow, at rest."""
        settings = self.settings
        made = scheme(
            self.geometry,
            degree=settings.scheme.degree,
            density=settings.density,
            rheology=settings.rheology,
            dt=settings.dt,
            velocity_dofs=self._velocity_dofs,
            pressure_dofs=self._pressure_dofs,
            open_facets=np.concatenate([self.patches[n].numbers for n in self.outlets]),
            backflow=settings.scheme.backflow,
            tolerances=settings.scheme.tolerances,
            velocity_space=self.V,
            pressure_space=self.Q,
        )
        if settings.obstacle:
            made.set_drag(made.clot_viscosity * self.obstructed)
        return made

    def _impose(self, wall: Array) -> None:
        """Find the dofs with imposed values, and each inlet's velocity for a unit flow rate."""
        shapes, pressures = {}, {}
        for name, condition in self.settings.boundary.items():
            if condition.profile is None:
                pressures[name] = self.Q.dofs_on(self.patches[name].numbers)
            else:
                shapes[name] = self._shape(name, condition, condition.profile, wall)
        self._velocity_dofs = np.unique(
            np.concatenate([wall, *(dofs for dofs, *_ in shapes.values())])
        )
        self._pressure_dofs = np.unique(np.concatenate(list(pressures.values())))
        self.inlets = {
            name: Inlet(
                np.searchsorted(self._velocity_dofs, dofs),
                unit,
                self.settings.boundary[name],
                *waves,
            )
            for name, (dofs, unit, waves) in shapes.items()
        }
        self.consistent = {
            n: ConsistentFlux(self.Q, self.V, dofs) for n, dofs in pressures.items()
        }
        self.outlets = {
            name: np.searchsorted(self._pressure_dofs, dofs) for name, dofs in pressures.items()
        }

    def _shape(
        self, name: str, condition: Boundary, shape: Profile, wall: Array
    ) -> tuple[Array, Array, tuple[Array, Array, Array]]:
        """An inlet's dofs off the wall, its velocity for 1 m³/s, and its harmonics."""
        rates = self._inflow_samples(condition) if shape == "womersley" else np.zeros(2)
        omegas, carried = harmonics(rates, self.settings.period)
        viscosity = self._viscosity_at(name, float(np.abs(rates).mean()))
        slowness = omegas * self.settings.density / viscosity
        dofs, values = profile(self.V, self.patches[name], name, shape, slowness)
        keep = ~np.isin(dofs, wall)
        dofs, values = dofs[keep], values[:, keep]
        unit, *waves = [self._unit(name, dofs, row) for row in values]
        amplitudes = np.array(waves).reshape(len(waves), *unit.shape) * carried[:, None, None]
        return dofs, unit.real, (omegas, carried, amplitudes)

    def _inflow_samples(self, condition: Boundary) -> Array:
        """The imposed flow rate [m³/s] at evenly spaced times of a cycle."""
        period, count = self.settings.period, max(LEAST_SAMPLES, self.settings.steps_per_cycle)
        return np.array([condition.inflow(period * k / count, period) for k in range(count)])

    def _viscosity_at(self, name: str, flow: float) -> float:
        """Viscosity [Pa s] at the wall shear rate 4Q/(πR³) of a round cap of the same area."""
        radius = np.sqrt(self.vessel.openings[name].area / np.pi)
        rate = np.full(1, 4.0 * flow / (np.pi * radius**3))
        return float(self.settings.rheology.viscosity(rate)[0])

    def _unit(self, name: str, dofs: Array, values: Array) -> Array:
        """Complex velocity (n, 3) into the vessel along the cap's normal with ∫ u·n = −1 exactly,
        and no imaginary part of that.
        """
        velocity = -values[:, None] * self.vessel.openings[name].normal
        through = []
        for part in (velocity.real, velocity.imag):
            u = np.zeros((self.V.local, self.geometry.dim))
            u[dofs] = part
            through.append(-self.fluxes[name](u))
        if not abs(complex(*through)) > 0.0:
            raise CaseError(
                f"opening {name!r} has no point off its rim, so no blood can enter there",
                where=f"flow.boundary.{name}",
                do="refine the mesh at this opening",
            )
        return np.asarray(velocity / complex(*through))

    def _loads(self) -> Responses | None:
        """The openings whose pressure depends on the flow, coupled to the scheme."""
        loads = {name: self.settings.boundary[name].load() for name in self.outlets}
        openings = {
            name: LoadedOpening(self.outlets[name], self.consistent[name], load)
            for name, load in loads.items()
            if load is not None
        }
        if not openings:
            return None
        if not isinstance(self.scheme, Projection):
            raise CaseError(
                "this scheme takes flow rates and pressures, not openings whose pressure depends "
                f"on the flow: {', '.join(openings)}",
                where="flow.scheme.kind",
                do='use kind = "projection", or kind = "pressure" for these openings',
            )
        return Responses(self.scheme, openings, self.settings.period, self.inflow)

    def inflow(self, time: float) -> float:
        """Sum of the imposed flow rates into the vessel [m³/s]."""
        period = self.settings.period
        return sum(inlet.condition.inflow(time, period) for inlet in self.inlets.values())

    def imposed(self, time: float) -> tuple[Array, Array]:
        """Imposed velocities (fixed dofs, 3) and pressures (fixed points) at ``time``; those of
        openings with a load as they were last, which the scheme's coupling then corrects.
        """
        period = self.settings.period
        velocity = np.zeros((len(self._velocity_dofs), self.geometry.dim))
        pressure = np.zeros(len(self._pressure_dofs))
        for inlet in self.inlets.values():
            velocity[inlet.places] = inlet.velocity(time, period)
        coupling = self.scheme.coupling
        if coupling is not None:
            coupling.impose(pressure)
        for name, places in self.outlets.items():
            if coupling is None or name not in coupling.openings:
                pressure[places] = self.settings.boundary[name].pressure_at(time, period)
        return velocity, pressure

    def step(self) -> StepLog:
        """Advance one time step. Raises `Diverged`. Collective."""
        return self.scheme.step(*self.imposed(self.scheme.time + self.scheme.dt))

    def nodal_flow_rates(self) -> Mapping[str, float]:
        """∫ u·n [m³/s] of each opening, positive outwards: what the velocity at nodes says.
        Collective.
        """
        return {name: flux(self.scheme.u) for name, flux in self.fluxes.items()}

    def flow_rates(self) -> Mapping[str, float]:
        """Flow rates [m³/s] of the openings, positive outwards, of the conservative velocity.
        Collective.

        Exactly as imposed at inlets; the consistent flux where a pressure is imposed.
        """
        s = self.scheme
        return {
            name: self.consistent[name](s.u, s.correction_in(self.consistent[name].cells))
            if name in self.consistent
            else self.fluxes[name](s.u)
            for name in self.patches
        }

    def pressures(self, p: Array | None = None) -> Mapping[str, float]:
        """Area-mean pressure [Pa] of each opening, now or of given point values. Collective."""
        means = {}
        p = self.scheme.p if p is None else p
        for name, facets in self.patches.items():
            value = self._moments[name] * p[self.Q.dofs[facets.cells]]
            means[name] = facets.sum(value) / self.vessel.openings[name].area
        return means


def check_boundaries(vessel: VesselMesh, settings: FlowSettings) -> None:
    """Every opening has a condition and every condition an opening, or a `CaseError`."""
    there, said = set(vessel.openings), set(settings.boundary)
    for name in sorted(said - there):
        raise CaseError(
            f"the mesh has no opening {name!r}",
            where=f"flow.boundary.{name}",
            do=f"openings of the mesh: {', '.join(sorted(there))}",
        )
    for name in sorted(there - said):
        raise CaseError(
            f"the opening {name!r} of the mesh has no condition",
            where="flow.boundary",
            do=f"add [flow.boundary.{name}] with a kind out of {kinds()}",
        )


def imbalance(rates: Mapping[str, float]) -> float:
    """|Σ Q| over the throughput ½ Σ |Q|: 0 where mass balances."""
    through = 0.5 * sum(abs(q) for q in rates.values())
    return abs(sum(rates.values())) / through if through > 0.0 else 0.0


def harmonics(values: Array, period: float) -> tuple[Array, Array]:
    """Angular frequencies [1/s] and complex amplitudes a of the strong harmonics Re(a e^{iωt}) of
    evenly spaced samples of one period.
    """
    amplitudes = 2.0 * np.fft.rfft(values)[1 : MOST_HARMONICS + 1] / len(values)
    strong = np.abs(amplitudes) > WEAKEST * np.abs(values).max()
    return 2.0 * np.pi * (np.flatnonzero(strong) + 1) / period, amplitudes[strong]
