"""Unknown numbers of a model: what is known of each beforehand, and from where.

The smoother works on latent numbers z, standard normal beforehand; the model gets

    normal       θ = c + s z
    lognormal    θ = c exp(s z)                  c > 0: the median
    logitnormal  θ = 1/(1 + exp(−logit c − s z))   0 < c < 1: the median
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm

from calibration.designs import latin_hypercube
from core.errors import CaseError
from core.settings import Settings
from core.units import UnitError, to_si

Array = NDArray[Any]
Law = Literal["normal", "lognormal", "logitnormal"]


class Known(Settings):
    """What a user knows better than the default prior; whoever changes one says from where."""

    centre: str | float
    spread: str | float
    source: str


@dataclass(frozen=True)
class Parameter:
    """An unknown: SI ``unit``, the unit ``shown`` to people, law, ``centre`` and ``spread``.

    ``spread`` is in ``unit`` for a normal, of ln θ or logit θ otherwise. ``drift`` is the change
    expected between two visits, as a standard deviation of z.
    """

    name: str
    unit: str
    shown: str
    meaning: str
    law: Law
    centre: float
    spread: float
    source: str
    drift: float = 0.0

    def value(self, z: Array) -> Array:
        """θ(z)."""
        if self.law == "normal":
            return np.asarray(self.centre + self.spread * z)
        if self.law == "lognormal":
            return np.asarray(self.centre * np.exp(self.spread * z))
        return np.asarray(expit(logit(self.centre) + self.spread * z))

    def known(self, better: Known, where: str) -> "Parameter":
        """The same unknown with a user's prior. Raises `CaseError`."""
        try:
            centre = to_si(better.centre, self.unit)
            spread = to_si(better.spread, self.unit if self.law == "normal" else "1")
        except UnitError as error:
            raise CaseError(str(error), where=where, do=f"{self.law}: {self.meaning}") from error
        inside = {"normal": True, "lognormal": centre > 0.0, "logitnormal": 0.0 < centre < 1.0}
        if not inside[self.law] or spread <= 0.0 or not better.source.strip():
            raise CaseError(
                f"centre {better.centre!r} and spread {better.spread!r} make no {self.law} prior",
                where=where,
                do="spread > 0; a lognormal's median is positive, a logitnormal's between 0 and "
                "1; a prior says its source",
            )
        return replace(self, centre=centre, spread=spread, source=better.source)


@dataclass(frozen=True)
class Space:
    """The unknowns of a model, in the order of the columns."""

    parameters: tuple[Parameter, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(parameter.name for parameter in self.parameters)

    def sample(self, count: int, seed: int) -> Array:
        """Latent numbers (count, P) of the prior, by a Latin hypercube."""
        return np.asarray(norm.ppf(latin_hypercube(count, len(self.parameters), seed)))

    def values(self, latent: Array) -> Array:
        """θ (N, P) of latent numbers (N, P)."""
        columns = [p.value(latent[:, i]) for i, p in enumerate(self.parameters)]
        return np.stack(columns, axis=1)

    def drifted(self, latent: Array, rng: np.random.Generator, more: Mapping[str, float]) -> Array:
        """Latent numbers at the next visit: z + drift·n, each column shrunk about its mean so
        that it never becomes wider than its prior. ``more`` are drifts that a visit brings.
        """
        drift = np.array([np.hypot(p.drift, more.get(p.name, 0.0)) for p in self.parameters])
        moved = latent + drift * rng.standard_normal(latent.shape)
        mean, width = moved.mean(axis=0), moved.std(axis=0, ddof=1)
        shrink = np.minimum(1.0, 1.0 / np.maximum(width, 1e-12))
        return np.where(drift > 0.0, mean + shrink * (moved - mean), latent)


def adjusted(
    parameters: Sequence[Parameter], known: Mapping[str, Known], where: str
) -> tuple[Parameter, ...]:
    """``parameters`` with the priors that a user knows better. Raises `CaseError`."""
    names = [parameter.name for parameter in parameters]
    for name in known:
        if name not in names:
            raise CaseError(
                f"there is no unknown {name!r}",
                where=f"{where}: prior.{name}",
                do=f"there are {', '.join(names)}",
            )
    return tuple(
        p.known(known[p.name], f"{where}: prior.{p.name}") if p.name in known else p
        for p in parameters
    )
