"""The mesh of another source, changed without being meshed anew."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from meshes.changes import MeshChange, mesh_changes
from meshes.sources import MeshSource, sources
from meshes.tagged import TaggedMesh


class Changed(MeshSource):
    """The mesh ``of`` a source with ``changes`` in their order: same cells, comparable fields.

    Planes are those of the first mesh, so that a place keeps its arc length.
    """

    kind: Literal["changed"] = "changed"
    of: Annotated[MeshSource, *sources.field()]
    changes: tuple[Annotated[MeshChange, *mesh_changes.field()], ...] = Field(min_length=1)

    def build(self, folder: Path) -> TaggedMesh:
        """The mesh, then each change."""
        from meshes.build import build

        mesh = build(self.of, folder)
        for change in self.changes:
            mesh = change.applied(mesh)
        # doubts about the first mesh are looked for again in the last
        return replace(mesh, record={**mesh.record, "warnings": []})

    def inputs(self, folder: Path) -> dict[str, Path]:
        """The files of the source."""
        return self.of.inputs(folder)
