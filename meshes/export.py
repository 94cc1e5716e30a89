"""A tagged mesh for other programs: gmsh files with physical groups."""

from pathlib import Path

import meshio
import numpy as np

from core.units import length_factor
from meshes.tagged import TaggedMesh


def write_msh(mesh: TaggedMesh, path: Path, unit: str = "mm") -> None:
    """Write a binary gmsh 2.2 file in ``unit``: physical surfaces by name, volumes by cell tag."""
    regions = {int(tag): f"cells_{tag}" for tag in np.unique(mesh.cell_tags)}
    names = {name: np.array([tag, 2]) for tag, name in mesh.names.items()}
    names |= {name: np.array([tag, 3]) for tag, name in regions.items()}
    tags = [mesh.facet_tags.astype(np.int32), mesh.cell_tags.astype(np.int32)]
    data = meshio.Mesh(
        mesh.points / length_factor(unit),
        [("triangle", mesh.facets), ("tetra", mesh.cells)],
        cell_data={"gmsh:physical": tags, "gmsh:geometrical": tags},
        field_data=names,
    )
    meshio.write(path, data, file_format="gmsh22", binary=True)
