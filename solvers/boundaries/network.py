"""A network of veins behind an opening."""

from math import pi
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from core.settings import Settings, quantity
from solvers import network as lumped
from solvers.boundaries import Boundary, Load, Step
from solvers.waveforms import Waveform, shapes
from solvers.waveforms.constant import Constant

GRAVITY = 9.80665
PEAK_SAMPLES = 512
"""Times of a cycle at which the peak of a rhythm is looked for."""


class VeinPool(Settings):
    """Blood at one pressure: V = V_max (1/2 + atan(2 (p − p_half)/w)/π), p across its wall.

    ``squeeze`` presses on it from outside, at most so much, in the shape of ``rhythm``. A pool
    with a ``held`` pressure (the right atrium) has p = held · rhythm instead of a volume.
    """

    volume: float | None = quantity(
        "m^3",
        None,
        "blood that it holds when full; none unless given",
        optional=True,
        above="0 m^3",
        source="the case",
    )
    half: float = quantity(
        "Pa",
        "8 mmHg",
        "pressure across the wall at half the volume",
        source="assumed: half full at the supine pressure of leg veins, 5 to 15 mmHg",
    )
    width: float = quantity(
        "Pa",
        "10 mmHg",
        "rise of pressure from a quarter to three quarters of the volume",
        above="0 Pa",
        source="assumed: nearly full when standing, at 80 to 100 mmHg",
    )
    height: float = quantity(
        "m", "0 m", "height above the opening when standing", source="the case"
    )
    inflow: float = quantity(
        "m^3/s", "0 m^3/s", "blood from the arteries", at_least="0 m^3/s", source="the case"
    )
    squeeze: float = quantity(
        "Pa",
        "0 Pa",
        "highest pressure of muscles or bandage from outside",
        at_least="0 Pa",
        source="calf compartments reach 200 to 300 mmHg",
    )
    held: float | None = quantity(
        "Pa",
        None,
        "cycle-mean pressure that is kept",
        optional=True,
        source="right atrium: 0 to 8 mmHg",
    )
    rhythm: Annotated[Waveform, *shapes.field()] = Constant()

    def build(self, name: str, weight: float, period: float) -> lumped.Pool:
        """The pool, ``weight`` = ρ g per metre of height."""
        if self.held is not None:
            mean, level = self.held, weight * self.height
            return lumped.Pool(name, held=lambda t: mean * self.rhythm.at(t, period) + level)
        wall = lumped.Vein(self.volume, self.half, self.width) if self.volume else None
        times = np.arange(PEAK_SAMPLES) * period / PEAK_SAMPLES
        peak = max(self.rhythm.at(float(t), period) for t in times)
        return lumped.Pool(
            name,
            wall,
            weight * self.height,
            lambda t: self.squeeze * self.rhythm.at(t, period) / peak,
            lambda _: self.inflow,
        )


class VeinSegment(Settings):
    """A vein between two pools: R = 8μL/(πr⁴), inertance ρL/(πr²); a ``valve`` lets blood pass
    from ``start`` to ``end`` only.
    """

    start: str
    end: str
    length: float = quantity("m", None, "length", above="0 m", source="the case")
    radius: float = quantity(
        "m", None, "radius of a round vein of its calibre", above="0 m", source="the case"
    )
    valve: bool = False


class VeinNetwork(Boundary):
    """Pools joined by veins; the pool ``opening`` meets the vessel. `solvers.network` solves it.

    Pressures are those at the height of the opening: when standing, a pool at height z feels
    ρ g z less across its wall. Veins keep their calibre when they collapse.
    """

    kind: Literal["network"] = "network"
    opening: str
    pools: dict[str, VeinPool]
    veins: tuple[VeinSegment, ...] = Field(min_length=1)
    posture: Literal["supine", "standing"] = "supine"
    initial: float = quantity(
        "Pa",
        "8 mmHg",
        "pressure of all pools at the start",
        source="supine leg veins, 5 to 15 mmHg",
    )
    density: float = quantity("kg/m^3", "1060 kg/m^3", "density of blood", above="0 kg/m^3")
    viscosity: float = quantity(
        "Pa s",
        "3.5 mPa s",
        "viscosity of blood in these veins",
        above="0 Pa s",
        source="whole blood above 100 1/s",
    )
    valve_opening: float = quantity(
        "Pa", "0.2 mmHg", "pressure drop at which valves open", above="0 Pa", source="assumed"
    )
    valve_leak: float = quantity(
        "1",
        1e5,
        "resistance of a closed valve over that of its open vein",
        at_least=10,
        source="assumed: competent; a few hundred lets blood flow back",
    )

    @model_validator(mode="after")
    def _hangs_together(self) -> Self:
        known = ", ".join(self.pools) or "none"
        if self.opening not in self.pools:
            raise ValueError(f"opening: there is no pool {self.opening!r}; pools: {known}")
        if self.pools[self.opening].held is not None:
            raise ValueError(
                f"opening: the pressure of {self.opening!r} is held; add a vein to it"
            )
        for vein in self.veins:
            for end in (vein.start, vein.end):
                if end not in self.pools:
                    raise ValueError(f"veins: there is no pool {end!r}; pools: {known}")
            if vein.start == vein.end:
                raise ValueError(f"veins: {vein.start!r} is joined to itself")
        reached, more = set[str](), {self.opening}
        while more:
            reached |= more
            ends = [{v.start, v.end} for v in self.veins]
            more = {end for pair in ends if pair & reached for end in pair} - reached
        if lost := sorted(set(self.pools) - reached):
            raise ValueError(f"pools: no vein leads from {lost[0]!r} to the opening")
        for name, pool in self.pools.items():
            if pool.held is not None and (pool.volume or pool.inflow or pool.squeeze):
                raise ValueError(
                    f"pools.{name}: its pressure is held, so nothing else can be given"
                )
        return self

    def waveforms(self) -> tuple[Waveform, ...]:
        """The pools' rhythms."""
        return tuple(pool.rhythm for pool in self.pools.values())

    def load(self) -> Load:
        """The network at rest."""
        return NetworkLoad(self)

    def build(self, period: float) -> lumped.Network:
        """The network in SI."""
        weight = self.density * GRAVITY if self.posture == "standing" else 0.0
        pools = [pool.build(name, weight, period) for name, pool in self.pools.items()]
        branches = []
        for number, vein in enumerate(self.veins):
            resistance = 8.0 * self.viscosity * vein.length / (pi * vein.radius**4)
            inertance = self.density * vein.length / (pi * vein.radius**2)
            if not vein.valve:
                branches.append(lumped.Branch(vein.start, vein.end, resistance, inertance))
                continue
            before = lumped.Pool(f"before valve {number}")
            valve = lumped.Leaflets(resistance, self.valve_opening, self.valve_leak * resistance)
            pools.append(before)
            branches += [
                lumped.Branch(vein.start, before.name, inertance=inertance),
                lumped.Branch(before.name, vein.end, valve=valve),
            ]
        return lumped.Network(pools, branches, self.opening)


class NetworkLoad(Load):
    """The state of a `VeinNetwork`."""

    def __init__(self, spec: VeinNetwork) -> None:
        self.spec = spec
        self._network: lumped.Network | None = None
        self._memory: list[Any] | None = None

    def network(self, step: Step) -> lumped.Network:
        """The network, begun at the start of the first step it is asked about."""
        if self._network is None:
            self._network = self.spec.build(step.period)
            self._network.start(step.time - step.dt, self.spec.initial)
            if self._memory is not None:
                volumes, flows, pressures, dt = self._memory
                state = lumped.State(np.array(volumes), np.array(flows), np.array(pressures), dt)
                self._network.accept(state)
        return self._network

    def equation(self, pressure: float, flow: float, step: Step) -> tuple[float, float, float]:
        """Q less the flow that enters the network when ``pressure`` is at its port."""
        _, entering, slope = self.network(step).solve(step.time, step.dt, pressure)
        return flow - entering, -slope, 1.0

    def accept(self, pressure: float, flow: float, step: Step) -> None:  # noqa: ARG002
        """Take the step."""
        self.network(step).step(step.time, step.dt, pressure)

    def memory(self) -> list[Any]:
        """Volumes, flows, pressures and the last step; nothing before the first."""
        if self._network is None:
            return []
        state = self._network.state
        return [state.volumes.tolist(), state.flows.tolist(), state.pressures.tolist(), state.dt]

    def restore(self, memory: list[Any]) -> None:
        """Go on from what `memory` gave."""
        self._network, self._memory = None, memory or None
