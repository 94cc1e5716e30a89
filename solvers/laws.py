"""Laws that clot models share: the adhesion law of a clot's edge, and the clot's permeability."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

FRONT = 0.288
"""Speed of a clot's edge over k ℓ under the law `adhesion`, computed in one dimension."""
ETA_T, ETA_STAR = 0.1, 0.4
KOZENY = 1e12
"""C [m⁻²] of the permeability law (Leiderman & Fogelson 2011)."""


def adhesion(eta: Array) -> Array:
    """g(η) of Leiderman & Fogelson (2011): 0 below 0.1, 1 at 1."""
    z = np.maximum(eta - ETA_T, 0.0) ** 3
    scale = (ETA_STAR**3 + (1.0 - ETA_T) ** 3) / (1.0 - ETA_T) ** 3
    return np.asarray(np.clip(scale * z / (ETA_STAR**3 + z), 0.0, 1.0))


def carman_kozeny(fraction: Array) -> Array:
    """1/K [m⁻²] of clot of fraction φ: C (0.6φ)²/(1 − 0.6φ)³."""
    solid = 0.6 * np.clip(fraction, 0.0, 1.0)
    return np.asarray(KOZENY * solid**2 / (1.0 - solid) ** 3)
