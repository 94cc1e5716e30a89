"""A virtual stent."""

from typing import Literal

import numpy as np

from core.errors import CaseError
from core.settings import quantity
from meshes import morph, stenting
from meshes.changes import MeshChange
from meshes.tagged import TaggedMesh


class Stent(MeshChange):
    """Opens the lumen to a circle of d (1 − r): diameter d less the residual narrowing r.

    It acts where the vein is narrower than that. The neighbour peripheral to it may shrink, as
    external iliac veins did after common iliac stents.
    """

    kind: Literal["stent"] = "stent"
    branch: str
    at: float | None = quantity(
        "m",
        None,
        "arc length of its middle; without it the narrowest place of the branch",
        at_least="0 m",
        optional=True,
    )
    length: float = quantity("m", None, "length", above="0 m", at_most="0.3 m", source="the case")
    diameter: float = quantity("m", None, "diameter", above="0 m", source="the case")
    residual: float = quantity(
        "1",
        0.0,
        "narrowing of the diameter that stays",
        at_least=0.0,
        at_most=0.9,
        source="assumed: none",
    )
    ease: float = quantity(
        "m", "8 mm", "length over which it eases into the vein", above="0 m", source="assumed"
    )
    shrink: float = quantity(
        "1",
        0.0,
        "part of its diameter that the neighbour loses",
        at_least=0.0,
        at_most=0.6,
        source="none unless given; 21.7 % in 17 external iliac veins (Al-Hakim 2018)",
    )
    shrink_length: float = quantity(
        "m", "30 mm", "length of the neighbour that shrinks", above="0 m", source="assumed"
    )

    def applied(self, mesh: TaggedMesh) -> TaggedMesh:
        """The lumen opened, then the neighbour narrowed."""
        middle = self._middle(mesh)
        low, high = middle - 0.5 * self.length, middle + 0.5 * self.length
        radius = 0.5 * self.diameter * (1.0 - self.residual)
        new = stenting.opened(mesh, self.branch, low, high, radius, self.ease)
        if self.shrink == 0.0:
            return new
        # the stent itself holds: only what lies beyond its easing yields
        end = low - 2.0 * self.ease
        beside = morph.plateau(end - self.shrink_length, end, self.ease)
        return morph.morphed(new, {self.branch: lambda arc: 1.0 - self.shrink * beside(arc)})

    def _middle(self, mesh: TaggedMesh) -> float:
        lines = mesh.sections
        mine = lines.branch == self.branch.encode()
        if not mine.any():
            known = sorted({name.decode() for name in lines.branch})
            raise CaseError(
                f"the mesh has no branch {self.branch!r}",
                where="stent",
                do=f"it has {', '.join(known) or 'no centreline'}",
            )
        arc = lines.arc[mine]
        if self.at is None:
            return float(arc[np.argmin(lines.radius[mine])])
        if self.at > arc.max():
            raise CaseError(
                f"the branch {self.branch!r} is {1e3 * arc.max():.0f} mm long",
                where="stent.at",
                do="choose a place on it",
            )
        return self.at
