"""A straight vein with one narrowing, round or flat, in the middle or to one side."""

from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from core.settings import quantity
from meshes.sources import Meshed
from meshes.tagged import TaggedMesh

Array = NDArray[Any]
MM = 1e3


class Stenosis(Meshed):
    """A vein along z, "inlet" at z = 0, "outlet" at z = length, narrowed by a Gaussian.

    Area A(z) = π R² (1 − s g), g = exp(−4 ln 2 ((z − z₀)/w)²); the section is an ellipse of
    ``flatness``^g; its middle lies ``eccentricity`` · (R − depth) towards −y.
    """

    kind: Literal["stenosis"] = "stenosis"
    radius: float = quantity("m", "7 mm", "radius of the vein", above="0 mm")
    length: float = quantity("m", "80 mm", "length of the vein", above="0 mm")
    narrowing: float = quantity(
        "1", 0.6, "part of the lumen's area that is lost", at_least=0.0, at_most=0.95
    )
    at: float = quantity("m", "35 mm", "place of the narrowing", above="0 mm")
    width: float = quantity(
        "m", "12 mm", "length over which at least half of it is present", above="0 mm"
    )
    flatness: float = quantity(
        "1", 1.0, "width over depth at the narrowing", at_least=1.0, at_most=8.0
    )
    eccentricity: float = quantity(
        "1", 0.0, "0 narrows from all sides, 1 from the front alone", at_least=0.0, at_most=1.0
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not self.width < self.at < self.length - self.width:
            raise ValueError("the narrowing must lie at least its width away from both ends")
        return self

    def axes(self, z: Array) -> tuple[Array, Array]:
        """Semi-axes of the section across (x) and in depth (y) [m]."""
        press = np.exp(-4 * np.log(2) * ((z - self.at) / self.width) ** 2)
        both = self.radius**2 * (1 - self.narrowing * press)
        depth = np.sqrt(both / self.flatness**press)
        return both / depth, depth

    def build(self, folder: Path) -> TaggedMesh:  # noqa: ARG002
        """Exact rings → remeshed → filled."""
        # these load VTK, which takes seconds: reading a case must not
        from meshes.shapes.swept import along_z
        from meshes.tree import mesh_tree

        def outline(z: Array, angle: Array) -> tuple[Array, Array]:
            across, depth = self.axes(z / MM)
            middle = -self.eccentricity * (self.radius - depth)
            return MM * across * np.cos(angle), MM * (middle + depth * np.sin(angle))

        step = min(self.width / 16, self.size / 2) * MM
        surface, ends, line = along_z(outline, self.length * MM, step, 72)
        return TaggedMesh(
            **mesh_tree(surface, ends, [line], self.fineness()), record={"root": "outlet"}
        )
