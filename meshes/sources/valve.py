"""A vein with one open valve: two leaflets and the pockets behind them, where clots begin."""

from pathlib import Path
from typing import Any, Literal, Self

from numpy.typing import NDArray
from pydantic import model_validator

from core.settings import quantity
from meshes.sources import Meshed, Zone
from meshes.tagged import TaggedMesh

Array = NDArray[Any]
MM = 1e3
DRAWN = "drawn: shape of a bicuspid femoral valve, an assumption"


class Valve(Meshed):
    """A vein along z ("inlet" at 0) with a bicuspid valve, held open, and its two sinuses.

    The leaflets leave the wall at ``at`` and end ``leaflet`` further on at a slit of half-width
    ``opening`` radii; they stay on the wall at ±x. Behind them the wall bulges by ``sinus``
    radii at ±y. They are rigid; blood between leaflet and wall is the pocket.
    """

    kind: Literal["valve"] = "valve"
    radius: float = quantity("m", "5 mm", "radius of the vein", above="0 mm")
    length: float = quantity("m", "60 mm", "length of the vein", above="0 mm")
    at: float = quantity("m", "18 mm", "where the leaflets leave the wall", above="0 mm")
    leaflet: float = quantity("m", "12 mm", "length of the leaflets", source=DRAWN, above="0 mm")
    opening: float = quantity(
        "1", 0.5, "half-width of the slit at their free edge, in radii", source=DRAWN,
        at_least=0.2, at_most=0.8,
    )  # fmt: skip
    sinus: float = quantity(
        "1", 0.4, "how far the wall bulges behind them, in radii", source=DRAWN,
        at_least=0.0, at_most=1.0,
    )  # fmt: skip
    thickness: float = quantity(
        "m", "0.8 mm", "thickness of the leaflets, more than theirs so that cells fit round them",
        source=DRAWN, at_least="0.3 mm",
    )  # fmt: skip

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.at + 1.5 * self.leaflet + self.radius > self.length or self.at < self.radius:
            raise ValueError("the valve must lie at least a radius away from both ends")
        if self.thickness > 0.3 * self.radius:
            raise ValueError("thickness must be at most 0.3 radii")
        return self

    def build(self, folder: Path) -> TaggedMesh:  # noqa: ARG002
        """Distance function → contour → cut → remeshed → filled."""
        # these load VTK, which takes seconds: reading a case must not
        from dataclasses import replace

        from meshes.shapes import leaflets
        from meshes.tree import mesh_tree

        shape = leaflets.Shape(
            self.radius * MM,
            self.length * MM,
            self.at * MM,
            self.leaflet * MM,
            self.thickness * MM,
            self.opening,
            self.sinus,
        )
        surface, ends, line = leaflets.vein(shape)
        middle = self.at + 0.75 * self.leaflet
        reach = max(self.leaflet, (1 + self.sinus) * self.radius)
        zone = Zone.model_construct(
            at=(0.0, 0.0, middle), radius=reach, size=min(self.size, 0.9 * self.thickness)
        )
        fine = self.fineness()
        mesh = mesh_tree(surface, ends, [line], replace(fine, refine=(*fine.refine, zone)))
        return TaggedMesh(**mesh, record={"root": "outlet"})
