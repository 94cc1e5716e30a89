"""The narrowing of a run: centreline planes, lesion, reference, and what was measured there."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from postprocess import sections, sites
from postprocess.inputs.vessel import EXTENSION, Vessel, text
from postprocess.sections import Curves, Planes, Surfaces
from postprocess.settings import MeasureSettings
from postprocess.sites import NotAssessable, Site, Tree

Array = NDArray[Any]


class Narrowing:
    """Measuring sites and their numbers (SI)."""

    def __init__(self, vessel: Vessel, settings: MeasureSettings) -> None:
        self._vessel, self.settings = vessel, settings

    @cached_property
    def planes(self) -> Planes:
        """The centreline planes of the mesh."""
        results = self._vessel.results
        if not results.has("sections/arc") or not len(results.array("sections/arc")):
            raise NotAssessable("the mesh has no centreline planes")
        names = [text(name) for name in results.array("sections/branch")]
        rest = (results.array(f"sections/{n}") for n in ("arc", "centre", "tangent", "radius"))
        return Planes(np.array(names), *(np.asarray(array, dtype=float) for array in rest))

    @cached_property
    def surfaces(self) -> Surfaces:
        """The boundary triangles that a plane may run into."""
        openings = [
            self._vessel.results.array(f"boundaries/{name}/facets").reshape(-1, 3)
            for name in self._vessel.results.names("boundaries")
        ]
        extension = self._vessel.wall_region == EXTENSION
        facets = self._vessel.wall_facets
        every = np.concatenate([np.zeros((0, 3), dtype=np.int64), *openings]).astype(np.int64)
        return Surfaces(every, facets[extension], facets[~extension])

    @cached_property
    def curves(self) -> Curves:
        """What was measured on every centreline plane."""
        names = {
            "velocity": "flow/mean/velocity", "pressure": "flow/mean/pressure",
            "end_pressure": "clot/mean/pressure",
        }
        nodal = {
            key: self._vessel.results.array(name).astype(float)
            for key, name in names.items() if self._vessel.results.has(name)
        }
        if {"velocity", "pressure"} <= set(nodal):
            speed = np.linalg.norm(nodal["velocity"], axis=1)
            nodal["total_pressure"] = nodal["pressure"] + 0.5 * self._vessel.density * speed**2
        if self._vessel.results.has("clot/fraction"):
            nodal["clot"] = self._vessel.results.array("clot/fraction").T.astype(float)
        mesh = self._vessel.points, self._vessel.cells
        return sections.measure(*mesh, self.planes, self.surfaces, nodal)

    @cached_property
    def tree(self) -> Tree:
        """The planes linked towards the heart."""
        return Tree(self.planes)

    @cached_property
    def lesion(self) -> Site:
        """The narrowest point, of the whole model or near the place that the case names."""
        named = self.settings.lesion
        if named is None:
            return self.tree.site(sites.narrowest(self.curves, self.planes))
        near = sites.narrowest_near(self.curves, self.planes, named.branch, named.arc)
        return self.tree.site(near)

    @cached_property
    def is_narrowed(self) -> bool:
        """Whether the area stenosis at the lesion is at least 20 %."""
        try:
            stenosis = 1 - self.lesion_area / float(np.median(self.reference_areas))
        except NotAssessable:
            return False
        return stenosis >= sites.FOCAL

    @cached_property
    def has_site(self) -> bool:
        """Whether there is a place around which the wall is looked at: narrowed, or named."""
        if self.settings.lesion is None:
            return self.is_narrowed
        try:
            return self.lesion is not None
        except NotAssessable:
            return False

    @cached_property
    def lesion_area(self) -> float:
        """Lumen area at the lesion."""
        return float(self.curves.area[self.lesion.plane])

    @cached_property
    def lesion_aspect(self) -> float:
        """Ratio of the principal widths at the lesion."""
        return float(self.curves.aspect[self.lesion.plane])

    @cached_property
    def reference_note(self) -> str:
        """What to know about the reference, or nothing."""
        if self.settings.reference is not None:
            return "reference segment named in the case"
        return sites.reference_planes(self.tree, self.curves, self.lesion.plane)[1]

    @cached_property
    def reference_planes(self) -> Array:
        """Numbers of the reference planes."""
        named = self.settings.reference
        if named is None:
            return sites.reference_planes(self.tree, self.curves, self.lesion.plane)[0]
        near = np.abs(self.planes.arc - named.arc) <= 0.5 * sites.WINDOW
        found = np.flatnonzero(
            near & (self.planes.branch == named.branch) & self.curves.assessable()
        )
        if not len(found):
            raise NotAssessable(f"no plane of {named.branch!r} near {1e3 * named.arc:.0f} mm")
        return found

    @cached_property
    def reference(self) -> Site:
        """The middle plane of the reference."""
        return self.tree.site(int(self.reference_planes[len(self.reference_planes) // 2]))

    @cached_property
    def reference_areas(self) -> Array:
        """Lumen areas of the reference planes."""
        return self.curves.area[self.reference_planes]

    @cached_property
    def reference_aspects(self) -> Array:
        """Ratios of the principal widths at the reference planes."""
        return self.curves.aspect[self.reference_planes]

    def _plane(self, *, central: bool) -> int:
        plane = self.tree.step(self.lesion.plane, self.settings.distance, central=central)
        if self.curves.why[plane]:
            side = "central" if central else "peripheral"
            way = 1e3 * self.settings.distance
            raise NotAssessable(f"{way:.0f} mm {side} of the lesion {self.curves.why[plane]}")
        return plane

    @cached_property
    def plane_peripheral(self) -> int:
        """The gradient's plane peripheral of the lesion."""
        return self._plane(central=False)

    @cached_property
    def plane_central(self) -> int:
        """The gradient's plane central of the lesion."""
        return self._plane(central=True)

    @cached_property
    def pressure_peripheral(self) -> float:
        """Mean pressure peripheral of the lesion."""
        return float(self.curves.pressure[self.plane_peripheral])

    @cached_property
    def pressure_central(self) -> float:
        """Mean pressure central of the lesion."""
        return float(self.curves.pressure[self.plane_central])

    @cached_property
    def total_pressure_peripheral(self) -> float:
        """Flow-weighted total pressure peripheral of the lesion."""
        return float(self.curves.total_pressure[self.plane_peripheral])

    @cached_property
    def total_pressure_central(self) -> float:
        """Flow-weighted total pressure central of the lesion."""
        return float(self.curves.total_pressure[self.plane_central])

    @cached_property
    def gradients_in_cycle(self) -> Array:
        """Mean pressure peripheral less central of the lesion at the last cycle's stored times."""
        pressure = self._vessel.pressures_in_cycle
        mesh = self._vessel.points, self._vessel.cells, self.planes
        ends = (self.plane_peripheral, self.plane_central)
        first, second = (sections.area_means(*mesh, plane, pressure) for plane in ends)
        return first - second

    @cached_property
    def speeds_before(self) -> Array:
        """Sampled speeds of the reference planes."""
        return self.curves.speed[self.reference_planes]

    @cached_property
    def speeds_after(self) -> Array:
        """Sampled speeds 0–20 mm central of the lesion."""
        way = self.tree.ways_central(self.lesion.plane)
        near = way <= self.settings.distance + sites.SLACK
        return self.curves.speed[near & self.curves.assessable()]

    @cached_property
    def flow_before(self) -> Array:
        """Flow rates through the reference planes."""
        return self.curves.flow_rate[self.reference_planes]
