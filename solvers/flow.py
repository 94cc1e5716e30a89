"""The flow problem of a case: a vessel, its conditions, and the scheme that advances it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError
from meshes.vessel import VesselMesh
from solvers.boundaries import Boundary
from solvers.cells import Geometry, Space
from solvers.facets import ConsistentFlux, Facets, Flux
from solvers.profiles import profile
from solvers.schemes.projection import Projection, StepLog
from solvers.settings import FlowSettings

Array = NDArray[Any]


@dataclass(frozen=True)
class Inlet:
    """An opening with an imposed flow rate: places in the fixed dofs, and velocity for 1 m³/s
    in.
    """

    places: Array
    unit: Array
    condition: Boundary


@dataclass(frozen=True)
class Outlet:
    """An opening with an imposed pressure: places in the fixed points."""

    places: Array
    condition: Boundary


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
        wall = self.V.dofs_on(vessel.facets(*vessel.walls))
        self._impose(wall)
        self.scheme = Projection(
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

    def _impose(self, wall: Array) -> None:
        """Find the dofs with imposed values, and each inlet's velocity for a unit flow rate."""
        shapes, pressures = {}, {}
        for name, condition in self.settings.boundary.items():
            facets = self.patches[name]
            if condition.profile is None:
                pressures[name] = self.Q.dofs_on(facets.numbers)
                continue
            dofs, values = profile(self.V, facets, name, condition.profile)
            keep = ~np.isin(dofs, wall)
            shapes[name] = (dofs[keep], self._unit(name, dofs[keep], values[keep]))
        self._velocity_dofs = np.unique(
            np.concatenate([wall, *(dofs for dofs, _ in shapes.values())])
        )
        self._pressure_dofs = np.unique(np.concatenate(list(pressures.values())))
        self.inlets = {
            name: Inlet(
                np.searchsorted(self._velocity_dofs, dofs), unit, self.settings.boundary[name]
            )
            for name, (dofs, unit) in shapes.items()
        }
        self.consistent = {
            n: ConsistentFlux(self.Q, self.V, dofs) for n, dofs in pressures.items()
        }
        self.outlets = {
            name: Outlet(np.searchsorted(self._pressure_dofs, dofs), self.settings.boundary[name])
            for name, dofs in pressures.items()
        }

    def _unit(self, name: str, dofs: Array, values: Array) -> Array:
        """Velocity (dofs, 3) into the vessel along the cap's normal with ∫ u·n = −1 exactly."""
        velocity = -values[:, None] * self.vessel.openings[name].normal
        u = np.zeros((self.V.local, self.geometry.dim))
        u[dofs] = velocity
        through = -self.fluxes[name](u)
        if not through > 0.0:
            raise CaseError(
                f"opening {name!r} has no point off its rim, so no blood can enter there",
                where=f"flow.boundary.{name}",
                do="refine the mesh at this opening",
            )
        return velocity / through

    def imposed(self, time: float) -> tuple[Array, Array]:
        """Imposed velocities (fixed dofs, 3) and pressures (fixed points) at ``time``."""
        period = self.settings.period
        velocity = np.zeros((len(self._velocity_dofs), self.geometry.dim))
        pressure = np.zeros(len(self._pressure_dofs))
        for inlet in self.inlets.values():
            velocity[inlet.places] = inlet.condition.inflow(time, period) * inlet.unit
        for outlet in self.outlets.values():
            pressure[outlet.places] = outlet.condition.pressure_at(time, period)
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
            name: self.consistent[name](s.u, s.w_correction)
            if name in self.consistent
            else self.fluxes[name](s.u)
            for name in self.patches
        }

    def pressures(self, p: Array | None = None) -> Mapping[str, float]:
        """Area-mean pressure [Pa] of each opening, now or of given point values. Collective."""
        means = {}
        p = self.scheme.p if p is None else p
        for name, facets in self.patches.items():
            dofs = self.Q.dofs[facets.cells]
            value = np.einsum("fn,fn->f", facets.moments(self.Q), p[dofs])
            means[name] = facets.sum(value) / facets.sum(facets.area)
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
            do=f'add [flow.boundary.{name}] with kind = "flow_rate" or "pressure"',
        )


def imbalance(rates: Mapping[str, float]) -> float:
    """|Σ Q| over the throughput ½ Σ |Q|: 0 where mass balances."""
    through = 0.5 * sum(abs(q) for q in rates.values())
    return abs(sum(rates.values())) / through if through > 0.0 else 0.0
