"""The clotting cascade of Hockin et al. (2002), 34 species, 42 constants; drugs; protein C.

The reference that the reduced model is measured against (BioModels 335). Every line below is an
elementary reaction with mass-action rate, constants in 1/M/s and 1/s, forward and back.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from solvers.chemistry.conditions import Conditions, Plasma

Array = NDArray[Any]

CASCADE = """
TF + VII <-> TF:VII                          3.2e6 3.1e-3
TF + VIIa <-> TF:VIIa                        2.3e7 3.1e-3
TF:VIIa + VII -> TF:VIIa + VIIa              4.4e5
Xa + VII -> Xa + VIIa                        1.3e7
IIa + VII -> IIa + VIIa                      2.3e4
TF:VIIa + X <-> TF:VIIa:X                    2.5e7 1.05
TF:VIIa:X -> TF:VIIa:Xa                      6
TF:VIIa + Xa <-> TF:VIIa:Xa                  2.2e7 19
TF:VIIa + IX <-> TF:VIIa:IX                  1e7 2.4
TF:VIIa:IX -> TF:VIIa + IXa                  1.8
Xa + II -> Xa + IIa                          7.5e3
IIa + VIII -> IIa + VIIIa                    2e7
VIIIa + IXa <-> IXa:VIIIa                    1e7 5e-3
IXa:VIIIa + X <-> IXa:VIIIa:X                1e8 1e-3
IXa:VIIIa:X -> IXa:VIIIa + Xa                8.2
VIIIa <-> VIIIa1L + VIIIa2                   6e-3 2.2e4
IXa:VIIIa:X -> VIIIa1L + VIIIa2 + X + IXa    1e-3
IXa:VIIIa -> VIIIa1L + VIIIa2 + IXa          1e-3
IIa + V -> IIa + Va                          2e7
Xa + Va <-> Xa:Va                            4e8 0.2
Xa:Va + II <-> Xa:Va:II                      1e8 103
Xa:Va:II -> Xa:Va + mIIa                     63.5
mIIa + Xa:Va -> IIa + Xa:Va                  1.5e7
Xa + TFPI <-> Xa:TFPI                        9e5 3.6e-4
TF:VIIa:Xa + TFPI <-> TF:VIIa:Xa:TFPI        3.2e8 1.1e-4
TF:VIIa + Xa:TFPI -> TF:VIIa:Xa:TFPI         5e7
AT + Xa -> Xa:AT                             1.5e3
AT + mIIa -> mIIa:AT                         7.1e3
AT + IXa -> IXa:AT                           4.9e2
AT + IIa -> IIa:AT                           7.1e3
AT + TF:VIIa -> TF:VIIa:AT                   2.3e2
"""
BESIDE = ("R", "T")
"""Drugs are in excess of enzymes: their concentrations stay."""
XA_DRUG = """
Xa + R <-> Xa:R + R                          {on} {off}
Xa:Va + R <-> Xa:Va:R + R                    {on_complex} {off_complex}
Xa:R + Va <-> Xa:Va:R                        4e8 0.2
"""
IIA_DRUG = """
IIa + T <-> IIa:T + T                        {on} {off}
mIIa + T <-> mIIa:T + T                      {on} {off}
mIIa:T + Xa:Va -> IIa:T + Xa:Va              1.5e7
"""
HEPARIN = """
AT + Xa -> Xa:AT                             {xa}
AT + Xa:Va -> Xa:AT + Va                     {complex}
AT + mIIa -> mIIa:AT                         {iia}
AT + IIa -> IIa:AT                           {iia}
AT + IXa -> IXa:AT                           {ixa}
"""
BRAKE = """
TM + IIa <-> TM:IIa                          1e8 0.33
TM:IIa + PC <-> TM:IIa:PC                    1e8 100
TM:IIa:PC -> TM:IIa + APC                    0.41
TM:IIa + AT -> TM + IIa:AT                   7.1e3
APC + Va <-> APC:Va                          1e8 0.7
APC:Va -> APC + Vai                          1.192
APC -> APCi                                  5.8e-4
"""
"""Thrombomodulin and protein C (Brummel-Ziedins et al. 2012); a cut of Va ends its work."""


@dataclass(frozen=True)
class Network:
    """Reactions of at most two species each: rates k·y_i·y_j, in nM and seconds."""

    names: tuple[str, ...]
    constants: Array
    first: Array
    second: Array
    change: Array
    """Stoichiometry (species, reactions)."""

    def rates(self, state: Array) -> Array:
        """dy/dt (species) [nM/s]."""
        y = np.append(state, 1.0)
        return self.change @ (self.constants * y[self.first] * y[self.second])

    def jacobian(self, state: Array) -> Array:
        """∂(dy/dt)/∂y (species, species)."""
        y, n = np.append(state, 1.0), len(state)
        slopes = np.zeros((len(self.constants), n + 1))
        row = np.arange(len(self.constants))
        np.add.at(slopes, (row, self.first), self.constants * y[self.second])
        np.add.at(slopes, (row, self.second), self.constants * y[self.first])
        return self.change @ slopes[:, :n]


@functools.cache
def network(text: str) -> Network:
    """The network that ``text`` describes, a reaction a line, constants in 1/M/s and 1/s."""
    found: list[tuple[list[str], list[str], float]] = []
    for line in text.strip().splitlines():
        left, arrow, right, numbers = re.fullmatch(
            r"(.+?) (->|<->) (.+?)\s{2,}(.+)", line.strip()
        ).groups()  # type: ignore[union-attr]
        before, after = left.split(" + "), right.split(" + ")
        constants = [float(number) for number in numbers.split()]
        found.append((before, after, constants[0]))
        if arrow == "<->":
            # a drug stands on both sides: its concentration must not drive the way back
            after = [name for name in after if name not in BESIDE]
            found.append((after, [n for n in before if n not in BESIDE], constants[1]))
    names = tuple(dict.fromkeys(name for a, b, _ in found for name in [*a, *b]))
    index = {name: number for number, name in enumerate(names)}
    change = np.zeros((len(names), len(found)))
    first, second = np.full((2, len(found)), len(names))
    rates = np.empty(len(found))
    for column, (before, after, constant) in enumerate(found):
        for name in before:
            change[index[name], column] -= name not in BESIDE
        for name in after:
            change[index[name], column] += name not in BESIDE
        first[column] = index[before[0]]
        if len(before) == 2:
            second[column] = index[before[1]]
        rates[column] = constant * (1e-9 if len(before) == 2 else 1.0)
    return Network(names, rates, first, second, change)


def assembled(conditions: Conditions) -> Network:
    """The cascade with the drugs of ``conditions``."""
    text = CASCADE
    if (drug := conditions.xa_drug) is not None:
        text += XA_DRUG.format(
            on=drug.on * 1e9,
            off=drug.off,
            on_complex=drug.on_complex * 1e9,
            off_complex=drug.off_complex,
        )
    if (drug := conditions.iia_drug) is not None:
        text += IIA_DRUG.format(on=drug.on * 1e9, off=drug.off)
    if (heparin := conditions.heparin) is not None:
        speed = 1e9 / conditions.normal_at
        text += HEPARIN.format(
            xa=heparin.xa * speed,
            complex=heparin.complex * speed,
            iia=heparin.iia * speed,
            ixa=heparin.ixa * speed,
        )
    if conditions.thrombomodulin:
        text += BRAKE
    return network(re.sub(r"\n\n+", "\n", text))


def start(net: Network, conditions: Conditions, tissue_factor: float) -> Array:
    """The mixture at time 0 [nM]: plasma, drugs, and ``tissue_factor`` [nM]."""
    state = np.zeros(len(net.names))
    plasma: Plasma = conditions.plasma
    levels: Mapping[str, Any] = {
        **{
            n: getattr(plasma, n)
            for n in ("VII", "VIIa", "X", "IX", "II", "VIII", "V", "TFPI", "AT", "PC")
        },
        "TF": tissue_factor,
        "TM": conditions.thrombomodulin,
        "R": conditions.xa_drug.free if conditions.xa_drug else 0.0,
        "T": conditions.iia_drug.free if conditions.iia_drug else 0.0,
    }
    for row, name in enumerate(net.names):
        state[row] = levels.get(name, 0.0)
    return state


def solve(
    conditions: Conditions,
    tissue_factor: float,
    times: Array,
    rtol: float = 1e-8,
) -> tuple[tuple[str, ...], Array]:
    """Names and amounts (species, times) [nM] after ``tissue_factor`` [nM] was added at 0."""
    net = assembled(conditions)
    found = solve_ivp(
        lambda _, y: net.rates(y),
        (0.0, float(times[-1])),
        start(net, conditions, tissue_factor),
        method="BDF",
        rtol=rtol,
        atol=1e-11,
        t_eval=times,
        jac=lambda _, y: net.jacobian(y),
    )
    return net.names, found.y


def pools(names: Sequence[str]) -> dict[str, Array]:
    """Weights (species) of what the cascade conserves: all forms of II, of X and of AT."""

    def having(*forms: str) -> Array:
        return np.array([float(any(f in name.split(":") for f in forms)) for name in names])

    return {"II": having("II", "IIa", "mIIa"), "X": having("X", "Xa"), "AT": having("AT")}
