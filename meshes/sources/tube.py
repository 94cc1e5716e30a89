"""A straight circular tube along z, on request with core and plug: for exact solutions."""

import itertools
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from core.settings import quantity
from meshes.meshing.apart import apart
from meshes.sources import Ball, MeshSource, Zone
from meshes.tagged import LUMEN_CELLS, WALL, TaggedMesh

RING_CELLS = 101
PLUG_CELLS = 102
NAMES = {1: WALL, 10: "inlet", 11: "outlet"}
Array = NDArray[Any]


class Tube(MeshSource):
    """A tube from z = 0 ("inlet") to z = length ("outlet") of circular section.

    ``inner_radius`` fits an interface there: cells outside it carry the tag 101. ``plug`` is an
    axial interval whose cells carry 102, fitted too; it takes the whole section.
    """

    kind: Literal["tube"] = "tube"
    radius: float = quantity("m", meaning="radius of the tube", above="0 mm")
    length: float = quantity("m", meaning="length of the tube", above="0 mm")
    size: float = quantity("m", meaning="edge length", above="0 mm")
    inner_radius: float | None = quantity(
        "m",
        meaning="radius of the core; the ring around it is a region of its own",
        above="0 mm",
        optional=True,
    )
    plug: tuple[float, float] | None = quantity(
        "m", meaning="axial interval of the plug region", optional=True
    )
    refine: tuple[Zone, ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.inner_radius is not None and self.inner_radius >= self.radius:
            raise ValueError("inner_radius must be less than radius")
        if self.plug is not None and not 0 <= self.plug[0] < self.plug[1] <= self.length:
            raise ValueError("plug must be an interval within the tube's length, lower end first")
        if self.size > self.radius:
            raise ValueError("size is larger than radius: no tube can be seen with such edges")
        return self

    def build(self, folder: Path) -> TaggedMesh:  # noqa: ARG002
        """The tube's tetrahedra, filled by gmsh from exact geometry."""
        balls = [(np.array(zone.at), zone.radius, zone.size) for zone in self.refine]
        arrays = apart(
            tube, self.radius, self.length, self.size, self.inner_radius, self.plug, balls
        )
        points, cells, cell_tags, facets, facet_tags = arrays
        return TaggedMesh(points, cells, cell_tags, facets, facet_tags, NAMES)


def tube(
    radius: float,
    length: float,
    size: float,
    inner: float | None,
    plug: tuple[float, float] | None,
    balls: list[Ball],
) -> tuple[Array, ...]:
    """Points, cells, cell tags, facets, facet tags of the tube, in units of the arguments."""
    import gmsh

    from meshes.meshing import mesher

    # OpenCASCADE's tolerances are absolute and meant for millimetres
    unit = 1e-2 * radius
    cuts = np.unique([0.0, *(plug or ()), length]) / unit
    with mesher.session():
        occ = gmsh.model.occ
        outer, cores = [], []
        for low, high in itertools.pairwise(cuts):
            outer.append((3, occ.addCylinder(0, 0, low, 0, 0, high - low, radius / unit)))
            if inner:
                cores.append((3, occ.addCylinder(0, 0, low, 0, 0, high - low, inner / unit)))
        pieces, core = outer, set()
        if len(outer) + len(cores) > 1:
            pieces, origin = occ.fragment(outer, cores)
            core = {piece for parent in origin[len(outer) :] for piece in parent}
        occ.synchronize()
        volumes = {}
        for piece in pieces:
            z = occ.getCenterOfMass(*piece)[2] * unit
            ring = bool(inner) and piece not in core
            plugged = plug is not None and plug[0] < z < plug[1]
            volumes[piece[1]] = PLUG_CELLS if plugged else RING_CELLS if ring else LUMEN_CELLS
        surfaces = {
            tag: _side(gmsh.model.getBoundingBox(2, tag), length / unit)
            for _, tag in gmsh.model.getBoundary(pieces, combined=True, oriented=False)
        }
        mesher.set_size(
            size / unit, [(centre / unit, r / unit, h / unit) for centre, r, h in balls]
        )
        mesher.generate()
        points, *rest = mesher.collect(volumes, surfaces)
    return points * unit, *rest


def _side(box: tuple[float, ...], length: float) -> int:
    """The boundary tag of the surface with this bounding box (x0, y0, z0, x1, y1, z1)."""
    slack = 1e-3 * length
    if box[5] < slack:
        return 10
    return 11 if box[2] > length - slack else 1
