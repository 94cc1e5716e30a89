"""Anatomical names of branches: from what the case calls its openings, and from where they run.

A branch is called by the opening it comes from ("left"), by several where they have met
("left+left_internal"), by the root's name where all have. Words in these names decide; what they
do not say follows from the tree: what both sides flow into is the vena cava, an internal iliac
vein joins where the common one begins, a deep femoral vein where the common femoral one does. A
vein that the model cannot tell, such as an iliac vein without its internal one, keeps a wide name.
"""

import re
from dataclasses import dataclass

import numpy as np

from postprocess.sites import Tree

CAVA, ILIAC, COMMON, EXTERNAL, INTERNAL = (
    "inferior vena cava", "iliac vein", "common iliac vein", "external iliac vein",
    "internal iliac vein",
)
GROIN, FEMORAL, DEEP = (
    "external iliac and common femoral vein", "femoral vein", "deep femoral vein",
)
LEFT, RIGHT = "left", "right"
WORDS: tuple[tuple[str, str], ...] = (
    (r"cava|ivc|vci", CAVA),
    (r"internal|hypogastric|[lr]?iiv", INTERNAL),
    (r"external|[lr]?eiv", EXTERNAL),
    (r"common.?iliac|[lr]?civ", COMMON),
    (r"common.?femoral|[lr]?cfv", "common femoral vein"),
    (r"deep|profunda|[lr]?dfv|[lr]?pfv", DEEP),
    (r"femoral|[lr]?s?fv", FEMORAL),
    (r"popliteal|[lr]?pop", "popliteal vein"),
    (r"tibial|peroneal|calf", "calf veins"),
    (r"saphenous|[lr]?gsv", "great saphenous vein"),
    (r"iliac", ILIAC),
)
SIDES = ((r"left|l|lt|sin|lciv|leiv|liiv|lcfv|lfv|ldfv", LEFT),
         (r"right|r|rt|dex|rciv|reiv|riiv|rcfv|rfv|rdfv", RIGHT))
CODES = {COMMON: "CIV", EXTERNAL: "EIV", CAVA: "IVC"}
"""Veins with a published median area."""


@dataclass(frozen=True)
class Segment:
    """A vein and its side; both empty where they are not known."""

    vein: str = ""
    side: str = ""

    @property
    def name(self) -> str:
        """"left common iliac vein", or nothing."""
        return f"{self.side} {self.vein}".strip() if self.vein else ""

    @property
    def code(self) -> str:
        """"LCIV", or nothing where the thresholds know no such segment."""
        known = CODES.get(self.vein, "")
        if known == "IVC":
            return known
        return self.side[:1].upper() + known if known and self.side else ""

    @property
    def opposite(self) -> "Segment":
        """The same vein of the other side."""
        return Segment(self.vein, {LEFT: RIGHT, RIGHT: LEFT}.get(self.side, ""))


def segments(tree: Tree) -> dict[str, Segment]:
    """The segment of each branch, in alphabetical order of the branches' names."""
    branch = tree.planes.branch
    onward = {str(branch[end]): str(branch[head]) for head, ends in tree.joins.items()
              for end in ends}
    names = [str(name) for name in np.unique(branch)]
    sides = {name: _side(name, tree) for name in names}
    found: dict[str, Segment] = {}
    # from the heart outwards, so that what a branch runs into is known
    for name in sorted(names, key=lambda name: _steps(name, onward)):
        into = found.get(onward.get(name, ""), Segment())
        feeders = {sides[other] for other in names if onward.get(other) == name}
        vein = _vein(name, into.vein, both={LEFT, RIGHT} <= feeders)
        found[name] = Segment(vein, "" if vein == CAVA else sides[name])
    return {name: found[name] for name in names}


def _steps(name: str, onward: dict[str, str]) -> int:
    count = 0
    while name in onward and count < len(onward):
        name, count = onward[name], count + 1
    return count


def _vein(name: str, into: str, *, both: bool) -> str:
    members = name.split("+")
    told = {_told(member, WORDS) for member in members}
    if both or told == {CAVA}:
        return CAVA
    if len(members) > 1:
        return COMMON if INTERNAL in told else GROIN if DEEP in told else ILIAC
    vein = told.pop()
    if vein not in ("", ILIAC):
        return vein
    return {COMMON: EXTERNAL, GROIN: FEMORAL, CAVA: ILIAC}.get(into, vein)


def _told(name: str, words: tuple[tuple[str, str], ...]) -> str:
    """What the first matching row of ``words`` makes of ``name``, or nothing."""
    text = re.sub(r"[^a-z]+", " ", name.lower())
    return next((vein for word, vein in words if re.search(rf"\b({word})\b", text)), "")


def _side(name: str, tree: Tree) -> str:
    told = {_told(member, SIDES) for member in name.split("+")}
    if len(told) == 1 and told != {""}:
        return told.pop()
    if told > {""} or len(told) > 1:
        return ""
    on = np.flatnonzero(tree.planes.branch == name)
    first, last = (tree.planes.centre[pick(on, key=lambda i: tree.planes.arc[i])]
                   for pick in (min, max))
    # LPS: x grows towards the patient's left
    away = float(first[0] - last[0])
    return LEFT if away > 0.2 * np.linalg.norm(first - last) else RIGHT if (
        away < -0.2 * np.linalg.norm(first - last)) else ""
