"""Surfaces from files to meshes: open, capped and blunt ends, every format, legacy DOLFIN."""

from dataclasses import replace
from pathlib import Path

import h5py
import meshio
import numpy as np
import pytest

from core.errors import CaseError, MeshError
from core.settings import read
from meshes import topology
from meshes.build import build
from meshes.foreign import surface as foreign_surface
from meshes.foreign import volume as foreign
from meshes.sources.file import File
from meshes.sources.surface import SurfaceFile
from meshes.tagged import TaggedMesh
from tests.meshes import shells

PIPE = shells.pipe(around=32, along=31)
VOLUME = 0.5 * 32 * np.sin(2 * np.pi / 32) * 4e-3**2 * 30e-3


def of(path: str, unit: str = "mm", **more: object) -> SurfaceFile:
    ends = {"low": {"at": ["0 mm"] * 3}, "high": {"at": ["0 mm", "0 mm", "30 mm"]}}
    table = {"path": path, "unit": unit, "root": "high", "size": "2 mm", "across": 4,
             "openings": ends}  # fmt: skip
    return read(SurfaceFile, {**table, **more}, "test")


def test_open_surface_keeps_its_flat_ends(tmp_path: Path) -> None:
    shells.write(PIPE, tmp_path / "p.stl")
    mesh = build(of("p.stl"), tmp_path)
    # facets of 2 mm on a radius of 4 mm lie 2 to 4 % inside
    assert mesh.quality["volume"] == pytest.approx(VOLUME, rel=0.05)
    assert mesh.points[:, 2].min() == pytest.approx(0, abs=1e-9)
    assert mesh.points[:, 2].max() == pytest.approx(30e-3)
    assert {b.decode() for b in mesh.sections.branch} == {"low"}
    assert mesh.record["surface"]["volume"] == pytest.approx(VOLUME, rel=1e-3)


def test_trimmed_surface_is_shorter(tmp_path: Path) -> None:
    shells.write(replace(PIPE, points=PIPE.points / 10), tmp_path / "p.vtp")
    mesh = of("p.vtp", "cm", trim=1.0).build(tmp_path)
    assert np.ptp(mesh.points[:, 2]) == pytest.approx(22e-3, abs=0.3e-3)


@pytest.mark.parametrize("suffix", [".stl", ".ply", ".obj", ".vtp"])
def test_every_format_gives_the_same_triangles(suffix: str, tmp_path: Path) -> None:
    found = foreign_surface.read(shells.write(PIPE, tmp_path / f"p{suffix}"))
    sound, said = foreign_surface.joined(found)
    assert said == []
    assert len(sound.triangles) == len(PIPE.triangles)
    at = {"low": np.zeros(3), "high": np.array([0, 0, 30.0])}
    shell = foreign_surface.mended(found, at)
    assert shell.closed.volume == pytest.approx(VOLUME * 1e9, rel=1e-5)


def test_capped_surface_gives_the_same_ends_as_an_open_one() -> None:
    at = {"low": np.zeros(3), "high": np.array([0, 0, 30.0])}
    opened = foreign_surface.mended(PIPE, at)
    again = foreign_surface.mended(opened.closed, at)
    assert sorted(again.holes[:, 2]) == pytest.approx(sorted(opened.holes[:, 2]))
    assert len(again.holed.triangles) == len(PIPE.triangles)


def dolfin(path: Path, tube: TaggedMesh) -> None:
    """The tube as legacy DOLFIN writes it: corners by number, a region of two around nothing."""
    with h5py.File(path, "w") as file:
        file["mesh/coordinates"], file["mesh/topology"] = tube.points, np.sort(tube.cells, axis=1)
        file["boundaries/coordinates"] = tube.points
        faces = topology.faces(tube.cells).unique
        tags = np.zeros(len(faces), dtype=np.uint64)
        tags[topology.match(tube.facets, faces)] = tube.facet_tags
        file["boundaries/topology"], file["boundaries/values"] = faces, tags
        upper = tube.points[tube.cells].mean(axis=1)[:, 2] > 12e-3
        file["domains/topology"], file["domains/values"] = tube.cells, 1 + upper.astype(np.uint64)


def test_dolfin_hdf5(tube: TaggedMesh, tmp_path: Path) -> None:
    dolfin(tmp_path / "t.h5", tube)
    names = {"1": "wall", "10": "inlet", "11": "outlet"}
    case = {"path": "t.h5", "unit": "m", "names": names}
    with pytest.raises(MeshError, match="several regions") as caught:
        read(File, case, "test").build(tmp_path)
    assert "1 (" in caught.value.do
    whole = build(read(File, {**case, "regions": [1, 2]}, "test"), tmp_path)
    assert whole.quality["volume"] == pytest.approx(
        topology.volumes(tube.points, tube.cells).sum(), rel=1e-12
    )
    with pytest.raises(MeshError, match="have no tag"):  # half of it has an end without a tag
        build(read(File, {"path": "t.h5", "unit": "m", "regions": [1],
                          "names": {"1": "wall", "10": "inlet"}}, "test"), tmp_path)  # fmt: skip
    with pytest.raises(MeshError, match=r"not all of the regions \[7\]"):
        read(File, {**case, "regions": [7]}, "test").build(tmp_path)


@pytest.mark.parametrize("packed", [False, True])
def test_dolfin_xml(packed: bool, tube: TaggedMesh, tmp_path: Path) -> None:
    import gzip

    plain = tmp_path / "t.xml"
    meshio.write(plain, meshio.Mesh(tube.points, [("tetra", tube.cells)]), "dolfin-xml")
    if packed:
        (tmp_path / "t.xml.gz").write_bytes(gzip.compress(plain.read_bytes()))
    found = foreign.read(tmp_path / ("t.xml.gz" if packed else "t.xml"))
    assert np.array_equal(found.cells, tube.cells)
    assert found.points == pytest.approx(tube.points)


def test_surface_without_unit_is_refused() -> None:
    with pytest.raises(CaseError, match=r"missing|required"):
        read(SurfaceFile, {"path": "p.stl"}, "test")
