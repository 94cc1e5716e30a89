"""The network of imaged veins with what lies around them.

    legs → veins (friction, widenings, inertia) → vena cava → right atrium
             └────────── collaterals ──────────┘

Pools carry total pressure p + α ρ U²/2; a catheter feels p. α = 2 for a parabolic profile.
At rest a leg is its arterial inflow and the atrium a held pressure: `settle` finds that state for
all members of an ensemble at once, by the laws of `solvers.network`. In motion that network is
stepped: a leg has pools, valves and the calf pump (`boundaries.leg`), the atrium breathes
(`boundaries.heart`), and gravity acts when standing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.boundaries.heart import Heart
from solvers.boundaries.leg import Leg
from solvers.network import Branch, Network, Pool
from solvers.surrogate.anatomy import (
    HEART,
    Anatomy,
    Line,
    Number,
    friction,
    inertia,
    lumen,
    widenings,
)
from solvers.waveforms.pump import Pump

Array = NDArray[Any]
DENSITY = 1060.0
KINETIC = 2.0
SEEN = 0.05
"""Reversed flow that a duplex shows, over the inflow at rest: assumed."""
MOST, CLOSE = 60, 1e-10
"""Newton steps, and the last of them relative to the largest flow."""
PRESSURE, FLOW = 1e2, 1e-6


@dataclass(frozen=True)
class Condition:
    """The unknowns of the veins on one day; SI, numbers or (N,) for N members.

    ``inflow`` by leaf; ``collateral`` resistance around the narrow vein [Pa s/m³]; ``loss`` K of
    widenings; ``closed`` share of the lumen taken by thrombus; ``correction`` the factor on the
    veins' resistance that 3D runs taught; ``profile`` highest over mean velocity, times ``jet`` at
    the narrow site.
    """

    inflow: Mapping[str, Number]
    viscosity: Number = 3.5e-3
    calibre: Number = 1.0
    narrowing: Number = 1.0
    loss: Number = 1.5
    collateral: Number = 1e15
    central: Number = 667.0
    closed: Number = 0.0
    correction: Number = 1.0
    profile: Number = 1.6
    jet: Number = 1.0

    def member(self, i: int) -> "Condition":
        """The condition of one member."""
        inflow = {leaf: _one(flow, i) for leaf, flow in self.inflow.items()}
        names = [field.name for field in fields(self) if field.name != "inflow"]
        return replace(self, inflow=inflow, **{n: _one(getattr(self, n), i) for n in names})


def _one(value: Number, i: int) -> float:
    return float(np.asarray(value)[i]) if np.ndim(value) else float(value)


@dataclass(frozen=True)
class Flowing:
    """Flows in the veins of settled networks, and total pressures where they begin; NaN for a
    member that has no steady state.
    """

    anatomy: Anatomy
    condition: Condition
    lines: dict[str, Line]
    pressures: dict[str, Array]
    flows: dict[str, Array]

    def flow(self, site: str) -> Array:
        """Flow rate at a site [m³/s], towards the heart."""
        return self.flows[self.anatomy.sites[site].vein]

    def area(self, site: str) -> Array:
        """Open lumen area [m²]."""
        place = self.anatomy.sites[site]
        return self.lines[place.vein].at(place.arc)

    def velocity(self, site: str) -> Array:
        """Highest velocity across the lumen [m/s]."""
        shape = self.condition.profile
        if site == self.anatomy.narrow:
            shape = shape * self.condition.jet
        return shape * self.flow(site) / self.area(site)

    def pressure(self, site: str) -> Array:
        """Static pressure [Pa]."""
        place, flow = self.anatomy.sites[site], self.flow(site)
        line = self.lines[place.vein]
        linear, square = _losses(line.between(line.arc[0], place.arc), self.condition)
        total = self.pressures[place.vein] - (linear + square * np.abs(flow)) * flow
        return np.asarray(total - 0.5 * KINETIC * DENSITY * (flow / self.area(site)) ** 2)

    def collateral_share(self) -> Array:
        """Share of the limb's inflow that takes the collaterals."""
        vein = narrow_leaf(self.anatomy)
        return np.asarray(1.0 - self.flows[vein] / self.condition.inflow[vein])


def narrow_leaf(anatomy: Anatomy) -> str:
    """The leaf whose blood passes the narrow site (the first by name of several)."""
    place = anatomy.sites.get(anatomy.narrow)
    for leaf in anatomy.leaves:
        here = leaf
        while here:
            if place is None or here == place.vein:
                return leaf
            here = anatomy.lines[here].into
    return anatomy.leaves[0]


def settle(anatomy: Anatomy, condition: Condition) -> Flowing:
    """The steady states."""
    lines = open_lines(anatomy, condition)
    names, branches = (*lines, HEART), _veins(anatomy, condition, lines)
    pressures, flows = _steady(names, branches, condition)
    return Flowing(
        anatomy,
        condition,
        lines,
        dict(zip(names, pressures, strict=True)),
        dict(zip(lines, flows, strict=False)),
    )


def _steady(
    names: tuple[str, ...], branches: list[Branch], condition: Condition
) -> tuple[Array, Array]:
    """Pressures (pools, N) and flows (branches, N) by Newton's method for all members at once."""
    n, m = len(names), len(branches)
    ends = [(names.index(branch.start), names.index(branch.end)) for branch in branches]
    resistances = [branch.resistance for branch in branches]
    given = np.broadcast_arrays(condition.central, *condition.inflow.values(), *resistances)
    count = given[0].size
    central, *inflows = (np.ravel(one) for one in given[: 1 + len(condition.inflow)])
    x = np.zeros((n + m, count))
    x[:n] = central
    jacobian = np.zeros((count, n + m, n + m))
    jacobian[:, n - 1, n - 1] = 1.0
    for j, (start, end) in enumerate(ends):
        jacobian[:, start, n + j] -= 1.0
        if end != n - 1:
            jacobian[:, end, n + j] += 1.0
    source = np.zeros((n, count))
    for leaf, flow in zip(condition.inflow, inflows, strict=True):
        source[names.index(leaf)] = flow
    source[n - 1] = -central
    moved: Array = np.full(count, np.inf)
    unknown = np.concatenate([np.full(n, PRESSURE), np.full(m, FLOW)])
    equation = np.concatenate([np.full(n - 1, FLOW), np.full(m + 1, PRESSURE)])
    for _ in range(MOST):
        value = np.empty((n + m, count))
        value[:n] = np.einsum("cij,jc->ic", jacobian[:, :n], x) + source
        for j, (branch, (start, end)) in enumerate(zip(branches, ends, strict=True)):
            law, by_drop, by_flow = branch.law(x[start] - x[end], x[n + j])
            value[n + j] = law
            jacobian[:, n + j, start], jacobian[:, n + j, end] = by_drop, -by_drop
            jacobian[:, n + j, n + j] = by_flow
        # in units of `PRESSURE` and `FLOW` the matrix is well scaled
        scaled = jacobian * unknown / equation[:, None]
        step = np.linalg.solve(scaled, (value.T / equation)[:, :, None])[:, :, 0].T
        step *= unknown[:, None]
        x -= step
        moved = np.abs(step[n:]).max(axis=0) / np.abs(x[n:]).max(axis=0)
        if (moved <= CLOSE).all():
            break
    x[:, ~(moved <= CLOSE)] = np.nan
    return x[:n].reshape(n, *given[0].shape), x[n:].reshape(m, *given[0].shape)


def open_lines(anatomy: Anatomy, condition: Condition) -> dict[str, Line]:
    """The veins with the lumen of the condition."""
    return {
        name: lumen(anatomy, line, condition.calibre, condition.narrowing, condition.closed)
        for name, line in anatomy.lines.items()
    }


def _veins(anatomy: Anatomy, condition: Condition, lines: dict[str, Line]) -> list[Branch]:
    """A branch for each vein in order, then the collaterals."""
    branches = []
    for name, line in lines.items():
        linear, square = _losses(line, condition)
        inertance: Any = DENSITY * inertia(line)
        branches.append(Branch(name, line.into or HEART, linear, inertance, square))
    around: Any = condition.collateral
    branches.append(Branch(narrow_leaf(anatomy), HEART, around))
    return branches


def _losses(piece: Line, condition: Condition) -> tuple[Any, Any]:
    """R and K of ΔP = (R + K |Q|) Q along a stretch."""
    factor = condition.correction
    return (
        factor * condition.viscosity * friction(piece),
        factor * condition.loss * 0.5 * DENSITY * widenings(piece),
    )


@dataclass(frozen=True)
class Squeeze:
    """A cuff test: standing, the calf squeezed once; leaks of the valves as resistance over that
    of their open vein.
    """

    leak: float
    pressure: float = 10666.0
    period: float = 12.0
    steps: int = 120


def reflux_time(anatomy: Anatomy, condition: Condition, test: Squeeze) -> float:
    """Time [s] in which one member's flow in the leg below the narrow vein is reversed after the
    squeeze, by more than `SEEN` of the leg's inflow. Raises `Diverged`.
    """
    network, watched = _standing(anatomy, condition, test)
    network.start(0.0, condition.central)
    network.settle(0.0)
    dt = test.period / test.steps
    flows = []
    for number in range(1, test.steps + 1):
        network.step(number * dt, dt)
        flows.append(network.state.flows[0][watched])
    threshold = SEEN * condition.inflow[narrow_leaf(anatomy)]
    return float(dt * np.sum(np.array(flows) < -threshold))


def _standing(anatomy: Anatomy, condition: Condition, test: Squeeze) -> tuple[Network, int]:
    """The network in motion, standing, and the branch of the leg that is watched."""
    lines = open_lines(anatomy, condition)
    pools = {name: Pool(name) for name in (*lines, HEART)}
    branches = _veins(anatomy, condition, lines)
    leaf = narrow_leaf(anatomy)
    squeeze = Pump(rest=0.0, duty=0.2)
    for name in anatomy.leaves:
        leg = Leg.model_construct(
            arterial=condition.inflow[name],
            posture="standing",
            rhythm=squeeze,
            squeeze=test.pressure if name == leaf else 0.0,
            valves="leaking",
        ).network()
        network = leg.model_copy(update={"valve_leak": test.leak}).build(test.period)
        _join(pools, branches, network, f"{name}.leg", {"opening": name})
    heart = Heart.model_construct(pressure=condition.central, posture="standing").network()
    _join(pools, branches, heart.build(test.period), "above", {"opening": HEART})
    network = Network(list(pools.values()), branches)
    watched = [
        i for i, b in enumerate(branches) if b.end == leaf and b.start.startswith(f"{leaf}.leg")
    ]
    return network, watched[0]


def _join(
    pools: dict[str, Pool],
    branches: list[Branch],
    other: Network,
    prefix: str,
    same: dict[str, str],
) -> None:
    """Add ``other`` with its names behind ``prefix``, but for the pools that are the ``same``."""
    names = {p.name: same.get(p.name, f"{prefix}.{p.name}") for p in other.pools}
    for pool in other.pools:
        pools[names[pool.name]] = replace(pool, name=names[pool.name])
    branches += [replace(b, start=names[b.start], end=names[b.end]) for b in other.branches]
