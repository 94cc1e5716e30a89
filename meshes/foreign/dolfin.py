"""Legacy DOLFIN meshes: HDF5 files (VaMPy, VaSP, turtleFSI) and XML, packed or not."""

import gzip
import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError
from meshes import topology
from meshes.foreign.volume import NONE, Foreign

Array = NDArray[Any]


def is_dolfin(path: Path) -> bool:
    """Whether the file's name is one of a DOLFIN mesh."""
    return path.name.endswith((".h5", ".hdf5", ".xml", ".xml.gz"))


def read(path: Path) -> Foreign:
    """Tetrahedra, with boundary and cell tags where the HDF5 file has them.

    Facets with tag 0 or no tag count as untagged: that is DOLFIN's custom.
    """
    if not path.name.endswith((".h5", ".hdf5")):
        return _read_xml(path)
    with h5py.File(path, "r", locking=False) as file:
        if "mesh/coordinates" not in file or "mesh/topology" not in file:
            raise CaseError(
                "this HDF5 file holds no DOLFIN mesh",
                where=str(path),
                do=f"it has: {', '.join(file) or 'nothing'}; DOLFIN's have `mesh`",
            )
        points = np.asarray(file["mesh/coordinates"][()], dtype=float)
        cells = np.asarray(file["mesh/topology"][()]).astype(np.int64)
        facets, tags = _marked(file, "boundaries", points, 3)
        marked, regions = _marked(file, "domains", points, 4)
    cell_tags = None
    if len(marked):
        cell_tags = np.zeros(len(cells), dtype=np.int64)
        row = topology.match(marked, cells)
        cell_tags[row[row >= 0]] = regions[row >= 0]
    return Foreign(points, _turned(points, cells), facets, tags, cell_tags)


def _turned(points: Array, cells: Array) -> Array:
    """The cells positively oriented: DOLFIN orders corners by their numbers, not by handedness."""
    if len(cells) == 0 or cells.max() >= len(points) or cells.min() < 0:
        return cells
    negative = topology.volumes(points, cells) < 0
    return np.where(negative[:, None], cells[:, [0, 1, 3, 2]], cells)


def _marked(file: h5py.File, name: str, points: Array, corners: int) -> tuple[Array, Array]:
    """The entities of a mesh function by the mesh's point numbers, and their values above 0."""
    if f"{name}/values" not in file or f"{name}/topology" not in file:
        return NONE[:, :corners], np.zeros(0, dtype=np.int64)
    own = np.asarray(file[f"{name}/topology"][()]).astype(np.int64)
    values = np.asarray(file[f"{name}/values"][()])
    places = np.asarray(file[f"{name}/coordinates"][()]) if f"{name}/coordinates" in file else None
    if places is not None and (places.shape != points.shape or not np.allclose(places, points)):
        raise CaseError(
            f"the mesh and its {name} number their points differently",
            where=file.filename,
            do="write both from one mesh",
        )
    # "no value" is written as the largest unsigned number
    there = (values > 0) & (values < np.iinfo(np.int32).max)
    return own[there], values[there].astype(np.int64)


def _read_xml(path: Path) -> Foreign:
    import meshio

    if path.suffix != ".gz":
        return _of_meshio(meshio.read(path, file_format="dolfin-xml"))
    with tempfile.TemporaryDirectory(prefix="dvtwin-dolfin-") as folder:
        plain = Path(folder, "mesh.xml")
        plain.write_bytes(gzip.decompress(path.read_bytes()))
        return _of_meshio(meshio.read(plain, file_format="dolfin-xml"))


def _of_meshio(mesh: Any) -> Foreign:
    points = np.asarray(mesh.points, dtype=float)
    return Foreign(points, _turned(points, mesh.cells_dict["tetra"].astype(np.int64)))
