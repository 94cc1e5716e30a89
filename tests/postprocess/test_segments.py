"""Names of branches from what a case calls its openings and from where they run."""

import numpy as np
import pytest

from postprocess.sections import Planes
from postprocess.segments import Segment, segments
from postprocess.sites import Tree

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
