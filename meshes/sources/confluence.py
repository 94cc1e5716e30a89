"""The confluence of the iliac veins from published calibres, its left vein compressed."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from core.settings import quantity
from meshes.sources import Meshed
from meshes.tagged import TaggedMesh

if TYPE_CHECKING:
    from meshes.shapes.anatomy import Shape

AREAS = "intravascular ultrasound, medians of 33 patients without chronic venous insufficiency"
STENOSIS = "median left common iliac stenosis 62.4 % in the same patients"
DRAWN = "drawn after anatomy atlases"


class Confluence(Meshed):
    """The vena cava ("cava") with both iliac veins ("left", "right"); they join at the origin.

    ``stenosis`` narrows the left common iliac vein to a flat ellipse, as its artery does.
    """

    kind: Literal["confluence"] = "confluence"
    size: float = quantity("m", "2 mm", "edge length in wide vessels", above="0 mm")
    cava_area: float = quantity(
        "m^2", "265.3 mm^2", "lumen of the inferior vena cava", source=AREAS, above="0 mm^2"
    )
    left_area: float = quantity(
        "m^2", "193.9 mm^2", "lumen of the left common iliac vein", source=AREAS, above="0 mm^2"
    )
    right_area: float = quantity(
        "m^2", "166.9 mm^2", "lumen of the right common iliac vein", source=AREAS, above="0 mm^2"
    )
    left_external_area: float = quantity(
        "m^2", "136.5 mm^2", "lumen of the left external iliac vein", source=AREAS, above="0 mm^2"
    )
    right_external_area: float = quantity(
        "m^2", "140.9 mm^2", "lumen of the right external iliac vein", source=AREAS, above="0 mm^2"
    )
    internal_radius: float = quantity(
        "m", "3.5 mm", "radius of the internal iliac veins", source=DRAWN, above="0 mm"
    )
    common_length: float = quantity(
        "m", "60 mm", "length of the common iliac veins", source=DRAWN, above="0 mm"
    )
    cava_length: float = quantity(
        "m",
        "60 mm",
        "length of the cava that is modelled",
        source=DRAWN,
        above="20 mm",
        at_most="90 mm",
    )
    leg_length: float = quantity(
        "m",
        "90 mm",
        "length of each iliac axis that is modelled",
        source=DRAWN,
        above="30 mm",
        at_most="140 mm",
    )
    stenosis: float = quantity(
        "1",
        0.7,
        "part of the left common iliac lumen that the compression takes",
        source=STENOSIS,
        at_least=0.0,
        at_most=0.9,
    )
    stenosis_at: float = quantity(
        "m", "20 mm", "distance of the compression from the confluence", source=DRAWN, above="0 mm"
    )
    stenosis_length: float = quantity(
        "m",
        "14 mm",
        "length over which at least half of it is present",
        source=DRAWN,
        above="0 mm",
    )
    flatness: float = quantity(
        "1",
        3.0,
        "width over depth of the compressed lumen",
        source=DRAWN,
        at_least=1.0,
        at_most=8.0,
    )
    internal: bool = Field(False, description="whether the internal iliac veins join")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.internal and self.common_length + 0.01 > self.leg_length:
            raise ValueError(
                "leg_length must exceed common_length by 10 mm where internal veins join"
            )
        if self.stenosis_at + self.stenosis_length > self.leg_length:
            raise ValueError("the compression lies beyond leg_length")
        return self

    def shape(self) -> "Shape":
        """The same in millimetres."""
        from meshes.shapes import anatomy

        mm, mm2 = 1e3, 1e6
        known = set(anatomy.Shape.__annotations__) & set(type(self).model_fields)
        scale = {name: mm2 if name.endswith("_area") else mm for name in sorted(known)}
        scale |= {"stenosis": 1, "flatness": 1, "internal": 1}
        values = {name: getattr(self, name) * factor for name, factor in scale.items()}
        return anatomy.Shape(**{**values, "internal": self.internal})

    def build(self, folder: Path) -> TaggedMesh:  # noqa: ARG002
        """Distance function → contour → cut → remeshed → filled."""
        # these load VTK, which takes seconds: reading a case must not
        from meshes.ends.openings import cut_all
        from meshes.shapes import anatomy
        from meshes.tree import mesh_tree

        parts = anatomy.tubes(self.shape())
        lines = [part.line for part in parts]
        ends = anatomy.ends(parts)
        surface = cut_all(anatomy.surface_of(parts), ends)
        mesh = mesh_tree(surface, ends, lines, self.fineness())
        return TaggedMesh(**mesh, record={"root": "cava"})
