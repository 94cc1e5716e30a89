"""The veins from the thighs to the vena cava, from published calibres."""

from typing import Literal

from core.settings import quantity
from meshes.sources.confluence import DRAWN, Confluence

FEMORAL = "proximal femoral vein, largest mean of 205 young adults (PLoS ONE 2017, e0182623)"


class Tree(Confluence):
    """The confluence with the femoral veins ("left", "right") and the deep femoral ones.

    "left_deep" and "right_deep" join in the groin; with ``internal`` the internal iliac veins too.
    """

    kind: Literal["tree"] = "tree"  # type: ignore[assignment]
    common_length: float = quantity(
        "m", "55 mm", "length of the common iliac veins", source=DRAWN, above="0 mm"
    )
    leg_length: float = quantity(
        "m", "128 mm", "length of each iliac axis", source=DRAWN, above="70 mm", at_most="140 mm"
    )
    femoral_length: float = quantity(
        "m", "140 mm", "length of each femoral vein", source=DRAWN, above="60 mm", at_most="190 mm"
    )
    femoral_area: float = quantity(
        "m^2", "114 mm^2", "lumen of the femoral veins", source=FEMORAL, above="0 mm^2"
    )
    deep_radius: float = quantity(
        "m", "3 mm", "radius of the deep femoral veins", source=DRAWN, above="0 mm"
    )
