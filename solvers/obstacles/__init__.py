"""Porous bodies in a vein, which the flow feels as Brinkman drag; a file for each kind.

ρ Du/Dt = −∇p + ∇·2με − (μ/K) u   where the body is
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator
from scipy.spatial import cKDTree

from core.errors import CaseError
from core.registry import Registry
from core.settings import Settings, quantity
from meshes.tagged import Sections

Array = NDArray[Any]


class Obstacle(Settings):
    """A porous body between two planes of a branch, of permeability K."""

    branch: str
    start: float = quantity(
        "m",
        None,
        "arc length at which it begins, from the peripheral end",
        at_least="0 m",
        source="the case",
    )
    end: float = quantity("m", None, "arc length at which it ends", above="0 m", source="the case")

    @model_validator(mode="after")
    def _is_long(self) -> "Obstacle":
        if not self.end > self.start:
            raise ValueError("end must lie beyond start")
        return self

    def inverse_permeability(self, depth: Array) -> Array:
        """1/K [m⁻²] at a distance from the centreline of ``depth`` inscribed radii."""
        raise NotImplementedError


obstacles = Registry("obstacle", __name__, Obstacle)


def resistance(bodies: Mapping[str, Obstacle], lines: Sections, points: Array) -> Array:
    """1/K [m⁻²] of all ``bodies`` at ``points`` (n, 3). Raises `CaseError` for a wrong place."""
    total = np.zeros(len(points))
    known = sorted({name.decode() for name in lines.branch})
    for name, body in bodies.items():
        if body.branch not in known:
            raise CaseError(
                f"the mesh has no branch {body.branch!r}",
                where=f"flow.obstacle.{name}",
                do=f"it has {', '.join(known) or 'no centreline'}",
            )
    if not bodies or not len(points):
        return total
    near = cKDTree(lines.centre).query(points)[1]
    offset = points - lines.centre[near]
    along = np.einsum("pi,pi->p", offset, lines.tangent[near])
    depth = np.linalg.norm(offset - along[:, None] * lines.tangent[near], axis=1)
    depth /= lines.radius[near]
    arc, branch = lines.arc[near] + along, lines.branch[near]
    for body in bodies.values():
        inside = (branch == body.branch.encode()) & (arc >= body.start) & (arc <= body.end)
        total[inside] += body.inverse_permeability(depth[inside])
    return total
