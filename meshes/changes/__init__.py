"""Changes of a finished mesh, a file for each kind: the same cells with another calibre."""

from core.registry import Registry
from core.settings import Settings
from meshes.tagged import TaggedMesh


class MeshChange(Settings):
    """What is done to a mesh that has centreline sections; cells, tags and openings stay."""

    def applied(self, mesh: TaggedMesh) -> TaggedMesh:
        """The changed mesh. Raises `CaseError` for a wrong place, `MeshError` where cells fold."""
        raise NotImplementedError


mesh_changes = Registry("mesh change", __name__, MeshChange)
