"""A tagged mesh as plain arrays in metres, and its file `mesh.h5`: what every mesh source gives.

mesh.h5   attrs schema, key, names (JSON: tag → name), record (JSON)
    points (N,3) f8 [m]   cells (C,4) i8   cell_tags (C) i4
    facets (F,3) i8       facet_tags (F) i4   every boundary facet exactly once
    sections/             branch (S) text, arc, centre, tangent, radius
    quality               attrs: the figures of `meshes.quality`
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError

SCHEMA = 1
WALL = "wall"
EXTENSION = "wall_ext"
LUMEN_CELLS = 100
"""Cell tag of the lumen; other tags are for sources that know more regions."""

Array = NDArray[Any]


@dataclass(frozen=True)
class Sections:
    """Planes along the centrelines: branch name, arc length from its peripheral end, centre,
    tangent
    (towards the heart) and inscribed radius [m]; all of length S.
    """

    branch: Array
    arc: Array
    centre: Array
    tangent: Array
    radius: Array

    @classmethod
    def none(cls) -> "Sections":
        """No planes, for meshes without a centreline (2D, closed test boxes)."""
        empty = np.zeros(0)
        return cls(np.zeros(0, dtype="S1"), empty, np.zeros((0, 3)), np.zeros((0, 3)), empty)


@dataclass(frozen=True)
class TaggedMesh:
    """Tetrahedra (or triangles, for 2D) in metres with every boundary facet tagged and named.

    ``facets`` are point triples of the boundary, each once, ``facet_tags`` their tags, ``names``
    the name of each tag. The vessel wall is "wall"; walls of flow extensions are "wall_ext".
    """

    points: Array
    cells: Array
    cell_tags: Array
    facets: Array
    facet_tags: Array
    names: Mapping[int, str]
    sections: Sections = field(default_factory=Sections.none)
    quality: Mapping[str, float] = field(default_factory=dict)
    record: Mapping[str, Any] = field(default_factory=dict)

    def save(self, path: Path, *, key: str = "") -> None:
        """Write `mesh.h5` under a temporary name and rename it when it is whole."""
        partial = path.with_suffix(".partial")
        with h5py.File(partial, "w", libver=("v110", "v110")) as file:
            file.attrs.update(
                schema=SCHEMA,
                key=key,
                names=json.dumps(dict(self.names)),
                record=json.dumps(dict(self.record)),
            )
            for name in ("points", "cells", "cell_tags", "facets", "facet_tags"):
                _put(file, name, getattr(self, name))
            group = file.create_group("sections")
            _put(group, "branch", np.asarray(self.sections.branch, dtype="S"))
            for name in ("arc", "centre", "tangent", "radius"):
                _put(group, name, getattr(self.sections, name))
            file.create_group("quality").attrs.update(self.quality)
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(path)


def load(path: Path) -> TaggedMesh:
    """Read a whole `mesh.h5`. Raises `CaseError` where it is none."""
    try:
        with h5py.File(path, "r", locking=False) as file:
            sections = file["sections"]
            return TaggedMesh(
                **{
                    n: file[n][()]
                    for n in ("points", "cells", "cell_tags", "facets", "facet_tags")
                },
                names={int(tag): name for tag, name in json.loads(file.attrs["names"]).items()},
                sections=Sections(
                    sections["branch"][()],
                    *(sections[n][()] for n in ("arc", "centre", "tangent", "radius")),
                ),
                quality=dict(file["quality"].attrs),
                record=json.loads(file.attrs["record"]),
            )
    except (OSError, KeyError) as error:
        raise CaseError(
            "this is no dvtwin mesh file, or it is damaged",
            where=str(path),
            do="delete it and run the same command again: it is made anew",
        ) from error


def _put(group: "h5py.Group", name: str, values: Array) -> None:
    """A dataset with checksums: damage is an error where it is read, never another mesh."""
    group.create_dataset(name, data=values, fletcher32=np.size(values) > 0)
