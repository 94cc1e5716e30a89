"""The straight tube against exact geometry."""

from pathlib import Path

import numpy as np
import pytest
from pydantic_core import PydanticCustomError

from core.errors import CaseError
from core.settings import read
from meshes import quality
from meshes.build import build, report
from meshes.sources import sources
from meshes.sources.tube import Tube
from meshes.tagged import TaggedMesh, load
from meshes.topology import facet_vectors, volumes

SMALL = {"radius": "5 mm", "length": "20 mm", "size": "1.5 mm"}


def of(**more: object) -> Tube:
    return read(Tube, {**SMALL, **more}, "test")


def polygon(radius: float, size: float) -> float:
    """Area of the polygon with edges of ``size`` inscribed in a circle of ``radius``."""
    angle = 2 * np.pi / np.ceil(2 * np.pi * radius / size)
    return float(np.pi * radius**2 * np.sin(angle) / angle)


def area(mesh: TaggedMesh, name: str) -> float:
    tag = next(tag for tag, known in mesh.names.items() if known == name)
    facets = mesh.facets[mesh.facet_tags == tag]
    return float(np.linalg.norm(facet_vectors(mesh.points, facets), axis=1).sum())


def test_volume_and_caps_are_those_of_the_inscribed_prism(tube: TaggedMesh) -> None:
    exact = polygon(5e-3, 1.5e-3)
    # the mesher may round the number of edges of the rim by one: 0.6 % of area
    assert volumes(tube.points, tube.cells).sum() == pytest.approx(exact * 20e-3, rel=8e-3)
    assert area(tube, "inlet") == pytest.approx(exact, rel=8e-3)
    assert area(tube, "outlet") == pytest.approx(area(tube, "inlet"), rel=1e-12)


def test_tube_lies_along_z_from_inlet_to_outlet(tube: TaggedMesh) -> None:
    names = {name: tag for tag, name in tube.names.items()}
    inlet = tube.points[tube.facets[tube.facet_tags == names["inlet"]]]
    outlet = tube.points[tube.facets[tube.facet_tags == names["outlet"]]]
    assert np.abs(inlet[..., 2]).max() < 1e-12
    assert outlet[..., 2] == pytest.approx(20e-3)


def test_core_and_ring_are_fitted() -> None:
    mesh = of(inner_radius="3.5 mm").build(Path())
    volume = volumes(mesh.points, mesh.cells)
    core = volume[mesh.cell_tags == 100].sum()
    assert core == pytest.approx(polygon(3.5e-3, 1.5e-3) * 20e-3, rel=1.5e-2)
    ring = np.unique(mesh.cells[mesh.cell_tags == 101])
    # no ring cell reaches further in than the chord of the interface
    assert np.linalg.norm(mesh.points[ring, :2], axis=1).min() > 3.5e-3 * np.cos(np.pi / 14)


def test_plug_takes_the_whole_section() -> None:
    mesh = of(inner_radius="3.5 mm", plug=["8 mm", "12 mm"]).build(Path())
    volume = volumes(mesh.points, mesh.cells)
    # the wall between two rims is faceted, not a prism: a few parts in a thousand
    assert volume[mesh.cell_tags == 102].sum() == pytest.approx(volume.sum() * 4 / 20, rel=3e-3)
    z = mesh.points[mesh.cells[mesh.cell_tags == 102]][..., 2]
    assert z.min() == pytest.approx(8e-3)
    assert z.max() == pytest.approx(12e-3)
    assert set(np.unique(mesh.cell_tags)) == {100, 101, 102}


def test_refined_zone_is_fine_inside_the_volume() -> None:
    zone = {"at": ["0 mm", "0 mm", "10 mm"], "radius": "2.5 mm", "size": "0.5 mm"}
    mesh = of(refine=[zone]).build(Path())
    corner = mesh.points[mesh.cells]
    away = np.linalg.norm(corner.mean(axis=1) - [0, 0, 10e-3], axis=1)
    edge = np.linalg.norm(corner[:, 0] - corner[:, 1], axis=1)
    # the mean edge of a tetrahedral mesh is 5 to 20 % above the wanted one
    assert 0.5e-3 < edge[away < 2.5e-3].mean() < 0.65e-3
    assert edge[away > 9e-3].mean() > 1.3e-3


def test_built_tube_has_sections_figures_and_record(tmp_path: Path) -> None:
    mesh = build(of(), tmp_path)
    assert mesh.quality["volume"] == pytest.approx(mesh.quality["volume_by_surface"], rel=1e-10)
    assert mesh.quality["inverted"] == 0
    assert set(mesh.sections.branch) == {b"inlet"}
    assert np.diff(mesh.sections.arc) == pytest.approx(1e-3)
    assert mesh.sections.arc[0] == pytest.approx(2e-3)
    assert mesh.sections.radius == pytest.approx(5e-3, rel=1e-2)
    assert mesh.sections.tangent[:, 2] == pytest.approx(1.0, abs=1e-4)
    assert mesh.record["source"]["kind"] == "tube"
    assert "mm²" in report(mesh)
    mesh.save(tmp_path / "mesh.h5", key="k")
    again = load(tmp_path / "mesh.h5")
    assert np.array_equal(again.cells, mesh.cells)
    assert again.quality["cells"] == mesh.quality["cells"]


def test_facets_point_outwards(tmp_path: Path) -> None:
    mesh = build(of(), tmp_path)
    names = {name: tag for tag, name in mesh.names.items()}
    inlet = facet_vectors(mesh.points, mesh.facets[mesh.facet_tags == names["inlet"]])
    assert (inlet[:, 2] < 0).all()
    assert quality.check(mesh)["components"] == 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"inner_radius": "6 mm"}, "inner_radius must be less"),
        ({"plug": ["12 mm", "8 mm"]}, "plug must be an interval"),
        ({"plug": ["12 mm", "28 mm"]}, "plug must be an interval"),
        ({"size": "8 mm"}, "larger than radius"),
        ({"radius": "5"}, "has no unit"),
        ({"radius": "5 s"}, "wrong dimension"),
        ({"radus": "5 mm"}, "did you mean 'radius'"),
    ],
)
def test_bad_settings_are_refused(more: dict[str, object], said: str) -> None:
    with pytest.raises(CaseError, match=said):
        of(**more)


def test_registry_knows_all_kinds() -> None:
    assert {"tube", "confluence", "mask", "file"} <= set(sources.parts())
    with pytest.raises(PydanticCustomError, match="did you mean 'tube'"):
        sources.build({"kind": "tbe"})
