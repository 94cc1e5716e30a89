"""A mesh made elsewhere (gmsh, VTU, XDMF, OpenFOAM, SimVascular), named by the case."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from core.errors import MeshError
from core.units import length_factor
from meshes import topology
from meshes.ends import caps
from meshes.foreign import volume as foreign
from meshes.sources import MeshSource, Opening, existing
from meshes.tagged import EXTENSION, LUMEN_CELLS, WALL, TaggedMesh

Array = NDArray[Any]


class File(MeshSource):
    """A tetrahedral mesh in a file or folder.

    Boundary tags of the file get their names from the file, or from ``names``, whose keys are the
    file's tags or its own names. A mesh without boundary tags has its flat ends named by
    ``openings``; the rest is wall.
    """

    kind: Literal["file"] = "file"
    path: str = Field(description="mesh file, OpenFOAM case or SimVascular mesh-complete folder")
    unit: str = Field(description="unit of the file's coordinates: files do not say it")
    names: dict[str, str] = Field({}, description="name of each boundary tag")
    tags: str | None = Field(
        None, description="the file's array of boundary tags, where it has several"
    )
    openings: dict[str, Opening] = Field(
        {}, description="openings of a mesh without boundary tags"
    )
    regions: tuple[int, ...] = Field(
        (), description="cell tags that are lumen, where the file has several regions"
    )
    root: str | None = Field(None, description="the opening towards the heart")
    any_size: bool = Field(False, description="accept openings that no vessel has (benchmarks)")

    @field_validator("unit")
    @classmethod
    def _is_a_length(cls, unit: str) -> str:
        length_factor(unit)
        return unit

    @field_validator("names", mode="before")
    @classmethod
    def _keys_as_text(cls, names: Any) -> Any:
        return (
            {str(key): value for key, value in names.items()} if isinstance(names, dict) else names
        )

    def inputs(self, folder: Path) -> dict[str, Path]:
        """The file, or every file of the folder."""
        path = existing(folder, self.path, "mesh")
        if path.is_file():
            extra = path.with_suffix(".h5")
            return {"mesh": path} | (
                {"data": extra} if path.suffix == ".xdmf" and extra.exists() else {}
            )
        files = sorted(p for p in path.rglob("*") if p.is_file() and _is_mesh_part(p))
        return {str(p.relative_to(path)): p for p in files}

    def build(self, folder: Path) -> TaggedMesh:
        """The file's tetrahedra in metres with every boundary facet tagged and named."""
        path = existing(folder, self.path, "mesh")
        said: dict[str, Any] = {"root": self.root, "changed": [], "warnings": []}
        found = self._lumen(foreign.read_safely(path, self.tags), said)
        points = found.points * length_factor(self.unit)
        cells = found.cells
        faces = topology.faces(cells)
        border = faces.outward[faces.count == 1]
        found = _on_boundary(found, border, said)
        if len(found.facets):
            tags, names = self._named(found, said)
            facets = found.facets
        else:
            facets = self._outward(points, cells, border)
            at = {name: np.array(opening.at) for name, opening in self.openings.items()}
            tags, names, said["warnings"] = caps.named(points, facets, at)
        return TaggedMesh(
            points, cells, _cell_tags(found), facets, tags.astype(np.int32), names, record=said
        )

    def _lumen(self, found: foreign.Foreign, said: dict[str, Any]) -> foreign.Foreign:
        """The regions that blood fills. Raises `MeshError` where the case does not say which."""
        there = _cell_tags(found)
        count = {int(tag): int((there == tag).sum()) for tag in np.unique(there)}
        ours = set(count) <= {LUMEN_CELLS, LUMEN_CELLS + 1, LUMEN_CELLS + 2}
        if not self.regions and (len(count) == 1 or ours):
            return found
        if not self.regions or not set(self.regions) <= set(count):
            raise MeshError(
                "the file has several regions of cells, and not all need be blood"
                if not self.regions
                else f"the file has not all of the regions {list(self.regions)}",
                where="mesh.regions",
                do="say which are lumen, e.g. regions = [1]; the file has "
                + ", ".join(f"{tag} ({number:,} cells)" for tag, number in count.items()),
            )
        keep = np.isin(there, self.regions)
        if not keep.all():
            said["changed"].append(f"left out {int((~keep).sum())} cells of other regions")
        used, cells = np.unique(found.cells[keep], return_inverse=True)
        place = np.full(len(found.points), -1, dtype=np.int64)
        place[used] = np.arange(len(used))
        facets = place[found.facets]
        whole = (facets >= 0).all(axis=1)
        return replace(
            found,
            points=found.points[used],
            cells=cells.reshape(-1, 4),
            facets=facets[whole],
            facet_tags=found.facet_tags[whole],
            cell_tags=None,
        )

    @staticmethod
    def _outward(points: Array, cells: Array, border: Array) -> Array:
        """The boundary with normals outwards, also where the file's cells are all negative."""
        negative = topology.volumes(points, cells).sum() < 0
        return border[:, ::-1] if negative else border

    def _named(self, found: foreign.Foreign, said: dict[str, Any]) -> tuple[Array, dict[int, str]]:
        """Tags renumbered so that each name has one: walls 1 and 2, openings from 10."""
        there = [int(tag) for tag in np.unique(found.facet_tags)]
        title = {tag: self._name_of(tag, found.names.get(tag)) for tag in there}
        unnamed = [tag for tag, name in title.items() if name is None]
        if unnamed:
            raise MeshError(
                f"the file's boundary tags {unnamed} have no name",
                where="mesh.names",
                do="add e.g. names = { "
                + ", ".join(f'{t} = "…"' for t in unnamed)
                + ' }; walls are "wall"',
            )
        used = {str(tag) for tag in there} | {found.names.get(tag, "") for tag in there}
        strange = sorted(set(self.names) - used)
        if strange:
            raise MeshError(
                f"mesh.names speaks of {strange}, which the file does not have",
                where="mesh.names",
                do="the file has: "
                + ", ".join(f"{t} ({found.names.get(t, 'no name')})" for t in there),
            )
        titles = {str(name) for name in title.values()}
        if WALL not in titles:
            raise MeshError(
                f'none of the boundaries {sorted(titles)} is called "wall"',
                where="mesh.names",
                do='say which it is: names = { … = "wall" }',
            )
        number = {WALL: 1, EXTENSION: 2}
        number |= {n: 10 + k for k, n in enumerate(sorted(titles - set(number)))}
        said["boundaries"] = {str(name): tag for tag, name in title.items()}
        tags = np.array([number[str(title[int(tag)])] for tag in found.facet_tags])
        return tags, {number[name]: name for name in titles}

    def _name_of(self, tag: int, own: str | None) -> str | None:
        if str(tag) in self.names:
            return self.names[str(tag)]
        return self.names.get(own, own) if own is not None else None


def _on_boundary(found: foreign.Foreign, border: Array, said: dict[str, Any]) -> foreign.Foreign:
    """The mesh with those of its tagged facets that are boundary; interfaces are left out."""
    row = topology.match(found.facets, border)
    if (row >= 0).all():
        return found
    said["changed"].append(f"left out {int((row < 0).sum())} tagged facets inside the mesh")
    return replace(found, facets=found.facets[row >= 0], facet_tags=found.facet_tags[row >= 0])


def _cell_tags(found: foreign.Foreign) -> Array:
    """The file's cell tags where it has several regions, else lumen everywhere."""
    if found.cell_tags is None or len(np.unique(found.cell_tags)) < 2:
        return np.full(len(found.cells), LUMEN_CELLS, dtype=np.int32)
    return np.asarray(found.cell_tags).astype(np.int32)


def _is_mesh_part(path: Path) -> bool:
    return path.parent.name == "polyMesh" or path.suffix in (".vtu", ".vtp")
