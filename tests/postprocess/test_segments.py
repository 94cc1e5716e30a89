"""Names of branches from what a case calls its openings and from where they run."""

from types import SimpleNamespace

import numpy as np
import pytest

from postprocess.inputs.branches import Branches
from postprocess.inputs.clot import Clot
from postprocess.metrics import metrics
from postprocess.sections import Curves, Planes
from postprocess.segments import Segment, segments
from postprocess.settings import MeasureSettings
from postprocess.sites import NotAssessable, Tree

# peripheral end, central end [mm] in LPS: x to the left, y to the back, z to the head
CONFLUENCE, LEFT_JOIN, RIGHT_JOIN = (0, 0, 0), (35, 8, -40), (-30, 8, -40)
GROIN_JOIN = (62, -20, -120)
LINES = {
    "cava": (CONFLUENCE, (0, -4, 90)),
    "left": ((66, -26, -128), CONFLUENCE), "right": ((-60, -26, -128), CONFLUENCE),
}
WITH_INTERNAL = {
    "cava": (CONFLUENCE, (0, -4, 90)), "right": ((-60, -26, -128), CONFLUENCE),
    "left": ((66, -26, -128), LEFT_JOIN), "left_internal": ((20, 30, -70), LEFT_JOIN),
    "left+left_internal": (LEFT_JOIN, CONFLUENCE),
}
WITH_THIGH = {
    "cava": (CONFLUENCE, (0, -4, 90)), "right": ((-60, -26, -128), CONFLUENCE),
    "left": ((75, -30, -300), GROIN_JOIN), "left_deep": ((85, 0, -250), GROIN_JOIN),
    "left+left_deep": (GROIN_JOIN, LEFT_JOIN), "left_internal": ((20, 30, -70), LEFT_JOIN),
    "left+left_deep+left_internal": (LEFT_JOIN, CONFLUENCE),
}


def tree(lines) -> Tree:
    branch, arc, centre, tangent = [], [], [], []
    for name, ends in lines.items():
        first, last = (np.array(end) * 1e-3 for end in ends)
        length = float(np.linalg.norm(last - first))
        at = np.arange(0, length, 1e-3)
        branch += [name] * len(at)
        arc += list(at)
        centre += list(first + at[:, None] / length * (last - first))
        tangent += [(last - first) / length] * len(at)
    return Tree(Planes(np.array(branch), np.array(arc), np.array(centre), np.array(tangent),
                       np.full(len(arc), 4e-3)))


def test_segments_stand_in_the_order_of_the_numbers_of_branches():
    assert list(segments(tree(WITH_THIGH))) == sorted(WITH_THIGH)


def names(lines):
    return {name: found.name for name, found in segments(tree(lines)).items()}


def test_without_internal_iliac_veins_an_iliac_vein_stays_one():
    assert names(LINES) == {
        "cava": "inferior vena cava", "left": "left iliac vein", "right": "right iliac vein",
    }


def test_the_internal_iliac_vein_ends_the_common_one():
    found = segments(tree(WITH_INTERNAL))
    assert {name: s.name for name, s in found.items()} == {
        "cava": "inferior vena cava", "right": "right iliac vein",
        "left": "left external iliac vein", "left_internal": "left internal iliac vein",
        "left+left_internal": "left common iliac vein",
    }
    assert (found["left+left_internal"].code, found["left"].code, found["cava"].code) == (
        "LCIV", "LEIV", "IVC")
    assert found["right"].code == ""


def test_the_deep_femoral_vein_begins_the_groin():
    assert names(WITH_THIGH) == {
        "cava": "inferior vena cava", "right": "right iliac vein", "left": "left femoral vein",
        "left_deep": "left deep femoral vein", "left_internal": "left internal iliac vein",
        "left+left_deep": "left external iliac and common femoral vein",
        "left+left_deep+left_internal": "left common iliac vein",
    }


@pytest.mark.parametrize(("name", "segment"), [
    ("left_common_iliac", "left common iliac vein"), ("LCIV", "left common iliac vein"),
    ("reiv", "right external iliac vein"), ("right-common-femoral", "right common femoral vein"),
    ("l_popliteal", "left popliteal vein"), ("sinister", ""), ("tube", ""),
])
def test_a_name_that_says_all_is_believed(name, segment):
    assert names({name: ((0, 0, -100), (0, 0, 0))})[name] == segment


def test_sides_come_from_where_a_branch_runs_when_its_name_is_silent():
    lines = {"outlet": LINES["cava"], "a": LINES["left"], "b": LINES["right"]}
    assert names(lines) == {
        "outlet": "inferior vena cava", "a": "left iliac vein", "b": "right iliac vein",
    }


def test_the_opposite_of_a_segment():
    assert Segment("common iliac vein", "left").opposite == Segment("common iliac vein", "right")
    assert Segment("inferior vena cava").opposite.side == ""


def test_confluences_are_where_branches_meet():
    made = tree(WITH_INTERNAL)
    heads = {str(made.planes.branch[plane]) for plane in made.confluences}
    assert heads == {"cava", "left+left_internal"}
    ends = {str(made.planes.branch[end]) for end in made.joins[
        next(p for p in made.confluences if made.planes.branch[p] == "cava")]}
    assert ends == {"left+left_internal", "right"}
    assert not tree({"left": LINES["left"]}).confluences


def branches(lines, lesion, *, inlets=(), flows=(), segment=""):
    """The branches of a model of straight veins with a lesion on the branch ``lesion``."""
    made = tree(lines)
    plane = int(np.flatnonzero(made.planes.branch == lesion)[-10])
    narrowing = SimpleNamespace(
        tree=made, planes=made.planes, lesion=made.site(plane), flow_before=np.array([2e-6, 3e-6]),
        settings=MeasureSettings(segment=segment))
    openings = SimpleNamespace(
        inlet_names=list(inlets), inlet_flows=np.array(flows), peak_factor=1.5)
    return Branches(SimpleNamespace(), narrowing, openings)


def of(name, inputs):
    m = metrics()[name]
    known = {"flow_before": inputs._narrowing.flow_before, "lesion_area": 100e-6}
    return m(*(known[n] if n in known else getattr(inputs, n) for n in m.needs))


def test_collaterals_carry_what_enters_on_a_side_and_does_not_pass_the_narrowing():
    inlets = ("left", "left_internal", "right")
    flows = [-3e-6, -1e-6, -9e-6]
    made = branches(WITH_INTERNAL, "left+left_internal", inlets=inlets, flows=flows)
    assert of("collateral_share", made) == pytest.approx(1 - 2.5 / 4)
    assert made.lesion_peak_flow == pytest.approx(3.75e-6)
    with pytest.raises(NotAssessable, match="no inlet on the left"):
        _ = branches(WITH_INTERNAL, "left", inlets=["right"], flows=[-1e-6]).limb_flows
    with pytest.raises(NotAssessable, match="side of the narrowing"):
        _ = branches(WITH_INTERNAL, "cava", inlets=["right"], flows=[-1e-6]).limb_flows


def test_the_angle_at_the_nearest_confluence_is_that_between_its_veins():
    made = branches(LINES, "left")
    first, second = (np.array(LINES[name][0], float) for name in ("left", "right"))
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    assert of("confluence_angle", made) == pytest.approx(np.arccos(cosine), rel=1e-6)
    assert made.confluence.branch == "cava"
    with pytest.raises(NotAssessable, match="no confluence"):
        _ = branches({"left": LINES["left"]}, "left").joining_directions


def test_the_other_side_is_the_same_vein_there():
    made = branches(LINES, "left")
    assert (made.lesion_branch, made.other_branch) == (1, 2)
    # an external iliac vein is not compared with a whole iliac one
    with pytest.raises(NotAssessable, match="other side"):
        _ = branches(WITH_INTERNAL, "left").other_branch


def test_the_published_area_is_that_of_the_segment_found_or_named():
    made = branches(WITH_INTERNAL, "left+left_internal")
    assert of("published_stenosis", made) == pytest.approx(1 - 100 / 193.9)
    named = branches(LINES, "left", segment="LEIV")
    assert of("published_stenosis", named) == pytest.approx(1 - 100 / 136.5)
    with pytest.raises(NotAssessable, match="no published area"):
        _ = branches(LINES, "left").published_area


def test_two_branches_of_one_segment_keep_the_names_of_the_case():
    lines = {**WITH_INTERNAL, "left_internal_2": ((25, 35, -75), LEFT_JOIN)}
    assert branches(lines, "left").branch_names[3:5] == ["left_internal", "left_internal_2"]


def clot(lines, closed):
    made = tree(lines)
    curves = Curves.empty(len(made.planes.arc), len(closed))
    curves.closed[:] = 0.0
    curves.closed[5] = closed
    results = SimpleNamespace(
        has=lambda name: True, array=lambda name: 3600.0 * np.arange(len(closed)))
    vessel = SimpleNamespace(results=results, read=lambda name, what: results.array(name))
    return Clot(vessel, SimpleNamespace(tree=made, planes=made.planes, curves=curves))


def test_a_lumen_opens_again_when_no_plane_is_closed_by_half():
    found = clot(LINES, [0.0, 0.8, 0.2])
    time = metrics()["recanalisation_time"](found.closed_in_time, found.clot_times)
    assert time == pytest.approx(1.5 * 3600)
    for closed, reason in (([0.0, 0.4, 0.2], "never closed"), ([0.0, 0.8, 0.6], "still closed")):
        with pytest.raises(NotAssessable, match=reason):
            _ = clot(LINES, closed).closed_in_time


def test_ways_to_the_confluence_are_along_the_veins():
    found = clot(LINES, [0.0, 0.1])
    planes = found._narrowing.planes
    ways = found.ways_to_confluence[planes.branch == "left"]
    length = 1e-3 * np.linalg.norm(LINES["left"][0])
    assert ways[0] == pytest.approx(length, abs=2e-3)
    assert ways[-1] < 2e-3
    with pytest.raises(NotAssessable, match="no confluence"):
        _ = clot({"left": LINES["left"]}, [0.0, 0.1]).ways_to_confluence
