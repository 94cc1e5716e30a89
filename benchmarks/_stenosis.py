"""The case that flow solvers are compared on: pulsatile inflow into a tube with a stenosis.

A tube of diameter D = 10 mm from x = −3 D to 9 D; a cosine narrowing to half the area in |x| < D.
Parabolic inflow of mean Reynolds number 400, Q(t) = Q₀ (1 + ½ sin 2πt) under a cosine ramp of
0.1 s, from rest; p = 0 at the end; ρ = 1060 kg/m³, μ = 3.5 mPa s. Looked at after 0.25 s.
"""

from dataclasses import replace
from math import cos, pi, sin, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.settings import read
from meshes.sources.tube import Tube
from meshes.tagged import TaggedMesh

Array = NDArray[Any]
DIAMETER, UPSTREAM, DOWNSTREAM = 0.01, 0.03, 0.09
DENSITY, VISCOSITY, REYNOLDS = 1060.0, 3.5e-3, 400.0
RADIUS = DIAMETER / 2.0
SPEED = REYNOLDS * VISCOSITY / (DENSITY * DIAMETER)
FLOW = SPEED * pi * RADIUS**2
DT, END = 1e-3, 0.25
SIZES = {"50k": "0.917 mm", "200k": "0.577 mm", "800k": "0.361 mm"}
SECTIONS = (-0.015, 0.0, 0.01, 0.02, 0.03, 0.05)
"""Where the velocity is compared [m]; the drop of the throat is from the first to the third."""
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8)
"""Radii of the compared points over the local radius of the tube."""


def narrowing(x: Array) -> Array:
    """Radius over the open tube's at x [m]."""
    depth = 0.5 * (1.0 - sqrt(0.5)) * (1.0 + np.cos(pi * x / DIAMETER))
    return np.asarray(1.0 - np.where(np.abs(x) < DIAMETER, depth, 0.0))


def inflow(time: float) -> float:
    """Flow rate [m³/s]."""
    ramp = 0.5 * (1.0 - cos(pi * min(time, 0.1) / 0.1))
    return FLOW * (1.0 + 0.5 * sin(2.0 * pi * time)) * ramp


def tube(level: str) -> TaggedMesh:
    """Uniform tetrahedra: a straight tube along z whose points are moved to the axis."""
    table = {"kind": "tube", "radius": "5 mm", "length": "120 mm", "size": SIZES[level]}
    made = read(Tube, table, "benchmark").build(Path())
    points = made.points.copy()
    points[:, :2] *= narrowing(points[:, 2] - UPSTREAM)[:, None]
    return replace(made, points=points)


def probes() -> Array:
    """Compared points in the tube's frame (section, radius, angle, 3) [m]."""
    angles = 0.1 + np.arange(8) * pi / 4.0
    found = np.zeros((len(SECTIONS), len(SHARES), len(angles), 3))
    for i, x in enumerate(SECTIONS):
        for j, share in enumerate(SHARES):
            r = share * RADIUS * float(narrowing(np.asarray(x)))
            found[i, j] = np.column_stack(
                [r * np.cos(angles), r * np.sin(angles), np.full(8, x + UPSTREAM)]
            )
    return found
