"""Label image to mesh: the phantom's size, names and place, and every way a case can be wrong."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import CaseError, MeshError
from core.settings import read
from meshes.build import build
from meshes.ends.points import ends_of
from meshes.images import image, labels
from meshes.quality import opening_tags
from meshes.shapes import anatomy
from meshes.sources.mask import Mask
from meshes.tagged import TaggedMesh
from meshes.topology import facet_vectors
from tests.meshes.conftest import SHIFT, SPACING, mm, phantom_case, write_labels


def of(table: dict[str, object]) -> Mask:
    return read(Mask, table, "test")


def caps(mesh: TaggedMesh) -> dict[str, tuple[np.ndarray, np.ndarray, float]]:
    """Centre, unit normal and area of each cap, in metres."""
    found = {}
    for name, tag in opening_tags(mesh).items():
        facets = mesh.facets[mesh.facet_tags == tag]
        vectors = facet_vectors(mesh.points, facets)
        area = np.linalg.norm(vectors, axis=1)
        centre = area @ mesh.points[facets].mean(axis=1) / area.sum()
        total = vectors.sum(axis=0)
        found[name] = centre, total / np.linalg.norm(total), float(area.sum())
    return found


def exact_volume(mesh: TaggedMesh, veins: list[anatomy.Tube]) -> float:
    """The phantom's own volume between the planes of the mesh's caps [m³], by sampling."""
    step = 0.5
    points = mesh.points * 1e3 - SHIFT
    low, high = points.min(axis=0) - 3, points.max(axis=0) + 3
    shape = np.ceil((high - low) / step).astype(int)
    grid = low + np.indices(shape).reshape(3, -1).T * step
    inside = anatomy.union(grid, veins) < 0
    for centre, normal, _ in caps(mesh).values():
        offset = grid - (centre * 1e3 - SHIFT)
        beyond = (offset @ normal > 0) & (np.linalg.norm(offset, axis=1) < 16)
        inside &= ~beyond
    return float(inside.sum() * step**3 * 1e-9)


def test_volume_is_that_of_the_phantom(vein_mesh: TaggedMesh, veins: list[anatomy.Tube]) -> None:
    # 2 %: voxels of 0.9 mm and facets of 2.5 mm each cost under 1 %
    assert vein_mesh.quality["volume"] == pytest.approx(exact_volume(vein_mesh, veins), rel=0.02)


def test_caps_have_the_phantoms_areas_and_face_outwards(
    vein_mesh: TaggedMesh, veins: list[anatomy.Tube]
) -> None:
    ends = {end.name: end for end in anatomy.ends(veins)}
    areas = {"cava": 265.3e-6, "left": 193.9e-6, "right": 166.9e-6}
    for name, (centre, normal, area) in caps(vein_mesh).items():
        assert normal @ ends[name].outward > 0.97, name
        # a plane 10 degrees off square cuts 1.5 % more; voxels and facets give the rest
        assert area == pytest.approx(areas[name], rel=0.06), name
        assert np.linalg.norm(centre * 1e3 - SHIFT - ends[name].point) < 15, name
        assert vein_mesh.quality[f"unevenness.{name}"] < 1e-9


def test_left_is_on_the_patients_left(vein_mesh: TaggedMesh) -> None:
    at = {name: centre for name, (centre, _, _) in caps(vein_mesh).items()}
    # LPS: x grows to the left, z to the head
    assert at["left"][0] > at["cava"][0] > at["right"][0]
    assert at["cava"][2] > max(at["left"][2], at["right"][2])


def test_cuts_hardly_depend_on_where_exactly_the_openings_are_given(
    phantom: Path, veins: list[anatomy.Tube]
) -> None:
    whole = image.read(phantom / "veins.nii.gz", 1e-3)
    surface = labels.surface_of(labels.pick(whole, (7,), Path()))
    exact = {end.name: end.point + 3 * end.outward + SHIFT for end in anatomy.ends(veins)}
    moved = {name: point + np.array([3.0, -3.0, 2.0]) for name, point in exact.items()}
    first, second = (ends_of(surface, at, "cava", 1.0)[0] for at in (exact, moved))
    for one, other in zip(first, second, strict=True):
        # 15 degrees of tilt make an ellipse of 3.5 % more area
        assert one.outward @ other.outward > np.cos(np.radians(15)), one.name
        assert np.linalg.norm(one.point - other.point) < 2.5, one.name
        assert one.radius == pytest.approx(other.radius, rel=0.1), one.name


def test_sections_follow_the_veins_to_the_heart(
    vein_mesh: TaggedMesh, veins: list[anatomy.Tube]
) -> None:
    sections = vein_mesh.sections
    assert set(sections.branch) == {b"left", b"right", b"cava"}
    left = next(tube for tube in veins if tube.name == "left")
    narrow = int(np.argmin(sections.radius))
    assert sections.branch[narrow] == b"left"
    # half a voxel: the narrowest radius is known no better
    assert sections.radius[narrow] == pytest.approx(left.depth.min() * 1e-3, abs=0.45e-3)
    place = left.curve[int(np.argmin(left.depth))] + SHIFT
    assert np.linalg.norm(sections.centre[narrow] * 1e3 - place) < 2.5
    cava = sections.tangent[sections.branch == b"cava"]
    assert cava[len(cava) // 2 :, 2].min() > 0.95
    for branch in (b"left", b"right", b"cava"):
        assert np.diff(sections.arc[sections.branch == branch]) == pytest.approx(1e-3)


def test_zone_is_fine_throughout_and_fades_out(vein_mesh: TaggedMesh) -> None:
    corner = vein_mesh.points[vein_mesh.cells]
    narrow = vein_mesh.sections.centre[int(np.argmin(vein_mesh.sections.radius))]
    away = np.linalg.norm(corner.mean(axis=1) - narrow, axis=1)
    edge = np.linalg.norm(corner[:, 0] - corner[:, 1], axis=1)
    assert edge[away < 5e-3].mean() == pytest.approx(0.9e-3, rel=0.25)
    assert edge[away < 5e-3].mean() < edge[(away > 6e-3) & (away < 9e-3)].mean()
    assert edge[away > 15e-3].mean() > 1.8e-3


def test_record_says_what_was_made_of_what(vein_mesh: TaggedMesh) -> None:
    record = vein_mesh.record
    assert record["source"]["kind"] == "mask"
    assert record["root"] == "cava"
    figures = record["image"]
    assert figures["surface_volume"] == pytest.approx(figures["label_volume"], rel=0.02)
    assert record["versions"]["vtk"] != "absent"


def test_image_in_metres_gives_the_same_surface(phantom: Path, tmp_path: Path) -> None:
    known = image.read(phantom / "veins.nii.gz", 1e-3)
    write_labels(tmp_path / "m.mha", known.values, known.spacing / 1e3, known.origin / 1e3)
    again = image.read(tmp_path / "m.mha", 1.0)
    first, second = (labels.surface_of(labels.pick(x, (7,), Path())) for x in (known, again))
    assert np.array_equal(first.triangles, second.triangles)
    assert second.points == pytest.approx(first.points, abs=1e-3)


def test_extensions_are_a_wall_of_their_own(
    phantom: Path, veins: list[anatomy.Tube], vein_mesh: TaggedMesh
) -> None:
    longer = build(of(phantom_case(veins, size="4 mm", across=4, extend=1.5)), phantom)
    assert longer.names[2] == "wall_ext"
    # planes lie in the vessel only, and count from its end
    for branch in (b"left", b"right"):
        arcs = longer.sections.arc[longer.sections.branch == branch]
        known = vein_mesh.sections.arc[vein_mesh.sections.branch == branch]
        assert arcs[0] < 1e-3
        assert arcs[-1] == pytest.approx(known[-1], abs=3e-3)
    for name, (centre, normal, area) in caps(vein_mesh).items():
        moved = caps(longer)[name][0] - centre
        # coarse facets of the rim shift the centre sideways by a tenth of an edge
        assert moved @ normal == pytest.approx(1.5 * np.sqrt(area / np.pi), rel=0.1)
        assert np.linalg.norm(moved - normal * (moved @ normal)) < 0.6e-3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"unit": None}, "key is missing|Field required"),
        ({"unit": "mmm"}, "cannot read|mmm"),
        ({"root": "heart"}, "root 'heart' is none of the openings"),
        ({"labels": []}, "at least 1"),
        ({"openings": {}}, "root|at least two"),
        ({"size": "2.5"}, "has no unit"),
        ({"refin": []}, "did you mean 'refine'"),
    ],
)
def test_bad_settings_are_refused(
    veins: list[anatomy.Tube], change: dict[str, object], said: str
) -> None:
    table = {k: v for k, v in phantom_case(veins, **change).items() if v is not None}
    with pytest.raises(CaseError, match=said):
        of(table)


def test_empty_label_lists_those_there_are(phantom: Path, veins: list[anatomy.Tube]) -> None:
    with pytest.raises(CaseError, match=r"no voxel with label \[9\]") as caught:
        of(phantom_case(veins, labels=[7, 9])).build(phantom)
    assert "0, 3, 7" in caught.value.do


def test_missing_image_is_refused(phantom: Path, veins: list[anatomy.Tube]) -> None:
    with pytest.raises(CaseError, match="does not exist"):
        of(phantom_case(veins, path="nowhere.nii.gz")).build(phantom)


def test_file_that_is_no_image_is_refused(tmp_path: Path, veins: list[anatomy.Tube]) -> None:
    (tmp_path / "veins.nii.gz").write_text("hello")
    with pytest.raises(CaseError, match="cannot read the image"):
        of(phantom_case(veins)).build(tmp_path)


def test_opening_far_from_the_vessel_is_refused(phantom: Path, veins: list[anatomy.Tube]) -> None:
    table = phantom_case(veins)
    table["openings"]["left"] = {"at": mm(200, 0, 0)}
    with pytest.raises(MeshError, match="mm away from the vessel") as caught:
        of(table).build(phantom)
    assert "RAS" in caught.value.do


def test_two_openings_at_one_end_are_refused(phantom: Path, veins: list[anatomy.Tube]) -> None:
    table = phantom_case(veins)
    table["openings"]["right"] = table["openings"]["left"]
    with pytest.raises(MeshError, match="same end"):
        of(table).build(phantom)


def label_of(values: np.ndarray) -> image.Image:
    return image.Image(values, np.eye(3), SPACING, np.zeros(3))


def test_label_in_pieces_is_refused() -> None:
    values = np.zeros((20, 20, 40), dtype=bool)
    values[5:10, 5:10, 2:30] = True
    values[12:16, 12:16, 2:30] = True
    with pytest.raises(MeshError, match="in 2 pieces"):
        labels.gated(label_of(values))


def test_small_stray_and_cavity_are_mended_and_said() -> None:
    values = np.zeros((20, 20, 40), dtype=bool)
    values[5:13, 5:13, 2:30] = True
    whole = values.copy()
    values[16, 16, 3] = True
    values[8, 8, 20] = False
    mended, said = labels.gated(label_of(values))
    assert np.array_equal(mended.values, whole)
    assert "largest piece" in said[0]


def test_handle_that_no_small_repair_removes_is_refused() -> None:
    values = np.zeros((30, 12, 40), dtype=bool)
    values[4:10, 3:9, 3:35] = True
    values[20:26, 3:9, 3:35] = True
    values[4:26, 3:9, 3:9] = values[4:26, 3:9, 29:35] = True
    with pytest.raises(MeshError, match="1 handles"):
        labels.gated(label_of(values))
