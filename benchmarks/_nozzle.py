"""The nozzle of the FDA's benchmark [Stewart 2012] as tetrahedra, and what was measured in it.

A pipe of 12 mm narrows in a cone of 20° to a throat of 4 mm and 40 mm length and widens in one
step at z = 0; or, turned round, widens in the cone. Rings of points around the axis are swept
along z and cut into prisms and these into tetrahedra. The sections are polygons of the circle's
area, so that mean velocities are the nozzle's.
"""

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from meshes import split, topology
from meshes.tagged import LUMEN_CELLS, WALL, TaggedMesh

Array = NDArray[Any]
PIPE, THROAT, LENGTH = 6e-3, 2e-3, 0.04
CONE = -LENGTH - (PIPE - THROAT) / np.tan(np.radians(10.0))
"""Radii of pipe and throat, length of the throat, and where the cone begins [m]."""
NAMES = {1: WALL, 10: "inlet", 11: "outlet"}


def sudden(rings: int, ends: tuple[float, float], pace: float) -> TaggedMesh:
    """The sudden expansion with ``rings`` of cells in the throat and as many around its jet.

    Layers are ``pace`` [m] thick in the throat, up to fifteen times that at the ``ends``.
    """
    z = layers(ends, pace)
    core, around = disc(rings), annulus(rings)
    width = len(core)
    radius = np.where(
        z < CONE, PIPE, np.where(z < -LENGTH, PIPE + (z - CONE) * _slope(), THROAT)
    )
    step = int(np.argmin(np.abs(z)))
    radius[step:] = THROAT
    flat = np.concatenate([around_axis * r for r in radius for around_axis in (core,)])
    points = np.column_stack([flat, np.repeat(z, width)])
    outer = np.concatenate([around for _ in z[step:]])
    ring = np.column_stack([outer, np.repeat(z[step:], len(around))])
    return _tagged(np.vstack([points, ring]), _prisms(rings, len(z), step, width, len(around)))
