"""The branches of a run: their anatomy, the cells and flows that belong to each."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from postprocess.inputs.narrowing import Narrowing
from postprocess.inputs.openings import Openings
from postprocess.inputs.vessel import Vessel
from postprocess.metrics.stasis import branch_shear_rate
from postprocess.segments import Segment, segments
from postprocess.sites import WINDOW, NotAssessable, Site
from postprocess.thresholds import median_area

Array = NDArray[Any]


class Branches:
    """Anatomical segments and what belongs to them (SI)."""

    def __init__(self, vessel: Vessel, narrowing: Narrowing, openings: Openings) -> None:
        self._vessel, self._narrowing, self._openings = vessel, narrowing, openings

    @cached_property
    def segments(self) -> dict[str, Segment]:
        """The segment of each branch, by the branch's name in alphabetical order."""
        return segments(self._narrowing.tree)

    @cached_property
    def branch_names(self) -> list[str]:
        """What each branch is called: its segment, or its name in the case."""
        known = [found.name or name for name, found in self.segments.items()]
        # two branches of one segment keep the case's names
        return [text if known.count(text) == 1 else name
                for text, name in zip(known, self.segments, strict=True)]

    @cached_property
    def branch_numbers(self) -> Array:
        """0, 1, … for the branches."""
        return np.arange(len(self.segments))

    @cached_property
    def cell_branch(self) -> Array:
        """Number of the branch whose centreline is nearest to each cell of the vessel."""
        planes = self._narrowing.planes
        numbers = np.unique(planes.branch, return_inverse=True)[1]
        middle = self._vessel.all_corners[self._vessel.in_vessel].mean(axis=1)
        return np.asarray(numbers[cKDTree(planes.centre).query(middle)[1]])

    @cached_property
    def branch_shear_rates(self) -> Array:
        """Mean shear rate of each branch."""
        vessel = self._vessel
        return branch_shear_rate(
            vessel.shear_rate, vessel.volume, self.cell_branch, self.branch_numbers
        )

    @cached_property
    def lesion_segment(self) -> Segment:
        """The segment of the lesion's branch."""
        return self.segments[self._narrowing.lesion.branch]

    @cached_property
    def segment_code(self) -> str:
        """The lesion's segment ("LCIV"), as the case says or as found; or nothing."""
        return self._narrowing.settings.segment or self.lesion_segment.code

    @cached_property
    def published_area(self) -> float:
        """The published median area of the lesion's segment."""
        area = median_area(self.segment_code)
        if area is None:
            raise NotAssessable("no published area for this segment")
        return area

    @cached_property
    def lesion_branch(self) -> int:
        """Number of the lesion's branch."""
        return list(self.segments).index(self._narrowing.lesion.branch)

    @cached_property
    def other_branch(self) -> int:
        """Number of the branch that is the same vein of the other side."""
        wanted = self.lesion_segment.opposite
        if wanted.side and wanted in self.segments.values():
            return list(self.segments.values()).index(wanted)
        raise NotAssessable("the model has no vein of the other side to compare with")

    @cached_property
    def limb_flows(self) -> Array:
        """Cycle-mean flow rates of the inlets on the lesion's side."""
        side = self.lesion_segment.side
        if not side:
            raise NotAssessable("the side of the narrowing is not known")
        inlets = self._openings.inlet_names
        on = [name in self.segments and self.segments[name].side == side for name in inlets]
        if not any(on):
            raise NotAssessable(f"no inlet on the {side} side")
        return self._openings.inlet_flows[np.array(on)]

    @cached_property
    def lesion_peak_flow(self) -> float:
        """Flow rate through the lesion when the cycle's throughput is largest."""
        return float(np.median(self._narrowing.flow_before)) * self._openings.peak_factor

    @cached_property
    def confluence(self) -> Site:
        """The first plane after the confluence that is nearest to the lesion."""
        tree = self._narrowing.tree
        if not tree.confluences:
            raise NotAssessable("the model has no confluence")
        ways = tree.ways(self._narrowing.lesion.plane)
        return tree.site(min(tree.confluences, key=lambda plane: ways[plane]))

    @cached_property
    def joining_directions(self) -> Array:
        """Mean directions (2, 3) of the last 10 mm of the two branches that join there."""
        tree, planes = self._narrowing.tree, self._narrowing.planes
        head = self.confluence.plane
        ends = list(tree.joins[head])
        if len(ends) == 1:
            ends += [int(np.flatnonzero(tree.ways_central(head) == 0)[0])]
        if len(ends) != 2:
            raise NotAssessable("more than two veins meet at the confluence")
        means = []
        for end in ends:
            near = planes.branch == planes.branch[end]
            near &= np.abs(planes.arc - planes.arc[end]) <= WINDOW
            near &= planes.arc <= planes.arc[end]
            means.append(planes.tangent[near].mean(axis=0))
        return np.array(means)
