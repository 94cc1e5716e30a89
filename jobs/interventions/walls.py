"""What pressure from outside or from gravity does to the calibre of veins that are rigid in 3D.

A(p) is the tube law of the 0D veins (`solvers.network.Vein`): the share of the full area that the
vein has at the pressure p across its wall. The 3D lumen is scaled once, r → r √(A(p₂)/A(p₁)), and
stays rigid.
"""

import math
from typing import Any

from core.settings import Settings, quantity
from solvers.boundaries.network import VeinPool
from solvers.network import Vein

GRAVITY = 9.80665


def _of_pool(name: str) -> dict[str, Any]:
    """Default and source of the tube law in the 0D model, so that both are one."""
    field = VeinPool.model_fields[name]
    extra: Any = field.json_schema_extra
    return {"default": extra["default_text"], "source": extra["source"]}


class TubeLaw(Settings):
    """A(p) = A_full (1/2 + atan(2 (p − p_half)/w)/π)."""

    half: float = quantity(
        "Pa", meaning="pressure across the wall at half of the full area", **_of_pool("half")
    )
    width: float = quantity(
        "Pa", meaning="rise of pressure from a quarter to three quarters of it", above="0 Pa",
        **_of_pool("width"),
    )

    def factor(self, before: float, after: float) -> float:
        """√(A(after)/A(before)): new radius over old, at pressures across the wall [Pa]."""
        law = Vein(1.0, self.half, self.width)
        return math.sqrt(law.volume(after) / law.volume(before))
