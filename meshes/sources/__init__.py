"""Mesh sources, a file for each kind of input: each gives a `TaggedMesh` in metres."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from core.errors import CaseError
from core.registry import Registry
from core.settings import Settings, quantity
from meshes.tagged import TaggedMesh

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

__all__ = ["GROWTH", "Ball", "MeshSource", "Opening", "Zone", "existing", "sources"]
