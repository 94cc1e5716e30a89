"""Synthetic patients for `bench twin`: richer than the model that is fitted to them.

What the patient has and the twin has not: walls that give, a breathing and beating flow, viscosity
that depends on shear and haematocrit, lumens that are rough and elliptical, a velocity profile of
each site's own, two collaterals that open and saturate, a thrombus that is thick in its middle,
shrinks from its ends and goes in two phases, an inflow that differs from day to day, and an
examiner whose angle is off for a whole visit. People's calibres differ as femoral veins do,
13.6 ± 3.0 mm; errors of measuring are those that visit files assume.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from solvers.network import Branch, Leaflets, Network, Pool, Vein

Array = NDArray[Any]
DENSITY = 1060.0
LENGTHS = {"left": 0.080, "right": 0.075, "cava": 0.045}
INTO = {"left": "cava", "right": "cava", "cava": ""}
LESION, REACH = 0.068, 0.007
CLOT = (0.026, 0.050)
SITES = {
    "peripheral": ("left", 0.006), "reference": ("left", 0.016), "lesion": ("left", LESION),
    "central": ("cava", 0.020), "other": ("right", 0.020),
}  # fmt: skip
PIECES, STEPS, PERIOD = 10, 24, 4.0
STENT = np.pi * 0.007**2
"""Lumen of a 14 mm stent [m²]."""
LEFT_BEHIND = 0.1
"""Share of the lumen that a thrombectomy leaves closed."""


@dataclass(frozen=True)
class Patient:
    """One synthetic patient; SI, times in days.

    ``sites``: vein and arc of each place; ``clot``: where thrombus first lay in the left vein.
    """

    areas: dict[str, Array]
    arcs: dict[str, Array]
    aspect: Array
    haematocrit: float
    inflow: float
    other: float
    central: float
    turbulent: float
    opening: float
    lumbar: float
    pelvic: float
    closed: float
    fast: float
    slow: float
    share: float
    profiles: dict[str, float]
    swing: float
    sites: dict[str, tuple[str, float]]
    clot: tuple[float, float]


def draw(rng: np.random.Generator) -> Patient:
    """A patient at random."""
    arcs = {n: np.linspace(0.0, length, 161) for n, length in LENGTHS.items()}
    base = {"left": 150e-6, "right": 160e-6, "cava": 260e-6}
    body = np.exp(0.3 * rng.standard_normal())
    areas = {}
    for name, arc in arcs.items():
        rough = np.convolve(rng.standard_normal(len(arc) + 20), np.ones(21) / 21, "valid")
        areas[name] = base[name] * body * np.exp(0.12 * rng.standard_normal() + 0.10 * rough)
    narrow = np.exp(rng.uniform(np.log(15e-6), np.log(110e-6)))
    steep = np.where(arcs["left"] < LESION, REACH, 0.6 * REACH)
    dip = np.exp(-0.5 * ((arcs["left"] - LESION) / steep) ** 2)
    areas["left"] = areas["left"] * (narrow / areas["left"][136]) ** dip

    def about(middle: float, spread: float) -> float:
        return float(middle * np.exp(spread * rng.standard_normal()))

    def between(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    return Patient(
        areas=areas,
        arcs=arcs,
        aspect=1.0 + rng.uniform(0.5, 3.0) * dip,
        haematocrit=rng.uniform(0.36, 0.5),
        inflow=about(5.2e-6, 0.35),
        other=about(5.2e-6, 0.3),
        central=667.0 + 200.0 * rng.standard_normal(),
        turbulent=rng.uniform(1.2, 1.8),
        opening=rng.uniform(50.0, 300.0),
        lumbar=between(8e7, 2e9),
        pelvic=between(1e8, 3e9),
        closed=rng.uniform(0.4, 0.86),
        fast=np.log(2.0) / about(14.0, 0.4),
        slow=np.log(2.0) / about(90.0, 0.3),
        share=rng.uniform(0.5, 0.8),
        profiles={name: about(1.6, 0.08) for name in SITES},
        swing=rng.uniform(0.1, 0.4),
        sites=SITES,
        clot=CLOT,
    )


def imaged(
    patient: Patient, rng: np.random.Generator
) -> tuple[dict[str, tuple[Array, Array]], float]:
    """What an image shows: arcs and areas every 2 mm, biased; and what share seems closed."""
    bias = np.exp(0.05 * rng.standard_normal())
    lesion = np.exp(0.22 * rng.standard_normal())
    shown = {}
    for name, arc in patient.arcs.items():
        area = patient.areas[name] * bias * np.exp(0.02 * rng.standard_normal(len(arc)))
        if name == "left":
            area = area * lesion ** np.exp(-0.5 * ((arc - patient.sites["lesion"][1]) / 0.01) ** 2)
        grid = np.append(np.arange(0.0, arc[-1] - 1e-3, 2e-3), arc[-1])
        shown[name] = grid, np.interp(grid, arc, area)
    guess = expit(logit(mean_closed(patient, 0.0)) + 0.35 * rng.standard_normal())
    return shown, float(guess)


def closing(patient: Patient, day: float) -> Array:
    """Share of the left vein's lumen that thrombus closes, along its arc."""
    left = patient.share * np.exp(-patient.fast * day)
    left += (1.0 - patient.share) * np.exp(-patient.slow * day)
    middle, half = (
        np.mean(patient.clot),
        0.5 * (patient.clot[1] - patient.clot[0]) * (0.6 + 0.4 * left),
    )
    x = (patient.arcs["left"] - middle) / half
    return np.where(np.abs(x) < 1.0, 1.1 * patient.closed * left * (1.0 - 0.4 * x**2), 0.0)


def thrombus_volume(patient: Patient, day: float) -> float:
    """Volume of the thrombus [m³]."""
    return float(np.trapezoid(patient.areas["left"] * closing(patient, day), patient.arcs["left"]))


def mean_closed(patient: Patient, day: float) -> float:
    """The thrombus's volume over that of the lumen where it first lay."""
    inside = (patient.arcs["left"] >= patient.clot[0]) & (patient.arcs["left"] <= patient.clot[1])
    arc, area = patient.arcs["left"][inside], patient.areas["left"][inside]
    return thrombus_volume(patient, day) / float(np.trapezoid(area, arc))


def opened(patient: Patient, stent: bool) -> Patient:
    """The patient after a stent over the narrowing, or after a thrombectomy."""
    if not stent:
        closed = LEFT_BEHIND
        return replace(patient, closed=closed, fast=0.0, slow=0.0)
    arc = patient.arcs["left"]
    near = np.abs(arc - patient.sites["lesion"][1]) <= 0.02
    areas = dict(patient.areas)
    areas["left"] = np.where(
        near & (arc > patient.clot[1]), np.maximum(areas["left"], STENT), areas["left"]
    )
    return replace(patient, areas=areas, aspect=np.where(near, 1.0, patient.aspect))


@dataclass(frozen=True)
class Seen:
    """Cycle means at the sites: pressure [Pa], flow [m³/s], lumen [m²], velocity [m/s]."""

    pressure: dict[str, float]
    flow: dict[str, float]
    lumen: dict[str, float]
    velocity: dict[str, float]


def examine(patient: Patient, day: float, vigour: float = 1.0) -> Seen:
    """The patient's flow over two breaths on ``day``, the second averaged; inflow × ``vigour``."""
    pools, branches, pieces = _body(patient, day, vigour)
    network = Network(list(pools.values()), branches)
    network.start(0.0, patient.central)
    network.settle(0.0)
    dt = PERIOD / STEPS
    pressures, flows = [], []
    for step in range(1, 2 * STEPS + 1):
        network.step(step * dt, dt)
        if step > STEPS:
            pressures.append(network.state.pressures)
            flows.append(network.state.flows[0])
    names = {pool: i for i, pool in enumerate(pools)}
    pressure, flow = np.mean(pressures, axis=0), np.mean(flows, axis=0)
    seen = Seen({}, {}, {}, {})
    for site, (vein, arc) in patient.sites.items():
        number = pieces[
            vein, next(i for i, end in enumerate(_ends(patient, vein)[1:]) if arc <= end)
        ]
        seen.flow[site] = float(flow[number])
        area = patient.areas[vein] * (1.0 - closing(patient, day) if vein == "left" else 1.0)
        seen.lumen[site] = float(np.interp(arc, patient.arcs[vein], area))
        seen.velocity[site] = patient.profiles[site] * seen.flow[site] / seen.lumen[site]
        place = np.searchsorted(_ends(patient, vein), arc)
        total = pressure[names[_pool(vein, int(place))]]
        seen.pressure[site] = float(total - DENSITY * (seen.flow[site] / seen.lumen[site]) ** 2)
    return seen


def _ends(patient: Patient, vein: str) -> Array:
    return np.linspace(patient.arcs[vein][0], patient.arcs[vein][-1], PIECES + 1)


def _pool(vein: str, number: int) -> str:
    if number < PIECES:
        return f"{vein}|{number}"
    return f"{INTO[vein]}|0" if INTO[vein] else "heart"


def _body(
    patient: Patient, day: float, vigour: float
) -> tuple[dict[str, Pool], list[Branch], dict[tuple[str, int], int]]:
    """Pools, branches and the branch of each piece of vein."""
    pools, branches, numbers = {}, [], {}
    flows = {"left": patient.inflow * vigour, "right": patient.other * vigour}
    flows["cava"] = sum(flows.values())
    for vein in patient.arcs:
        inflow = flows[vein] if vein != "cava" else 0.0
        area = patient.areas[vein] * (1.0 - closing(patient, day) if vein == "left" else 1.0)
        for i, (start, end) in enumerate(pairwise(_ends(patient, vein))):
            volume = float(np.interp(0.5 * (start + end), patient.arcs[vein], area)) * (
                end - start
            )
            wall = Vein(2.0 * volume, patient.central, 6000.0)
            pools[_pool(vein, i)] = Pool(
                _pool(vein, i), wall,
                inflow=_breathing(inflow if i == 0 else 0.0, patient.swing),
            )  # fmt: skip
            numbers[vein, i] = len(branches)
            branches.append(_piece(patient, vein, area, start, end, flows[vein], i))
    pools["heart"] = Pool("heart", held=_atrium(patient.central))
    lumbar = Leaflets(patient.lumbar, patient.opening, 1e4 * patient.lumbar)
    branches.append(Branch("left|0", "heart", valve=lumbar))
    branches.append(
        Branch("left|0", "right|0", resistance=patient.pelvic, stenosis=2e4 * patient.pelvic)
    )
    return pools, branches, numbers


def _breathing(mean: float, swing: float) -> Any:
    return lambda t: (
        mean
        * (
            1.0
            + swing * np.cos(2.0 * np.pi * t / PERIOD)
            + 0.1 * np.cos(10.0 * np.pi * t / PERIOD)
        )
    )


def _atrium(mean: float) -> Any:
    return lambda t: mean - 150.0 * np.cos(2.0 * np.pi * t / PERIOD)


def _piece(
    patient: Patient, vein: str, area: Array, start: float, end: float, flow: float, number: int
) -> Branch:
    """A stretch of vein: viscous by the shear in it, and at the narrowing by Young & Tsai."""
    arc = patient.arcs[vein]
    on = (arc >= start - 1e-9) & (arc <= end + 1e-9)
    s, a = arc[on], area[on]
    aspect = patient.aspect[on] if vein == "left" else np.ones(len(s))
    shear = 4.0 * flow / (np.pi * np.sqrt(a / np.pi) ** 3)
    mu = viscosity(shear, patient.haematocrit)
    viscous = float(np.trapezoid(8.0 * np.pi * mu * 0.5 * (aspect + 1.0 / aspect) / a**2, s))
    loss = _loss(patient, area, arc, start, end) if vein == "left" else 0.0
    inertance = DENSITY * float(np.trapezoid(1.2 / a, s))
    return Branch(_pool(vein, number), _pool(vein, number + 1), viscous, inertance, loss)


def _loss(patient: Patient, area: Array, arc: Array, start: float, end: float) -> float:
    """K_t ρ/2 (1/A₁ − 1/A₀)² for the narrowest points of clot and compression that lie here."""
    total, lesion = 0.0, patient.sites["lesion"][1]
    for low, high in (
        (patient.clot[0] - 2e-3, patient.clot[1] + 2e-3),
        (lesion - 8e-3, lesion + 6e-3),
    ):
        on = np.flatnonzero((arc >= low) & (arc <= high))
        narrowest = on[area[on].argmin()]
        if start <= arc[narrowest] < end:
            after = area[on[-1]]
            total += (1.0 / area[narrowest] - 1.0 / max(after, area[narrowest])) ** 2
    return 0.5 * DENSITY * patient.turbulent * total


def viscosity(shear: Array, haematocrit: float) -> Array:
    """Quemada-like [Pa s]: plasma 1.3 mPa s, thick at low shear."""
    root = np.sqrt(np.maximum(shear, 0.1) / 1.9)
    k = (4.0 + 1.8 * root) / (1.0 + root)
    return 1.3e-3 / (1.0 - 0.5 * k * haematocrit) ** 2


def measure(
    patient: Patient, day: float, rng: np.random.Generator, *, catheter: bool
) -> list[dict[str, Any]]:
    """A visit's observations, as in a visit file: duplex, MR; by catheter IVUS and pressures."""
    today = replace(
        patient, inflow=patient.inflow * np.exp(0.12 * rng.standard_normal()),
        other=patient.other * np.exp(0.12 * rng.standard_normal()),
        central=patient.central + 80.0 * rng.standard_normal(),
    )  # fmt: skip
    seen = examine(today, day)
    angle = np.cos(np.pi / 3.0 + np.radians(2.0) * rng.standard_normal()) / np.cos(np.pi / 3.0)

    def noisy(value: float, error: float) -> float:
        return float(value * np.exp(error * rng.standard_normal()))

    before, after = (noisy(angle * seen.velocity[n], 0.105) for n in ("reference", "lesion"))
    diameter = float(np.sqrt(4.0 * seen.lumen["reference"] / np.pi)) + 5e-4 * rng.standard_normal()
    flow = noisy(angle * seen.flow["reference"], 0.2) * (
        0.25 * np.pi * diameter**2 / seen.lumen["reference"]
    )
    across = float(np.sqrt(4.0 * seen.lumen["other"] / np.pi)) + 5e-4 * rng.standard_normal()
    beside = noisy(angle * seen.velocity["other"], 0.105)
    volume = noisy(thrombus_volume(patient, day), 0.2)
    rows = [
        {"kind": "velocity", "site": "reference", "value": f"{before!r} m/s"},
        {"kind": "velocity_ratio", "site": "lesion", "over": "reference", "value": after / before},
        {"kind": "flow", "site": "reference", "value": f"{flow!r} m^3/s"},
        {"kind": "diameter", "site": "reference", "value": f"{diameter!r} m"},
        {"kind": "velocity", "site": "other", "value": f"{beside!r} m/s"},
        {"kind": "diameter", "site": "other", "value": f"{across!r} m"},
        {"kind": "thrombus_volume", "value": f"{volume!r} m^3"},
    ]
    if catheter:
        fall = (
            seen.pressure["peripheral"] - seen.pressure["central"] + 90.0 * rng.standard_normal()
        )
        inside = noisy(seen.lumen["lesion"], 0.08)
        level = seen.pressure["central"] + 133.0 * rng.standard_normal()
        rows += [
            {"kind": "area", "site": "lesion", "value": f"{inside!r} m^2"},
            {"kind": "gradient", "site": "peripheral", "over": "central", "value": f"{fall!r} Pa"},
            {"kind": "pressure", "site": "central", "value": f"{level!r} Pa"},
        ]
    return rows
