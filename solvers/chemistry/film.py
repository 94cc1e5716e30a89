"""The wall film: 15 µm of blood and clot over every wall facet, where tissue factor works.

Concentration layers at a reacting vein wall are 7 to 85 µm thick, thinner than any mesh cell. So
the film is a small well-mixed reactor that trades with the blood beside it:

    C' = R(C) + m k_e (C_blood − C),   k_e = 1/(d/k_L + R₀),   k_L = 0.807 (γ̇ D²/L)^⅓

Zymogens, thrombin, inhibitors and fibrinogen trade freely (m = 1), of thrombin the part that is
not on fibrin; Xa and IXa stick to the film's membrane and trade with m = f_X, calibrated once on
the thresholds of Okorie et al. (2008); prothrombinase, tenase, tissue factor and fibrin stay.
What the film takes, blood loses: the exchanged amounts are integrated with the state and close to
round-off.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gamma
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.settings import Settings, quantity
from solvers.chemistry.amounts import surface
from solvers.chemistry.conditions import FILM_FIBRIN, Conditions
from solvers.chemistry.integrate import Log, advance
from solvers.chemistry.kernel import Kernel
from solvers.chemistry.reduced import Reduced
from solvers.chemistry.species import chosen

Array = NDArray[Any]

LEVEQUE = 1.5 / (9.0 ** (1.0 / 3.0) * gamma(4.0 / 3.0))
"""Mean mass transfer to an absorbing wall over (γ̇ D²/L)^⅓ (Lévêque): 0.8075."""
STAYS = frozenset({"TF", "TF:VII", "E", "Z", "VIIIa", "F"})
STICKS = frozenset({"Xa", "XaD", "IXa"})


class FilmSettings(Settings):
    """The film's size and its trade with blood."""

    thickness: float = quantity(
        "m", "15 um", "thickness of the wall film", above="0 m", source="Chen & Diamond 2019"
    )
    porosity: float = quantity(
        "1", 0.5, "liquid share of the film", above=0, at_most=1, source="Chen & Diamond 2019"
    )
    diffusivity: float = quantity(
        "m^2/s", "6e-11 m^2/s", "of plasma proteins", above="0 m^2/s", source="thrombin to X"
    )
    length: float = quantity(
        "m", "1 cm", "reactive length along the flow", above="0 m", source="order of an injury"
    )
    pocket: float = quantity(
        "m",
        "1 mm",
        "diffusion distance in still blood, the floor of mass transfer",
        above="0 m",
        source="order of a valve pocket; a prior",
    )
    resistance: float = quantity(
        "s",
        "1.58 s",
        "time to leave the film itself",
        at_least="0 s",
        source="half-life 2 s at 200 1/s over 250 µm (Chen & Diamond 2019)",
    )
    sticking: float = quantity(
        "1",
        0.05,
        "share f_X of Xa and IXa that leaves as if it were free",
        at_least=0,
        at_most=1,
        source="calibrated once on the thresholds of Okorie et al. 2008 at 100 to 1000 1/s",
    )

    def exchange(self, shear_rate: Any, length: Any = None) -> Any:
        """k_e [1/s] at wall shear rates [1/s], reactive ``length`` [m] each or of the settings."""
        across = self.length if length is None else length
        transfer = LEVEQUE * np.cbrt(shear_rate * self.diffusivity**2 / across)
        floor = self.diffusivity / self.pocket
        return 1.0 / (self.thickness / np.maximum(transfer, floor) + self.resistance)

    def tissue_factor(self, density: Any) -> Any:
        """Tissue factor in the film [nM] for a surface density [molecules/m²]."""
        return surface(density) / (self.thickness * self.porosity)


@dataclass(frozen=True)
class FilmKernel(Kernel):
    """Reactions and trade: rows beyond the state are what came in from blood, by species [nM]."""

    chemistry: Reduced
    exchange: Any
    """k_e (facets) [1/s]."""
    blood: Array
    """State (names, facets) of the blood beside the film; rows of what stays are not read."""
    sticking: float

    @property
    def names(self) -> tuple[str, ...]:  # type: ignore[override]
        """Names of the state's rows."""
        return self.chemistry.names

    @property
    def scale(self) -> Array:
        """Amounts (names) that do not matter [nM]."""
        return self.chemistry.scale

    def laws(self, rows: Sequence[Any]) -> list[Any]:
        """Rates of the state, then what comes in of every species [nM/s]."""
        named = self.chemistry.named(rows)
        free = self.chemistry.free(named)
        change = self.chemistry.change(named, free)
        loose = {**named, "IIa": free.iia, "Xa": free.xa, "XaD": free.xad}
        incoming = []
        for row, name in enumerate(self.names):
            if name in STAYS:
                incoming.append(np.zeros(self.blood.shape[1]))
            else:
                share = self.sticking if name in STICKS else 1.0
                incoming.append((self.blood[row] - loose[name]) * (share * self.exchange))
        return [
            *(change[n] + come for n, come in zip(self.names, incoming, strict=True)),
            *incoming,
        ]


@dataclass(frozen=True)
class Film:
    """The film of a set of wall facets. Its state (names, facets) belongs to the caller."""

    settings: FilmSettings
    conditions: Conditions
    names: tuple[str, ...]

    def start(self, density: Array) -> Array:
        """State of fresh plasma over tissue factor of ``density`` (facets) [molecules/m²]."""
        state = self.conditions.plasma.state(self.names, len(density))
        state[self.names.index("TF")] = self.settings.tissue_factor(density)
        return state

    def advance(
        self,
        state: Array,
        blood: Array,
        shear_rate: Array,
        dt: float,
        *,
        length: Any = None,
        rtol: float = 1e-3,
    ) -> tuple[Array, Array, Log]:
        """State after ``dt`` [s], amounts taken from blood (names, facets) [nM m], a log.

        ``blood``: (names, facets) beside the film, ``shear_rate`` (facets) [1/s]. Multiply the
        amounts by the facet's area [m²] and 1e-6 for moles; blood loses exactly these.
        """
        kernel = FilmKernel(
            Reduced(self.conditions, self.names),
            self.settings.exchange(shear_rate, length),
            blood,
            self.settings.sticking,
        )
        new, came, log = advance(kernel, state, dt, rtol=rtol)
        return new, self.settings.thickness * self.settings.porosity * came, log


def film(conditions: Conditions | None = None, settings: FilmSettings | None = None) -> Film:
    """A film in blood of ``conditions``, with the states that these need."""
    conditions = replace(conditions or Conditions(), fibrin=FILM_FIBRIN)
    states = chosen(
        wall=True,
        xa_drug=conditions.xa_drug is not None,
        iia_drug=conditions.iia_drug is not None,
        brake=bool(np.any(conditions.thrombomodulin)),
        feedback=bool(np.any(conditions.feedback)),
    )
    return Film(settings or FilmSettings(), conditions, states)
