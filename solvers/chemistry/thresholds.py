"""How much tissue factor on a wall makes a clot: the film's threshold under flow."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.chemistry.conditions import Conditions
from solvers.chemistry.film import FilmSettings, film

Array = NDArray[Any]

CLOT = 1e4
"""Fibrin of a clot [nM]: 10 µM, as much as the fibrinogen of blood."""
LOWEST, HIGHEST, POINTS = 1e-2, 1e3, 18
"""Range searched [molecules/µm²], and densities in each of two sweeps."""


def threshold(
    shear_rate: Array,
    seconds: float,
    conditions: Conditions | None = None,
    settings: FilmSettings | None = None,
) -> Array:
    """Tissue factor (shear rates) [molecules/m²] whose film holds `CLOT` fibrin after ``seconds``
    under ``shear_rate`` [1/s]; infinite where even the highest does not.
    """
    shear_rate = np.asarray(shear_rate, dtype=float)
    low = np.full(len(shear_rate), np.log10(LOWEST) + 12.0)
    high = np.full(len(shear_rate), np.log10(HIGHEST) + 12.0)
    found = np.full(len(shear_rate), np.inf)
    for _ in range(2):
        grid = np.linspace(low, high, POINTS, axis=1)
        fibrin = _fibrin(10.0**grid, shear_rate, seconds, conditions, settings)
        for row, made in enumerate(fibrin):
            above = np.flatnonzero(made >= CLOT)
            if not len(above) or above[0] == 0:
                found[row] = 10.0 ** low[row] if len(above) else np.inf
                continue
            at = slice(above[0] - 1, above[0] + 1)
            low[row], high[row] = grid[row, at]
            logs = np.log(np.maximum(made[at], 1e-30))
            found[row] = 10.0 ** np.interp(np.log(CLOT), logs, grid[row, at])
    return found


def _fibrin(
    density: Array,
    shear_rate: Array,
    seconds: float,
    conditions: Conditions | None,
    settings: FilmSettings | None,
) -> Array:
    """Fibrin [nM] over tissue factor of ``density`` (shear rates, densities)."""
    wall = film(conditions, settings)
    state = wall.start(density.ravel())
    blood = wall.conditions.plasma.state(wall.names, density.size)
    shear = np.repeat(shear_rate, density.shape[1])
    state, _, _ = wall.advance(state, blood, shear, seconds)
    return np.asarray(state[wall.names.index("F")].reshape(density.shape))
