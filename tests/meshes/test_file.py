"""Meshes made elsewhere: the same mesh comes back from every format, and bad ones are refused."""

import gzip
from dataclasses import replace
from pathlib import Path

import meshio
import numpy as np
import pytest

from core.errors import CaseError, MeshError
from core.settings import read
from meshes import export, quality, topology
from meshes.build import build
from meshes.foreign import volume as foreign
from meshes.sources.file import File
from meshes.tagged import TaggedMesh

ENDS = {"inlet": {"at": ["0 mm", "0 mm", "0 mm"]}, "outlet": {"at": ["1 mm", "0 mm", "20 mm"]}}


def of(path: str, unit: str = "mm", **more: object) -> File:
    return read(File, {"path": path, "unit": unit, **more}, "test")


def same(mesh: TaggedMesh, tube: TaggedMesh) -> None:
    """The mesh is the tube, its boundaries by name."""
    quality.gates(mesh)
    assert len(mesh.cells) == len(tube.cells)
    found, known = quality.figures(mesh), quality.figures(tube)
    # float32 points in some files
    assert found["volume"] == pytest.approx(known["volume"], rel=1e-5)
    for name in ("inlet", "outlet"):
        assert found[f"area.{name}"] == pytest.approx(known[f"area.{name}"], rel=1e-5)
        tag = next(tag for tag, known_name in mesh.names.items() if known_name == name)
        z = mesh.points[mesh.facets[mesh.facet_tags == tag]][..., 2]
        assert z == pytest.approx(20e-3 if name == "outlet" else 0.0, abs=1e-8)
    assert set(mesh.names.values()) == {"wall", "inlet", "outlet"}


def with_triangles(tube: TaggedMesh, scale: float = 1e3) -> meshio.Mesh:
    return meshio.Mesh(
        tube.points * scale,
        [("triangle", tube.facets), ("tetra", tube.cells)],
        cell_data={"CellEntityIds": [tube.facet_tags, tube.cell_tags]},
    )


@pytest.mark.parametrize("unit", ["mm", "cm", "m"])
def test_gmsh_names_come_back(tube: TaggedMesh, tmp_path: Path, unit: str) -> None:
    export.write_msh(tube, tmp_path / "tube.msh", unit)
    same(of("tube.msh", unit).build(tmp_path), tube)


def test_names_of_the_case_replace_those_of_the_file(tube: TaggedMesh, tmp_path: Path) -> None:
    export.write_msh(replace(tube, names={1: "skin", 10: "a", 11: "b"}), tmp_path / "t.msh")
    mesh = of("t.msh", names={"skin": "wall", 10: "inlet", "b": "outlet"}).build(tmp_path)
    same(mesh, tube)
    assert mesh.record["boundaries"] == {"wall": 1, "inlet": 10, "outlet": 11}


def test_two_tags_of_one_name_become_one(tube: TaggedMesh, tmp_path: Path) -> None:
    upper = tube.points[tube.facets][..., 2].mean(axis=1) > 10e-3
    halves = replace(
        tube,
        facet_tags=np.where((tube.facet_tags == 1) & upper, 5, tube.facet_tags),
        names={1: "wall", 5: "upper", 10: "inlet", 11: "outlet"},
    )
    export.write_msh(halves, tmp_path / "t.msh")
    same(of("t.msh", names={"upper": "wall"}).build(tmp_path), tube)


@pytest.mark.parametrize("encoding", ["ascii", "base64", "appended raw zlib", "appended base64"])
def test_vtu_in_every_encoding(tube: TaggedMesh, tmp_path: Path, encoding: str) -> None:
    import vtk

    meshio.write(tmp_path / "plain.vtu", with_triangles(tube))
    reader = vtk.vtkXMLUnstructuredGridReader()
    reader.SetFileName(str(tmp_path / "plain.vtu"))
    writer = vtk.vtkXMLUnstructuredGridWriter()
    writer.SetInputConnection(reader.GetOutputPort())
    writer.SetFileName(str(tmp_path / "tube.vtu"))
    writer.SetCompressorTypeToNone()
    if encoding == "ascii":
        writer.SetDataModeToAscii()
    elif encoding == "base64":
        writer.SetDataModeToBinary()
    else:
        writer.SetDataModeToAppended()
        writer.SetEncodeAppendedData("base64" in encoding)
        if "zlib" in encoding:
            writer.SetCompressorTypeToZLib()
    writer.Write()
    names = {"1": "wall", "10": "inlet", "11": "outlet"}
    same(of("tube.vtu", names=names).build(tmp_path), tube)


def test_xdmf(tube: TaggedMesh, tmp_path: Path) -> None:
    meshio.write(tmp_path / "tube.xdmf", with_triangles(tube))
    source = of("tube.xdmf", names={"1": "wall", "10": "inlet", "11": "outlet"})
    same(source.build(tmp_path), tube)
    assert set(source.inputs(tmp_path)) == {"mesh", "data"}


def test_untagged_mesh_is_named_by_points(tube: TaggedMesh, tmp_path: Path) -> None:
    meshio.write(tmp_path / "bare.vtu", meshio.Mesh(tube.points * 1e3, [("tetra", tube.cells)]))
    same(of("bare.vtu", openings=ENDS).build(tmp_path), tube)


def test_negative_cells_are_turned_and_recorded(tube: TaggedMesh, tmp_path: Path) -> None:
    turned = meshio.Mesh(tube.points * 1e3, [("tetra", tube.cells[:, [0, 2, 1, 3]])])
    meshio.write(tmp_path / "bare.vtu", turned)
    mesh = build(of("bare.vtu", openings=ENDS), tmp_path)
    same(mesh, tube)
    assert any("turned" in said for said in mesh.record["changed"])


def foam(folder: Path, tube: TaggedMesh, packed: bool) -> None:
    """Write the tube as an OpenFOAM polyMesh in metres."""
    faces = topology.faces(tube.cells)
    row = topology.match(faces.unique, tube.facets)
    tag = np.where(row < 0, 0, tube.facet_tags[row])
    order = topology.OUTWARD[4]
    cell_faces = topology.match(tube.cells[:, order].reshape(-1, 3), faces.unique)
    owners = np.full((len(faces.unique), 2), -1)
    for cell, face in zip(np.repeat(np.arange(len(tube.cells)), 4), cell_faces, strict=True):
        owners[face, int(owners[face, 0] >= 0)] = cell
    inner = np.flatnonzero(tag == 0)
    sequence = np.concatenate([inner, *(np.flatnonzero(tag == t) for t in (1, 10, 11))])
    poly = folder / "constant" / "polyMesh"
    poly.mkdir(parents=True)

    def put(name: str, kind: str, rows: list[str]) -> None:
        head = f"FoamFile {{ version 2.0; format ascii; class {kind}; object {name}; }}\n"
        text = head + f"{len(rows)}\n(\n" + "\n".join(rows) + "\n)\n"
        if packed:
            (poly / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (poly / name).write_text(text)

    put("points", "vectorField", [f"({x:.17g} {y:.17g} {z:.17g})" for x, y, z in tube.points])
    put("faces", "faceList", [f"3({a} {b} {c})" for a, b, c in faces.outward[sequence]])
    put("owner", "labelList", [str(x) for x in owners[sequence, 0]])
    put("neighbour", "labelList", [str(x) for x in owners[inner, 1]])
    start, patches = len(inner), []
    for name, t in (("vein", 1), ("in", 10), ("out", 11)):
        count = int((tag == t).sum())
        patches.append(f"{name} {{ type wall; nFaces {count}; startFace {start}; }}")
        start += count
    put("boundary", "polyBoundaryMesh", patches)


@pytest.mark.parametrize("packed", [False, True])
def test_openfoam(tube: TaggedMesh, tmp_path: Path, packed: bool) -> None:
    foam(tmp_path / "case", tube, packed)
    source = of("case", "m", names={"vein": "wall", "in": "inlet", "out": "outlet"})
    same(source.build(tmp_path), tube)
    assert len(source.inputs(tmp_path)) == 5


def test_mesh_complete(tube: TaggedMesh, tmp_path: Path) -> None:
    import vtk
    from vtk.util.numpy_support import numpy_to_vtk

    from meshes.surface import compact, to_vtk

    surfaces = tmp_path / "mesh-complete" / "mesh-surfaces"
    surfaces.mkdir(parents=True)
    numbers = np.arange(len(tube.points)) + 1
    meshio.write(
        surfaces.parent / "mesh-complete.mesh.vtu",
        meshio.Mesh(
            tube.points * 1e2, [("tetra", tube.cells)], point_data={"GlobalNodeID": numbers}
        ),
    )
    for tag, name in tube.names.items():
        facets = tube.facets[tube.facet_tags == tag]
        face = to_vtk(compact(tube.points * 1e2, facets, facets[:, 0]))
        ids = numpy_to_vtk(np.unique(facets) + 1, deep=1)
        ids.SetName("GlobalNodeID")
        face.GetPointData().AddArray(ids)
        writer = vtk.vtkXMLPolyDataWriter()
        writer.SetFileName(str(surfaces / f"{name}.vtp"))
        writer.SetInputData(face)
        writer.Write()
    same(of("mesh-complete", "cm").build(tmp_path), tube)


def test_prisms_and_hexahedra_are_split_to_fit(tmp_path: Path) -> None:
    """A box of a hexahedron, two prisms and pyramids: volume kept, no facet shared thrice."""
    x, y, z = np.meshgrid(range(4), range(2), range(2), indexing="ij")
    points = np.stack([x.ravel(), y.ravel(), z.ravel()], axis=1).astype(float)
    rng = np.random.default_rng(0)
    number = rng.permutation(len(points))  # the split follows the numbering: try an odd one
    shuffled = np.empty_like(points)
    shuffled[number] = points

    def n(i: int, j: int, k: int) -> int:
        return int(number[(i * 2 + j) * 2 + k])

    def box(i: int) -> list[int]:
        return [
            n(i, 0, 0),
            n(i + 1, 0, 0),
            n(i + 1, 1, 0),
            n(i, 1, 0),
            n(i, 0, 1),
            n(i + 1, 0, 1),
            n(i + 1, 1, 1),
            n(i, 1, 1),
        ]

    b = box(1)
    prisms = [[b[0], b[1], b[2], b[4], b[5], b[6]], [b[0], b[2], b[3], b[4], b[6], b[7]]]
    c, middle = box(2), len(points)
    shuffled = np.vstack([shuffled, [2.5, 0.5, 0.5]])
    bases = [(0, 1, 2, 3), (7, 6, 5, 4), (0, 4, 5, 1), (1, 5, 6, 2), (2, 6, 7, 3), (3, 7, 4, 0)]
    pyramids = [[c[i] for i in base] + [middle] for base in bases]
    cells = [("hexahedron", [box(0)]), ("wedge", prisms), ("pyramid", pyramids)]
    meshio.write(tmp_path / "box.vtu", meshio.Mesh(shuffled, cells))
    found = foreign.read(tmp_path / "box.vtu")
    volume = topology.volumes(found.points, found.cells)
    assert np.abs(volume).sum() == pytest.approx(3.0)
    faces = topology.faces(found.cells)
    assert faces.count.max() == 2
    border = faces.unique[faces.count == 1]
    area = np.linalg.norm(topology.facet_vectors(found.points, border), axis=1).sum()
    assert area == pytest.approx(14.0)


def test_wrong_unit_is_told(tube: TaggedMesh, tmp_path: Path) -> None:
    export.write_msh(tube, tmp_path / "t.msh", "mm")
    with pytest.raises(MeshError, match="no vessel has") as caught:
        build(of("t.msh", "m"), tmp_path)
    assert "mm where m was said" in caught.value.do


def test_unit_is_required() -> None:
    with pytest.raises(CaseError, match=r"missing|required"):
        read(File, {"path": "t.msh"}, "test")


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ({}, r"tags \[1, 10, 11\] have no name"),
        ({"names": {"1": "wall", "10": "inlet"}}, r"tags \[11\] have no name"),
        ({"names": {"1": "skin", "10": "inlet", "11": "outlet"}}, 'called "wall"'),
        ({"names": {"1": "wall", "10": "inlet", "11": "outlet", "12": "x"}}, "does not have"),
    ],
)
def test_bad_names_are_refused(
    tube: TaggedMesh, tmp_path: Path, more: dict[str, object], what: str
) -> None:
    meshio.write(tmp_path / "t.vtu", with_triangles(tube))
    with pytest.raises(MeshError, match=what) as caught:
        of("t.vtu", **more).build(tmp_path)
    assert caught.value.do


def test_unknown_tag_array_lists_those_there_are(tube: TaggedMesh, tmp_path: Path) -> None:
    meshio.write(tmp_path / "t.vtu", with_triangles(tube))
    with pytest.raises(CaseError, match="no cell array 'faces'") as caught:
        of("t.vtu", tags="faces").build(tmp_path)
    assert "CellEntityIds" in caught.value.do


@pytest.mark.parametrize(
    ("at", "what"),
    [
        (["0 mm", "0 mm", "1 mm"], "resolve to the same cap"),
        (["0 mm", "0 mm", "90 mm"], "70.0 mm from"),
    ],
)
def test_bad_openings_are_refused(
    tube: TaggedMesh, tmp_path: Path, at: list[str], what: str
) -> None:
    meshio.write(tmp_path / "bare.vtu", meshio.Mesh(tube.points * 1e3, [("tetra", tube.cells)]))
    with pytest.raises(MeshError, match=what):
        of("bare.vtu", openings={**ENDS, "outlet": {"at": at}}).build(tmp_path)


def test_unnamed_end_is_warned_of(tube: TaggedMesh, tmp_path: Path) -> None:
    meshio.write(tmp_path / "bare.vtu", meshio.Mesh(tube.points * 1e3, [("tetra", tube.cells)]))
    mesh = of("bare.vtu", openings={"inlet": ENDS["inlet"]}).build(tmp_path)
    assert any("not named" in said for said in mesh.record["warnings"])


def test_surface_only_is_refused(tube: TaggedMesh, tmp_path: Path) -> None:
    meshio.write(tmp_path / "skin.vtu", meshio.Mesh(tube.points, [("triangle", tube.facets)]))
    with pytest.raises(MeshError, match="no tetrahedra"):
        of("skin.vtu", "m").build(tmp_path)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.msh", "$MeshFormat\n4.1 0 8\n$EndMeshFormat\n"),
        ("t.msh", "rubbish"),
        ("t.vtu", "rubbish"),
        ("t.vtk", "# vtk DataFile Version 3.0\nx\nASCII\nDATASET POLYDATA\n"),
        ("t.xyz", "0 0 0"),
        ("t.xdmf", "<Xdmf>"),
    ],
)
def test_unreadable_files_are_refused(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises((CaseError, MeshError)) as caught:
        of(name).build(tmp_path)
    assert name in caught.value.where


def test_missing_file_and_strange_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="does not exist"):
        of("no.msh").build(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(CaseError, match="neither"):
        of("folder").build(tmp_path)
