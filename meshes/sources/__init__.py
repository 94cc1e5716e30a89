"""Mesh sources, a file for each kind of input: each gives a `TaggedMesh` in metres."""

from pathlib import Path
from typing import Any

from core.errors import CaseError
from core.registry import Registry
from core.settings import Settings, quantity
from meshes.tagged import TaggedMesh

GROWTH = 0.3
"""Largest growth of the edge length per length: neighbours differ by less than a third."""


def lengths(meaning: str, *, optional: bool = False) -> Any:
    """A `quantity` in metres for a tuple; its numbers were checked when they were read."""
    field = quantity("m", meaning=meaning, optional=optional)
    field.metadata = []  # pydantic's own check of finiteness takes one number only
    return field


class Zone(Settings):
    """A ball in which the mesh is finer; outside it edges grow by `GROWTH` per length."""

    at: tuple[float, float, float] = lengths("centre of the refined ball")
    radius: float = quantity("m", meaning="radius of the refined ball", above="0 mm")
    size: float = quantity("m", meaning="edge length in the ball", above="0 mm")


class Opening(Settings):
    """Where blood may cross: a point at the vessel's end, in the source's own frame."""

    at: tuple[float, float, float] = lengths("a point at the vessel's end")


class MeshSource(Settings):
    """A `[mesh]` table: what a `kind` of input needs to become a tagged mesh. Serial, no MPI."""

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

__all__ = ["GROWTH", "MeshSource", "Opening", "Zone", "existing", "lengths", "sources"]
