"""Mesh sources, a file for each kind of input: each gives a `TaggedMesh` in metres."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from core.errors import CaseError
from core.registry import Registry
from core.settings import Settings, quantity
from core.units import length_factor
from meshes.tagged import TaggedMesh

if TYPE_CHECKING:
    from meshes.surface import Surface
    from meshes.tree import Fineness

GROWTH = 0.3
"""Largest growth of the edge length per length: neighbours differ by less than a third."""

Array = NDArray[Any]
Ball = tuple[Array, float, float]
"""Centre, radius and edge length of a refined ball, in the mesher's unit."""


class Zone(Settings):
    """A ball in which the mesh is finer; outside it edges grow by `GROWTH` per length."""

    at: tuple[float, float, float] = quantity("m", meaning="centre of the refined ball")
    radius: float = quantity("m", meaning="radius of the refined ball", above="0 mm")
    size: float = quantity("m", meaning="edge length in the ball", above="0 mm")


class Opening(Settings):
    """Where blood may cross: a point at the vessel's end, in the source's own frame."""

    at: tuple[float, float, float] = quantity("m", meaning="a point at the vessel's end")


class MeshSource(Settings):
    """A `[mesh]` table: what a `kind` of input needs to become a tagged mesh. Serial, no MPI."""

    plane_spacing: float = quantity(
        "m", "1 mm", "distance of the planes along the centrelines", above="0.05 mm"
    )

    def build(self, folder: Path) -> TaggedMesh:
        """The mesh; relative paths start at ``folder``, where the case file is."""
        raise NotImplementedError

    def inputs(self, folder: Path) -> dict[str, Path]:  # noqa: ARG002
        """The files it reads, by what they are: their digests make the mesh stale."""
        return {}


class Meshed(MeshSource):
    """A source that meshes a vessel tree itself: how fine."""

    size: float = quantity("m", meaning="edge length in wide vessels", above="0 mm")
    across: int = Field(8, ge=4, le=40, description="edges across a narrow vessel, at least")
    refine: tuple[Zone, ...] = ()
    layers: int = Field(0, ge=0, le=8, description="thin layers of cells along the wall")
    layer_thickness: float = quantity(
        "1", 0.15, "thickness of all layers, in radii", at_least=0.02, at_most=0.4
    )

    def fineness(self) -> "Fineness":
        """The same for the mesher."""
        # loads VTK, which takes seconds: reading a case must not
        from meshes.tree import Fineness

        return Fineness(self.size, self.across, self.refine, self.layers, self.layer_thickness)


class Opened(Meshed):
    """A source of a vessel's closed surface, whose ends the case declares."""

    unit: str = Field(description="unit of the file's coordinates, normally mm")
    openings: dict[str, Opening] = Field(description="where blood may cross, by name")
    root: str = Field(description="the opening towards the heart")
    trim: float = quantity(
        "1",
        1.0,
        "how much of each end is cut off, in radii: segmentations end bluntly",
        at_least=0.3,
    )
    extend: float = quantity(
        "1",
        0.0,
        "length of the straight tube added to each end, in radii",
        at_least=0.0,
        at_most=20.0,
    )

    @model_validator(mode="after")
    def _openings_make_sense(self) -> Self:
        length_factor(self.unit)
        if self.root not in self.openings:
            raise ValueError(
                f"root {self.root!r} is none of the openings: {', '.join(self.openings)}"
            )
        if len(self.openings) < 2:
            raise ValueError("openings: a vessel needs at least two")
        if reserved := {"wall", "wall_ext"} & set(self.openings):
            raise ValueError(f"openings: {reserved.pop()!r} is the name of a wall")
        return self

    def opened(
        self,
        surface: "Surface",
        record: dict[str, Any],
        holed: "Surface | None" = None,
        holes: Array | None = None,
    ) -> TaggedMesh:
        """The closed ``surface`` [mm] → centrelines → cut and capped → remeshed → filled.

        ``holed`` is the same with ``holes`` (middles) at its ends, where it came so.
        """
        from meshes.ends.openings import cut_all
        from meshes.ends.points import ends_of, kept_ends
        from meshes.tree import mesh_tree

        at = {name: np.array(opening.at) * 1e3 for name, opening in self.openings.items()}
        ends, lines = ends_of(surface, at, self.root, self.trim, holed, holes)
        if self.trim == 0:
            wall = surface if holed is None else holed
            ends = kept_ends(wall, ends)
        else:
            wall = cut_all(surface, ends)
        mesh = mesh_tree(wall, ends, lines, self.fineness(), self.extend)
        return TaggedMesh(**mesh, record={"root": self.root, **record})


def existing(folder: Path, path: str, what: str) -> Path:
    """``path`` below ``folder``. Raises `CaseError` where it does not exist."""
    found = folder / path
    if not found.exists():
        raise CaseError(
            f"the {what} {path!r} does not exist",
            where=f"mesh.path, looked for in {folder}",
            do="correct the path; relative paths start at the folder of the case file",
        )
    return found


sources = Registry("mesh source", "meshes.sources", MeshSource)

__all__ = [
    "GROWTH",
    "Ball",
    "MeshSource",
    "Meshed",
    "Opened",
    "Opening",
    "Zone",
    "existing",
    "sources",
]
