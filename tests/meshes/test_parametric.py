"""Veins given by a few numbers: narrowing, valve, tree; and the same mesh every time."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from core.errors import CaseError
from core.settings import read
from meshes import quality, topology
from meshes.build import build
from meshes.family import members
from meshes.shapes import anatomy, leaflets
from meshes.sources.file import File
from meshes.sources.stenosis import Stenosis
from meshes.sources.tree import Tree
from meshes.sources.valve import Valve
from meshes.tagged import TaggedMesh

SHORT = {"size": "2 mm", "across": 8, "length": "50 mm", "at": "25 mm"}


def of(**more: object) -> Stenosis:
    return read(Stenosis, {**SHORT, **more}, "test")


def digest(mesh: TaggedMesh) -> str:
    found = hashlib.sha256()
    for array in (mesh.points, mesh.cells, mesh.cell_tags, mesh.facets, mesh.facet_tags):
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def section(mesh: TaggedMesh, z: float) -> np.ndarray:
    """Points of the wall within half a millimetre of the plane z [m]."""
    wall = np.unique(mesh.facets[mesh.facet_tags == 1])
    points = mesh.points[wall]
    return points[np.abs(points[:, 2] - z) < 0.5e-3]


def test_narrowing_has_its_area_and_place_and_the_mesh_is_the_same_every_time() -> None:
    source = of(narrowing=0.7, flatness=2.0, eccentricity=1.0)
    mesh = source.build(Path())
    quality.gates(mesh)
    across, depth = source.axes(np.array([0.0, 0.025]))
    assert np.pi * across * depth == pytest.approx(np.pi * 7e-3**2 * np.array([1, 0.3]), rel=1e-3)
    z = np.linspace(0, 0.05, 2001)
    exact = np.trapezoid(np.pi * source.axes(z)[0] * source.axes(z)[1], z)
    # facets of an eighth of the diameter lie inside the ellipse: 2 to 3 % of area
    assert topology.volumes(mesh.points, mesh.cells).sum() == pytest.approx(exact, rel=0.03)
    at = section(mesh, 0.025)
    assert np.ptp(at[:, 0]) / 2 == pytest.approx(across[1], rel=0.04)
    assert np.ptp(at[:, 1]) / 2 == pytest.approx(depth[1], rel=0.04)
    # pressed from the front alone: the wall at -y stays where it is
    assert at[:, 1].min() == pytest.approx(-7e-3, abs=0.3e-3)
    assert digest(source.build(Path())) == digest(mesh)


def test_family_of_meshes_gets_finer_by_the_ratio() -> None:
    source = of(refine=[{"at": ["0 mm", "0 mm", "25 mm"], "radius": "3 mm", "size": "1 mm"}])
    one, two, three = members(source, 3, 1.5)
    assert one is source
    assert two.size == pytest.approx(source.size / 1.5)
    assert three.refine[0].size == pytest.approx(1e-3 / 2.25)
    assert three.across == 18
    with pytest.raises(CaseError, match="cannot be made finer"):
        list(members(read(File, {"path": "x.msh", "unit": "mm"}, "test"), 2, 1.5))


@pytest.mark.parametrize(
    ("part", "change", "said"),
    [
        (Stenosis, {"at": "5 mm"}, "its width away"),
        (Stenosis, {"narrowing": "99 %"}, "less than or equal"),
        (Valve, {"at": "1 mm"}, "a radius away"),
        (Valve, {"thickness": "3 mm"}, "0.3 radii"),
        (Tree, {"femoral_length": "500 mm"}, "less than or equal"),
    ],
)
def test_impossible_shapes_are_refused(part: type, change: dict[str, str], said: str) -> None:
    with pytest.raises(CaseError, match=said):
        read(part, {"size": "2 mm", **change}, "test")


def test_valve_has_a_slit_and_pockets() -> None:
    shape = leaflets.Shape(5.0, 60.0, 18.0, 12.0, 0.8, opening=0.5, sinus=0.4)
    blood = {
        "slit": (0, 0, 29), "slit's edge": (0, 1.8, 29), "pocket": (0, 4.2, 27),
        "sinus": (0, 5.8, 27), "before": (0, 4.5, 12), "behind": (0, 4.5, 36),
    }  # fmt: skip
    solid = {"leaflet": (0, 2.75, 28.5), "wall": (0, 7.5, 27), "no sinus at x": (5.4, 0, 27)}
    for name, point in blood.items():
        assert leaflets.lumen(shape, np.array([point], float))[0] < 0, name
    for name, point in solid.items():
        assert leaflets.lumen(shape, np.array([point], float))[0] > 0, name


@pytest.mark.slow
def test_valve_is_meshed() -> None:
    mesh = build(read(Valve, {"size": "2 mm", "across": 6, "length": "50 mm"}, "test"), Path())
    shape = leaflets.Shape(5.0, 50.0, 18.0, 12.0, 0.8, opening=0.5, sinus=0.4)
    sides = [np.arange(a, b, 0.35) for a, b in ((-7.2, 7.2), (-7.2, 7.2), (0.0, 50.0))]
    grid = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1)
    exact = (leaflets.lumen(shape, grid.reshape(-1, 3)) < 0).sum() * 0.35**3 * 1e-9
    assert mesh.quality["volume"] == pytest.approx(exact, rel=0.03)
    # one lumen with a boundary like a ball's: leaflets are no islands, pockets no tunnels
    faces = topology.faces(mesh.cells)
    border = faces.unique[faces.count == 1]
    edge, _, _ = topology.edges(border)
    assert len(np.unique(border)) - len(edge) + len(border) == 2
    assert mesh.quality["area.inlet"] == pytest.approx(np.pi * 5e-3**2, rel=0.02)


def test_tree_reaches_from_the_thighs_to_the_cava() -> None:
    parts = {part.name: part for part in anatomy.tubes(read(Tree, {"size": "3 mm"}, "t").shape())}
    assert set(parts) == {"cava", "left", "right", "left_deep", "right_deep"}
    left, deep = parts["left"], parts["left_deep"]
    assert left.arc[-1] == pytest.approx(268, abs=1.0)
    assert left.area[0] == pytest.approx(114.0)
    assert left.area[-1] == pytest.approx(193.9, rel=0.03)
    # the deep vein arrives on the femoral one's axis, 45 mm below the iliac course's end
    gap = np.linalg.norm(left.curve - deep.curve[-1], axis=1)
    assert gap.min() < 0.3
    assert left.arc[-1] - left.arc[int(np.argmin(gap))] == pytest.approx(173, abs=2)
    assert parts["left"].curve[:, 0].max() > 0 > parts["right"].curve[:, 0].min()


@pytest.mark.slow
def test_tree_is_meshed() -> None:
    short = {"leg_length": "75 mm", "femoral_length": "64 mm", "cava_length": "30 mm"}
    mesh = build(read(Tree, {"size": "4 mm", "across": 6, **short}, "test"), Path())
    assert {"left_deep", "right_deep"} < {b.decode() for b in mesh.sections.branch}
    assert mesh.quality["area.left_deep"] == pytest.approx(np.pi * 3e-3**2, rel=0.08)
