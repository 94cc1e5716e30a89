"""Damaged and impossible inputs: refused in our words or mended and said; never a crash, never a
wrong mesh without a word.
"""

import contextlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import meshio
import numpy as np
import pytest

from core.errors import CaseError, MeshError, TwinError
from core.settings import read
from meshes import quality
from meshes.ends.openings import End
from meshes.ends.points import kept_ends
from meshes.foreign import surface as foreign_surface
from meshes.foreign import volume as foreign
from meshes.images import image, labels
from meshes.images.image import Image
from meshes.sources.file import File
from meshes.sources.surface import SurfaceFile
from meshes.surface import Surface
from meshes.tagged import TaggedMesh
from tests.meshes import scans, shells

GRID = Image(
    np.zeros((16, 16, 30), dtype=np.uint8), np.eye(3), np.array([0.9, 0.9, 1.2]), np.zeros(3)
)
AT = {"low": np.array([0.0, 0, 0]), "high": np.array([0.0, 0, 30])}


def labelled(*boxes: tuple[slice, slice, slice]) -> Image:
    values = GRID.values.copy()
    for box in boxes:
        values[box] = 1
    return replace(GRID, values=values)


VESSEL = labelled((slice(4, 11), slice(4, 11), slice(2, 28)))


def masked(path: Path, metres: float = 1e-3) -> Image:
    """What a `mask` case does before it meshes."""
    return labels.gated(labels.pick(image.read(path, metres), (1,), path))[0]


def truncated(path: Path, part: float) -> Path:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(part * len(whole))])
    return path


def patched(path: Path, at: int, what: bytes) -> Path:
    whole = bytearray(path.read_bytes())
    whole[at : at + len(what)] = what
    path.write_bytes(whole)
    return path


def swapped(path: Path, old: str, new: str) -> Path:
    whole = path.read_bytes()
    assert old.encode() in whole
    path.write_bytes(whole.replace(old.encode(), new.encode(), 1))
    return path


FLOAT = np.float32
IMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "half a nii.gz": ("v.nii.gz", lambda p: truncated(p, 0.5)),
    "half a nii": ("v.nii", lambda p: truncated(p, 0.5)),
    "half an nrrd": ("v.nrrd", lambda p: truncated(p, 0.5)),
    "half an mha": ("v.mha", lambda p: truncated(p, 0.5)),
    "empty nii": ("v.nii", lambda p: p.write_bytes(b"")),
    "empty mha": ("v.mha", lambda p: p.write_bytes(b"")),
    "text as nrrd": ("v.nrrd", lambda p: p.write_text("hello")),
    "text as mha": ("v.mha", lambda p: p.write_text("ObjectType = Image\n")),
    "mhd without voxels": ("v.mhd", lambda p: p.with_suffix(".raw").unlink()),
    "nii spacing 0": ("v.nii", lambda p: patched(p, 80, FLOAT(0).tobytes())),
    "nii spacing nan": ("v.nii", lambda p: patched(p, 84, FLOAT(np.nan).tobytes())),
    "nii spacing negative": ("v.nii", lambda p: patched(p, 88, FLOAT(-1.2).tobytes())),
    "nii of 32767 cubed": ("v.nii", lambda p: patched(p, 42, np.full(3, 32767, "<i2").tobytes())),
    "nii no dimensions": ("v.nii", lambda p: patched(p, 40, np.int16(0).tobytes())),
    "nii unknown type": ("v.nii", lambda p: patched(p, 70, np.int16(999).tobytes())),
    "mha spacing 0": ("v.mha", lambda p: p.write_bytes(
        re.sub(rb"ElementSpacing = \S+", b"ElementSpacing = 0", p.read_bytes()))),
    "mha origin nan": ("v.mha", lambda p: swapped(p, "Offset = 0", "Offset = nan")),
    "mha axes flat": ("v.mha", lambda p: swapped(p, "= 1 0 0 0 1 0", "= 1 0 0 1 0 0")),
    "nrrd spacing 0": ("v.nrrd", lambda p: swapped(p, "(0.", "(0*0.")),
    "nrrd unknown encoding": ("v.nrrd", lambda p: swapped(p, "encoding: raw", "encoding: zip9")),
    "empty label": ("v.nii", lambda p: scans.write(GRID, p)),
    "one voxel thick": (
        "v.nii", lambda p: scans.write(labelled((slice(7, 8), slice(7, 8), slice(2, 28))), p)),
    "two voxels thick": (
        "v.nii", lambda p: scans.write(labelled((slice(7, 9), slice(7, 9), slice(2, 28))), p)),
    "two vessels": (
        "v.nii", lambda p: scans.write(labelled((slice(2, 6), slice(2, 6), slice(2, 28)),
                                                (slice(9, 14), slice(9, 14), slice(2, 28))), p)),
    "a ring": (
        "v.nii", lambda p: scans.write(labelled(
            (slice(1, 5), slice(5, 10), slice(2, 28)), (slice(11, 15), slice(5, 10), slice(2, 28)),
            (slice(1, 15), slice(5, 10), slice(2, 7)), (slice(1, 15), slice(5, 10), slice(23, 28)),
        ), p)),
    "salt": ("v.nii", lambda p: scans.write(
        replace(GRID, values=(np.random.default_rng(0).random(GRID.values.shape) > 0.9)
                .astype(np.uint8)), p)),
    "nan voxels": ("v.mha", lambda p: scans.write(
        replace(GRID, values=np.full(GRID.values.shape, np.nan, FLOAT)), p)),
    "a scan": ("v.nii", lambda p: scans.write(
        replace(GRID, values=np.random.default_rng(0).normal(40, 99, GRID.values.shape)), p)),
    "one slice": ("v.mha", lambda p: scans.write(
        replace(VESSEL, values=VESSEL.values[:, :, 9:10]), p)),
    "voxels of 900 mm": ("v.nii", lambda p: scans.write(
        replace(VESSEL, spacing=VESSEL.spacing * 1e3), p)),
    "voxels of a micrometre": ("v.nii", lambda p: scans.write(
        replace(VESSEL, spacing=VESSEL.spacing * 1e-3), p)),
    "cut in a dicom slice": ("d", lambda p: truncated(
        scans.slice_at(scans.write_series(VESSEL, p), VESSEL, 9), 0.8)),
    "a slice twice": ("d", lambda p: (p / "copy.dcm").write_bytes(
        scans.slice_at(scans.write_series(VESSEL, p), VESSEL, 9).read_bytes())),
    "last slice far away": ("d", lambda p: scans.slice_at(
        scans.write_series(VESSEL, p), VESSEL, 28).unlink()),
    "folder of text": ("d", lambda p: (p.mkdir(), (p / "readme").write_text("x"))),
    "empty folder": ("d", lambda p: p.mkdir()),
}  # fmt: skip


@pytest.mark.parametrize("name", IMAGES)
def test_image_is_refused(name: str, tmp_path: Path) -> None:
    file, damage = IMAGES[name]
    if file != "d":
        scans.write(VESSEL, tmp_path / file)
    damage(tmp_path / file)
    with pytest.raises(TwinError) as caught:
        masked(tmp_path / file)
    assert caught.value.what
    assert caught.value.do


def test_the_sound_vessel_is_not_refused(tmp_path: Path) -> None:
    assert masked(scans.write(VESSEL, tmp_path / "v.nii")).values.sum() == 7 * 7 * 26


@pytest.mark.parametrize("unit", [1.0, 1e-6])
def test_image_in_another_unit_is_refused(unit: float, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="not those of a vessel's image"):
        masked(scans.write(VESSEL, tmp_path / "v.nii"), unit)


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha"])
@pytest.mark.parametrize("seed", range(6))
def test_bytes_changed_at_random_never_crash(suffix: str, seed: int, tmp_path: Path) -> None:
    """A changed header is refused or still an image; nothing but our own errors comes out."""
    path = scans.write(VESSEL, tmp_path / f"v{suffix}")
    rng = np.random.default_rng(seed)
    whole = bytearray(path.read_bytes())
    for place in rng.integers(0, min(352, len(whole)), 6):
        whole[place] = rng.integers(0, 256)
    path.write_bytes(whole)
    with contextlib.suppress(TwinError):
        assert np.isfinite(masked(path).to_mm(np.zeros((1, 3)))).all()


def without(surface: Surface, *rows: int) -> Surface:
    keep = np.setdiff1d(np.arange(len(surface.triangles)), rows)
    return replace(surface, triangles=surface.triangles[keep], tags=surface.tags[keep])


def flipped(surface: Surface, rows: object) -> Surface:
    triangles = surface.triangles.copy()
    triangles[rows] = triangles[rows][:, ::-1]
    return replace(surface, triangles=triangles)


def nan_point(surface: Surface) -> Surface:
    points = surface.points.copy()
    points[77, 1] = np.nan
    return replace(surface, points=points)


def pinched(surface: Surface) -> Surface:
    """The two ends brought together in one point."""
    points = surface.points.copy()
    points[-24] = points[0]
    return replace(surface, points=points)


PIPE = shells.pipe()
BAD_SHELLS: dict[str, tuple[Surface, str]] = {
    "nan point": (nan_point(PIPE), "not numbers"),
    "no triangles": (replace(PIPE, triangles=PIPE.triangles[:0]), "no triangles"),
    "one triangle": (without(PIPE, *range(1, len(PIPE.triangles))), "no opening names"),
    "one-sided": (shells.moebius(), "one side only"),
    "two pipes": (shells.joined(PIPE, replace(PIPE, points=PIPE.points + 20)), "in pieces"),
    "ends touch": (pinched(PIPE), "touch"),
    "inner wall": (
        replace(
            PIPE,
            triangles=np.vstack([PIPE.triangles, [[240, 241, 250]]]),
            tags=np.zeros(len(PIPE.triangles) + 1),
        ),
        "more than two triangles",
    ),
    "large hole": (
        without(
            PIPE,
            *np.flatnonzero(
                np.linalg.norm(PIPE.points[PIPE.triangles].mean(axis=1) - [4, 0, 15], axis=1) < 3
            ),
        ),
        "no opening names",
    ),
}


@pytest.mark.parametrize("name", BAD_SHELLS)
def test_surface_is_refused(name: str) -> None:
    surface, said = BAD_SHELLS[name]
    with pytest.raises(MeshError, match=said):
        foreign_surface.mended(surface, AT)


MENDED_SHELLS: dict[str, tuple[Surface, str]] = {
    "sound": (PIPE, ""),
    "inside out": (flipped(PIPE, slice(None)), "inwards"),
    "some turned": (flipped(PIPE, slice(100, 180)), "turned 80 triangles"),
    "doubled triangles": (
        replace(PIPE, triangles=np.vstack([PIPE.triangles, PIPE.triangles[:40]]),
                tags=np.zeros(len(PIPE.triangles) + 40)),
        "dropped 40 triangles",
    ),
    "no shared points": (
        Surface(PIPE.points[PIPE.triangles].reshape(-1, 3),
                np.arange(3 * len(PIPE.triangles)).reshape(-1, 3), PIPE.tags),
        "",
    ),
    "without area": (
        replace(PIPE, triangles=np.vstack([PIPE.triangles, [[5, 5, 6]]]),
                tags=np.zeros(len(PIPE.triangles) + 1)),
        "dropped 1 triangles",
    ),
    "a speck": (
        shells.joined(PIPE, replace(without(PIPE, *range(3, 900)), points=PIPE.points + 20)),
        "specks",
    ),
    "a small hole": (without(PIPE, 300), "closed 1 small holes"),
}  # fmt: skip


@pytest.mark.parametrize("name", MENDED_SHELLS)
def test_surface_is_mended_and_said(name: str) -> None:
    surface, said = MENDED_SHELLS[name]
    shell = foreign_surface.mended(surface, AT)
    assert said in " ".join(shell.changed)
    assert bool(said) == bool(shell.changed)
    prism = 0.5 * 24 * np.sin(2 * np.pi / 24) * 4.0**2 * 30
    # the small hole's lid lies a little inside
    assert shell.closed.volume == pytest.approx(prism, rel=1e-4)
    assert len(shell.holes) == 2


def shell_case(path: Path, **more: object) -> SurfaceFile:
    openings = {name: {"at": [f"{x} mm" for x in at]} for name, at in AT.items()}
    table = {"path": path.name, "unit": "mm", "root": "high", "size": "1.5 mm", "across": 6,
             "openings": openings}  # fmt: skip
    return read(SurfaceFile, {**table, **more}, "test")


@pytest.mark.parametrize("name", ["half.stl", "half.ply", "half.vtp", "empty.stl", "text.obj"])
def test_surface_file_is_refused(name: str, tmp_path: Path) -> None:
    path = shells.write(PIPE, tmp_path / name)
    if name.startswith("half"):
        truncated(path, 0.5)
    else:
        path.write_text("" if "empty" in name else "v 0 0 0\nf 1 2 9\n")
    with pytest.raises(TwinError):
        foreign_surface.mended(foreign_surface.read_safely(path), AT)


@pytest.mark.parametrize(
    ("unit", "said"), [("m", "away from the vessel|no opening"), ("um", "no opening|away")]
)
def test_surface_in_another_unit_is_refused(unit: str, said: str, tmp_path: Path) -> None:
    shells.write(PIPE, tmp_path / "p.stl")
    with pytest.raises(MeshError, match=said):
        shell_case(tmp_path / "p.stl", unit=unit).build(tmp_path)


def test_ball_has_no_ends() -> None:
    round_ = shells.ball()
    lifted = replace(round_, points=round_.points + np.array([0, 0, 6]))
    closed = foreign_surface.mended(lifted, AT)
    assert len(closed.holes) == 0
    end = End("low", np.zeros(3), np.array([0.0, 0, -1]), 1.0, np.zeros(3))
    with pytest.raises(MeshError, match="0 open or flat ends"):
        kept_ends(closed.holed, [end, replace(end, name="high")])


def test_vessel_that_runs_through_itself_is_refused(tmp_path: Path) -> None:
    angle = np.linspace(0, 2.4 * np.pi, 70)
    curve = np.stack([12 * np.sin(angle), 12 - 12 * np.cos(angle), 1.0 * angle], 1)
    shells.write(shells.bent(curve, 4.0), tmp_path / "knot.stl")
    openings = {
        name: {"at": [f"{x} mm" for x in curve[k]]} for name, k in (("low", 0), ("high", -1))
    }
    with pytest.raises(MeshError):
        shell_case(tmp_path / "knot.stl", openings=openings).build(tmp_path)


def changed(mesh: TaggedMesh, what: str) -> meshio.Mesh:
    """A tagged mesh in mm with one thing wrong."""
    points, cells, facets = mesh.points * 1e3, mesh.cells.copy(), mesh.facets
    tags = [mesh.facet_tags.astype(np.int32), np.full(len(cells), 100, np.int32)]
    if what == "nan":
        points[9, 2] = np.nan
    elif what == "inverted":
        cells[3] = cells[3][[1, 0, 2, 3]]
    elif what == "doubled":
        cells[4] = cells[5]
    elif what == "hole":
        cells, tags[1] = cells[1:], tags[1][1:]
    elif what == "pieces":
        apart = points[cells[-300:]].reshape(-1, 3) + 100
        cells[-300:] = len(points) + np.arange(1200).reshape(-1, 4)
        points = np.vstack([points, apart])
    elif what == "flat":
        points[cells[7, 0]] = points[cells[7, 1]]
    elif what == "untagged":
        facets, tags[0] = facets[10:], tags[0][10:]
    elif what == "metres":
        points = points / 1e3
    elif what == "micrometres":
        points = points * 1e3
    return meshio.Mesh(
        points, [("triangle", facets), ("tetra", cells)], cell_data={"CellEntityIds": tags}
    )


NAMES = {"1": "wall", "10": "inlet", "11": "outlet"}


@pytest.mark.parametrize(
    "what",
    ["nan", "inverted", "doubled", "hole", "pieces", "flat", "untagged", "metres", "micrometres"],
)
def test_mesh_is_refused(what: str, tube: TaggedMesh, tmp_path: Path) -> None:
    meshio.write(tmp_path / "t.xdmf", changed(tube, what))
    case = read(File, {"path": "t.xdmf", "unit": "mm", "names": NAMES}, "test")
    with pytest.raises(MeshError) as caught:
        quality.gates(quality.oriented(case.build(tmp_path))[0])
    assert caught.value.do


@pytest.mark.parametrize("name", ["t.vtu", "t.msh", "t.xdmf", "t.mesh", "t.h5", "t.xml"])
@pytest.mark.parametrize("part", [0.3, 0.9])
def test_half_a_mesh_file_is_refused(
    name: str, part: float, tube: TaggedMesh, tmp_path: Path
) -> None:
    path = tmp_path / name
    if name == "t.h5":
        with h5py.File(path, "w") as file:
            file["mesh/coordinates"], file["mesh/topology"] = tube.points, tube.cells
    else:
        kind = {"t.xml": "dolfin-xml", "t.msh": "gmsh22"}.get(name)
        meshio.write(path, meshio.Mesh(tube.points, [("tetra", tube.cells)]), file_format=kind)
    truncated(path, part)
    with pytest.raises(TwinError):
        foreign.read(path)


def test_xdmf_without_its_data_is_refused(tube: TaggedMesh, tmp_path: Path) -> None:
    meshio.write(tmp_path / "t.xdmf", changed(tube, ""))
    (tmp_path / "t.h5").unlink()
    with pytest.raises(CaseError):
        foreign.read(tmp_path / "t.xdmf")


@pytest.mark.parametrize("what", ["mesh", "mesh/topology", "wrong"])
def test_dolfin_file_with_parts_missing_is_refused(
    what: str, tube: TaggedMesh, tmp_path: Path
) -> None:
    with h5py.File(tmp_path / "t.h5", "w") as file:
        file["mesh/coordinates"], file["mesh/topology"] = tube.points, tube.cells
        if what == "wrong":
            file["boundaries/topology"], file["boundaries/values"] = tube.facets, tube.facet_tags
            file["boundaries/coordinates"] = tube.points[::-1]
        else:
            del file[what]
    with pytest.raises(CaseError):
        foreign.read(tmp_path / "t.h5")
