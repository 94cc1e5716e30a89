import numpy as np
import pytest

from postprocess.sections import Curves, Planes
from postprocess.sites import NotAssessable, Tree, narrowest, narrowest_near, reference_planes


def line(name, start, end, count):
    start, end = np.array(start, float) * 1e-3, np.array(end, float) * 1e-3
    part = np.linspace(0, 1, count)[:, None]
    length = np.linalg.norm(end - start)
    tangent = np.tile((end - start) / length, (count, 1))
    return [name] * count, part[:, 0] * length, start + part * (end - start), tangent


def planes(*lines):
    names, arc, centre, tangent = zip(*lines, strict=True)
    arcs = np.concatenate(arc)
    return Planes(
        np.concatenate(names), arcs, np.concatenate(centre), np.concatenate(tangent),
        np.full(len(arcs), 5e-3),
    )


def areas(values):
    curves = Curves.empty(len(values))
    curves.area[:] = values
    return curves


@pytest.fixture
def confluence():
    return planes(
        line("left", (40, 0, 0), (0, 0, 30), 51), line("right", (-40, 0, 0), (0, 0, 30), 51),
        line("cava", (0, 0, 31), (0, 0, 81), 51),
    )


def test_the_way_central_goes_on_into_the_common_vein(confluence):
    tree = Tree(confluence)
    plane = tree.step(45, 20e-3, central=True)
    # 5 mm left of the branch, 1 mm across, 14 mm along the cava
    assert str(confluence.branch[plane]) == "cava"
    assert confluence.arc[plane] == pytest.approx(14e-3, abs=1e-9)


def test_the_other_tributary_is_not_central(confluence):
    ways = Tree(confluence).ways_central(10)
    assert np.isinf(ways[confluence.branch == "right"]).all()
    assert np.isfinite(ways[confluence.branch == "cava"]).all()


def test_the_way_peripheral_stays_on_the_branch_and_ends_with_it(confluence):
    tree = Tree(confluence)
    assert tree.step(45, 20e-3, central=False) == 25
    with pytest.raises(NotAssessable, match="ends within 20 mm peripheral"):
        tree.step(5, 20e-3, central=False)


def test_peripheral_of_a_confluence_is_two_veins(confluence):
    with pytest.raises(NotAssessable, match="several veins"):
        Tree(confluence).step(102 + 5, 20e-3, central=False)


def test_a_branch_that_joins_in_the_middle_of_another():
    tree = Tree(planes(
        line("main", (0, 0, 0), (0, 0, 100), 101), line("side", (40, 0, 10), (2, 0, 50), 56)
    ))
    ways = tree.ways_central(101)
    assert np.isfinite(ways[100])
    assert np.isinf(ways[10])


def test_narrowest_is_relative_to_the_branch(confluence):
    values = np.full(153, 50.0)
    values[102:] = 250.0
    values[120], values[20] = 100.0, 45.0
    # 100 is 40 % of the cava, 45 is 90 % of the left vein though it is less
    assert narrowest(areas(values), confluence) == 120


def test_narrowest_passes_over_planes_that_are_not_assessable(confluence):
    curves = areas(np.full(153, 50.0))
    curves.area[7], curves.area[30] = np.nan, 40.0
    curves.why[7] = "the plane leaves the model"
    assert narrowest(curves, confluence) == 30


def test_no_plane_at_all_is_not_assessable(confluence):
    curves = areas(np.full(153, np.nan))
    curves.why[:] = ["the plane leaves the model"] * 153
    with pytest.raises(NotAssessable):
        narrowest(curves, confluence)


def vein(values):
    return Tree(planes(line("v", (0, 0, 0), (0, 0, len(values) - 1), len(values)))), areas(values)


def test_reference_is_the_nearest_unaffected_ten_millimetres_peripheral():
    values = np.full(101, 100.0)
    values[40:61] = 40.0
    tree, curves = vein(values)
    chosen, note = reference_planes(tree, curves, 50)
    assert (chosen.min(), chosen.max(), note) == (29, 39, "")


def test_reference_of_a_lesion_at_the_peripheral_end_is_central():
    values = np.full(61, 100.0)
    values[:10] = 40.0
    tree, curves = vein(values)
    chosen, note = reference_planes(tree, curves, 4)
    assert (chosen.min(), chosen.max()) == (10, 20)
    assert "central" in note


def test_reference_of_a_short_vein_is_not_assessable():
    tree, curves = vein(np.full(9, 100.0))
    with pytest.raises(NotAssessable):
        reference_planes(tree, curves, 4)


def test_an_unknown_branch_names_those_that_there_are(confluence):
    with pytest.raises(NotAssessable, match="cava, left, right"):
        narrowest_near(areas(np.full(153, 50.0)), confluence, "aorta", 0.0)


def test_a_named_place_is_the_narrowest_within_five_millimetres():
    values = np.full(101, 100.0)
    values[53], values[57] = 60.0, 20.0
    tree, curves = vein(values)
    assert narrowest_near(curves, tree.planes, "v", 50e-3) == 53
    assert narrowest_near(curves, tree.planes, "v", 30e-3) == 30
    curves.why[20:41] = ["the plane leaves the model"] * 21
    with pytest.raises(NotAssessable, match="near 30 mm"):
        narrowest_near(curves, tree.planes, "v", 30e-3)
