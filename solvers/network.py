"""A network of lumped vessels (0D): pools that hold blood, branches that carry it.

Pressures are piezometric, p + ρ g z: gravity does not drive flow from pool to pool, but a pool at
the height z feels the pressure p − ρ g z across its wall. The equations of one instant are

    pool i:     dV_i/dt = Σ q_in − Σ q_out + inflow_i(t),  V_i = wall(p_i − ρ g z_i − outside_i(t))
    or, held:   p_i = pressure_i(t)
    branch:     p_a − p_b = (R + K |q|) q + L dq/dt
    valve:      q = valve(p_a − p_b)

They are stepped by BDF2 (the first step, and one of another length, by implicit Euler) in the
volumes, so that blood is conserved to the tolerance of Newton's method whatever the walls' law.
Blood comes and goes at the ``port``, a pool whose pressure is given and whose flow follows: that
has a solution whatever the walls hold. Nothing here knows units.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import atan, pi
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from solvers.algebra.newton import newton

Array = NDArray[Any]
Signal = Callable[[float], float]


class Wall(Protocol):
    """How much a pool holds at a pressure across its wall."""

    def volume(self, pressure: float) -> float:
        """V(p), growing."""

    def compliance(self, pressure: float) -> float:
        """dV/dp."""


@dataclass(frozen=True)
class Elastic:
    """V = C p."""

    constant: float

    def volume(self, pressure: float) -> float:
        """C p."""
        return self.constant * pressure

    def compliance(self, pressure: float) -> float:  # noqa: ARG002
        """C."""
        return self.constant


@dataclass(frozen=True)
class Vein:
    """V = V_max (1/2 + atan(2 x)/π), x = (p − p_half)/w: collapses when squeezed, stiff when full.

    Between a quarter and three quarters of V_max lies one ``width`` w of pressure.
    """

    full: float
    half: float
    width: float

    def volume(self, pressure: float) -> float:
        """V(p), between 0 and V_max."""
        return self.full * (0.5 + atan(2.0 * (pressure - self.half) / self.width) / pi)

    def compliance(self, pressure: float) -> float:
        """dV/dp."""
        x = 2.0 * (pressure - self.half) / self.width
        return 2.0 * self.full / (pi * self.width * (1.0 + x * x))


def nothing(time: float) -> float:  # noqa: ARG001
    """0 at all times."""
    return 0.0


@dataclass(frozen=True)
class Pool:
    """A place with one pressure; ``wall`` None holds no blood of its own.

    ``weight`` is ρ g z, ``outside`` the pressure around it, ``inflow`` what enters from elsewhere.
    ``held`` fixes its pressure instead.
    """

    name: str
    wall: Wall | None = None
    weight: float = 0.0
    outside: Signal = nothing
    inflow: Signal = nothing
    held: Signal | None = None


class Valve(Protocol):
    """What a branch lets through instead of a vessel's law."""

    def flow(self, drop: float) -> tuple[float, float]:
        """Flow at a pressure drop, and its derivative."""


@dataclass(frozen=True)
class Leaflets:
    """q = (s(d − d₀) − s(−d₀))/R + d/R_leak, s(x) = w ln(1 + e^(x/w)), w = d₀/10.

    A valve that opens at the drop d₀ to the resistance R, and when closed leaks through R_leak. It
    grows steadily with d and drives no flow of its own.
    """

    resistance: float
    opening: float
    leak: float

    def flow(self, drop: float) -> tuple[float, float]:
        """q(d) and dq/dd."""
        width = 0.1 * self.opening
        x = (drop - self.opening) / width
        raised = width * float(np.logaddexp(0.0, x) - np.logaddexp(0.0, -10.0))
        share = 0.5 * (1.0 + float(np.tanh(0.5 * x)))
        return (
            raised / self.resistance + drop / self.leak,
            share / self.resistance + 1.0 / self.leak,
        )


@dataclass(frozen=True)
class Branch:
    """A vessel, or a ``valve``, from the pool ``start`` to the pool ``end``."""

    start: str
    end: str
    resistance: float = 0.0
    inertance: float = 0.0
    stenosis: float = 0.0
    valve: Valve | None = None

    def law(self, drop: float, flow: float) -> tuple[float, float, float]:
        """The residual of its law without inertia, and its derivatives by drop and by flow."""
        if self.valve is not None:
            through, slope = self.valve.flow(drop)
            return through - flow, slope, -1.0
        ohmic = self.resistance + self.stenosis * abs(flow)
        slope = self.resistance + 2.0 * self.stenosis * abs(flow)
        return drop - ohmic * flow, 1.0, -slope


@dataclass(frozen=True)
class State:
    """Volumes and branch flows at the end of the last two steps (2, n), the pressures, and the
    length of the last step (0 where there was none).
    """

    volumes: Array
    flows: Array
    pressures: Array
    dt: float = 0.0


class Network:
    """Pools and branches with their state; ``solve`` asks for a step, ``accept`` takes it."""

    def __init__(
        self, pools: Sequence[Pool], branches: Sequence[Branch], port: str | None = None
    ) -> None:
        self.pools, self.branches = tuple(pools), tuple(branches)
        places = {pool.name: i for i, pool in enumerate(pools)}
        self.port = None if port is None else places[port]
        self._ends = [(places[b.start], places[b.end]) for b in branches]
        self._incidence = np.zeros((len(pools), len(branches)))
        for j, (start, end) in enumerate(self._ends):
            self._incidence[start, j] -= 1.0
            self._incidence[end, j] += 1.0
        self.start(0.0, 0.0)

    def start(self, time: float, pressure: float | Array) -> None:
        """Blood at rest at ``pressure`` in all pools (or one for each)."""
        pressures = np.broadcast_to(np.asarray(pressure, dtype=float), len(self.pools)).copy()
        for i, pool in enumerate(self.pools):
            if pool.held is not None:
                pressures[i] = pool.held(time)
        volumes = self._volumes(pressures, time)[0]
        self.state = _at_rest(volumes, np.zeros(len(self.branches)), pressures)

    def settle(self, time: float, pressure: float | None = None) -> None:
        """The steady state at ``time`` with ``pressure`` at the port. Raises `Diverged`."""
        self.state = self._solve(time, np.inf, pressure)[0]

    def solve(
        self, time: float, dt: float, pressure: float | None = None
    ) -> tuple[State, float, float]:
        """The state at ``time``, ``dt`` after the present one, with ``pressure`` at the port; the
        flow Q that enters there, and dQ/dp (0, 0 without a port). Raises `Diverged`.
        """
        return self._solve(time, dt, pressure)

    def accept(self, state: State) -> None:
        """Go on from ``state``."""
        self.state = state

    def step(self, time: float, dt: float, pressure: float | None = None) -> None:
        """`solve` and `accept`."""
        self.accept(self.solve(time, dt, pressure)[0])

    def pressure(self, name: str) -> float:
        """Pressure of a pool."""
        return float(self.state.pressures[[pool.name for pool in self.pools].index(name)])

    def volume(self) -> float:
        """Blood in all pools."""
        return float(self.state.volumes[0].sum())

    # ------------------------------------------------------------------ the equations of a step

    def _volumes(self, pressures: Array, time: float) -> tuple[Array, Array]:
        """Volume and compliance of each pool."""
        found = np.zeros((2, len(self.pools)))
        for i, pool in enumerate(self.pools):
            if pool.wall is not None:
                across = float(pressures[i]) - pool.weight - pool.outside(time)
                found[:, i] = pool.wall.volume(across), pool.wall.compliance(across)
        return found[0], found[1]

    def _after(self, found: Array, time: float, dt: float) -> State:
        n, old = len(self.pools), self.state
        volumes, flows = self._volumes(found[:n], time)[0], found[n:]
        if dt == np.inf:
            return _at_rest(volumes, flows, found[:n])
        return State(
            np.stack([volumes, old.volumes[0]]), np.stack([flows, old.flows[0]]), found[:n], dt
        )

    def _solve(self, time: float, dt: float, pressure: float | None) -> tuple[State, float, float]:
        """`solve`; dt may be infinite."""
        state = self.state
        n, m = self._incidence.shape
        lead, held = 0.0, np.zeros(n + m)
        if dt < np.inf:
            # d/dt ≈ lead·new − held
            second = abs(state.dt - dt) <= 1e-9 * dt
            lead = (1.5 if second else 1.0) / dt
            now, old = (2.0 / dt, -0.5 / dt) if second else (1.0 / dt, 0.0)
            held[:n] = now * state.volumes[0] + old * state.volumes[1]
            held[n:] = now * state.flows[0] + old * state.flows[1]

        def system(x: Array) -> tuple[Array, Array]:
            return self._system(x, time, lead, held)

        def residual(x: Array) -> tuple[Array, Array]:
            value, jacobian = system(x)
            for i, pool in enumerate(self.pools):
                if pool.held is not None or i == self.port:
                    kept = pressure if i == self.port else pool.held(time)  # type: ignore[misc]
                    value[i], jacobian[i], jacobian[i, i] = x[i] - kept, 0.0, 1.0
            return value, jacobian

        start = np.concatenate([state.pressures, state.flows[0]])
        found = newton(residual, start, f"t = {time:.6g}, lumped vessels behind an opening")
        after = self._after(found, time, dt)
        if self.port is None:
            return after, 0.0, 0.0
        unit = np.zeros(n + m)
        unit[self.port] = 1.0
        value, jacobian = system(found)
        by_pressure = np.linalg.solve(residual(found)[1], unit)
        return after, -float(value[self.port]), -float(jacobian[self.port] @ by_pressure)

    def _system(self, x: Array, time: float, lead: float, held: Array) -> tuple[Array, Array]:
        """What enters each pool less what it takes up, and the law of each branch; Jacobian."""
        n, m = self._incidence.shape
        pressures, flows = x[:n], x[n:]
        volumes, compliances = self._volumes(pressures, time)
        value, jacobian = np.zeros(n + m), np.zeros((n + m, n + m))
        value[:n] = self._incidence @ flows - lead * volumes + held[:n]
        value[:n] += [pool.inflow(time) for pool in self.pools]
        jacobian[:n, n:] = self._incidence
        jacobian[range(n), range(n)] = -lead * compliances
        for j, (branch, (a, b)) in enumerate(zip(self.branches, self._ends, strict=True)):
            law, by_drop, by_flow = branch.law(float(pressures[a] - pressures[b]), float(flows[j]))
            value[n + j] = law - branch.inertance * (lead * flows[j] - held[n + j])
            jacobian[n + j, a], jacobian[n + j, b] = by_drop, -by_drop
            jacobian[n + j, n + j] = by_flow - branch.inertance * lead
        return value, jacobian


def _at_rest(volumes: Array, flows: Array, pressures: Array) -> State:
    """A state that has been like this."""
    return State(np.tile(volumes, (2, 1)), np.tile(flows, (2, 1)), pressures)
