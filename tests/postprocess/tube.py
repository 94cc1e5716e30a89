"""A fabricated results file: a stenosed tube with Poiseuille flow whose numbers have closed forms.

The tube lies along z, R(z) = R0 (1 − s f(z)) with a cosine bump f; the local Poiseuille solution
for the flow rate Q holds on each section. The flow is steady, written as one cycle of equal steps
with a small sine on it. Everything is laid out as `core.store` says.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np

MU, RHO = 3.5e-3, 1060.0


@dataclass
class Tube:
    """Shape and flow of the fabricated run, SI."""

    radius: float = 6e-3
    length: float = 100e-3
    narrow: float = 0.4
    middle: float = 50e-3
    half: float = 10e-3
    flow: float = 6e-6
    rings: int = 5
    spokes: int = 24
    layers: int = 101
    extension: float = 0.0
    clot: bool = True
    planes: bool = True
    attributes: dict[str, Any] = field(default_factory=dict)
    clot_attributes: dict[str, Any] = field(default_factory=dict)
    mesh_attributes: dict[str, Any] = field(default_factory=dict)

    def r(self, z: Any) -> Any:
        """Radius at height z."""
        away = np.clip(np.abs(z - self.middle) / self.half, 0, 1)
        return self.radius * (1 - self.narrow * 0.5 * (1 + np.cos(np.pi * away)))

    @property
    def polygon(self) -> float:
        """Area of the section's polygon over that of its circle."""
        turn = 2 * np.pi / self.spokes
        return float(np.sin(turn) / turn)

    def area(self, z: Any) -> Any:
        """Area of the section, a polygon, at height z."""
        return self.polygon * np.pi * self.r(z) ** 2

    def pressure(self, z: Any) -> Any:
        """p(z) = ∫_z^L 8 μ Q / (π R⁴) dz, zero at the outlet."""
        fine = np.linspace(0, self.length, 20001)
        slope = 8 * MU * self.flow / (np.pi * self.r(fine) ** 4)
        total = np.concatenate([[0], np.cumsum(0.5 * (slope[1:] + slope[:-1]) * np.diff(fine))])
        return np.interp(z, fine, total[-1] - total) + 1333.22

    def wall_stress(self, z: Any) -> Any:
        """4 μ Q / (π R³)."""
        return 4 * MU * self.flow / (np.pi * self.r(z) ** 3)


def structured(tube: Tube) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points, cells, wall facets, inlet facets, outlet facets."""
    n, m = tube.rings, tube.spokes
    angle = np.arange(m) * 2 * np.pi / m
    disc = [np.zeros((1, 2))]
    for k in range(1, n + 1):
        disc.append(k / n * np.column_stack([np.cos(angle), np.sin(angle)]))
    flat = np.concatenate(disc)
    spoke, after = np.arange(m), (np.arange(m) + 1) % m
    triangles = [np.column_stack([np.zeros(m, int), 1 + spoke, 1 + after])]
    for k in range(1, n):
        a, b = 1 + (k - 1) * m + spoke, 1 + (k - 1) * m + after
        c, d = 1 + k * m + spoke, 1 + k * m + after
        triangles += [np.column_stack([a, c, d]), np.column_stack([a, d, b])]
    tri = np.concatenate(triangles)
    z = np.linspace(0, tube.length, tube.layers)
    points = np.concatenate([
        np.column_stack([tube.r(h) * flat, np.full(len(flat), h)]) for h in z
    ])
    cells = []
    size = len(flat)
    # splitting each prism by the order of its point numbers keeps neighbours conforming
    tri = np.sort(tri, axis=1)
    for k in range(len(z) - 1):
        low, high = tri + k * size, tri + (k + 1) * size
        cells += [
            np.column_stack([low[:, 0], low[:, 1], low[:, 2], high[:, 2]]),
            np.column_stack([low[:, 0], low[:, 1], high[:, 1], high[:, 2]]),
            np.column_stack([low[:, 0], high[:, 0], high[:, 1], high[:, 2]]),
        ]
    cells = np.concatenate(cells)
    wall = []
    rim = np.sort(np.column_stack([1 + (n - 1) * m + spoke, 1 + (n - 1) * m + after]), axis=1)
    for k in range(len(z) - 1):
        low, high = rim + k * size, rim + (k + 1) * size
        wall += [
            np.column_stack([low[:, 0], low[:, 1], high[:, 1]]),
            np.column_stack([low[:, 0], high[:, 1], high[:, 0]]),
        ]
    return points, cells, np.concatenate(wall), tri, tri + (len(z) - 1) * size


def clot_fraction(tube: Tube, points: np.ndarray, grown: float) -> np.ndarray:
    """A clot that closes the part x > (1 − 2 grown) R over 20 mm central of the narrowing."""
    z0, z1 = tube.middle + 10e-3, tube.middle + 10e-3 + 40e-3 * grown
    h = tube.length / (tube.layers - 1)
    along = np.clip(0.5 + np.minimum(points[:, 2] - z0, z1 - points[:, 2]) / (2 * h), 0, 1)
    edge = (1 - 2 * grown) * tube.radius
    across = np.clip(0.5 + (points[:, 0] - edge) / (2 * tube.radius / tube.rings), 0, 1)
    return np.minimum(along, across)


def write(path: Path, tube: Tube) -> Path:
    """The results file of ``tube``."""
    points, cells, wall, inlet, outlet = structured(tube)
    z, r2 = points[:, 2], points[:, 0] ** 2 + points[:, 1] ** 2
    radius = tube.r(z)
    velocity = np.zeros_like(points)
    velocity[:, 2] = 2 * tube.flow / (np.pi * radius**2) * np.maximum(1 - r2 / radius**2, 0)
    pressure = tube.pressure(z)
    age = 4.0 * z / tube.length
    with h5py.File(path, "w") as file:
        _view(file, points, cells, velocity, pressure, age)
        own = file.create_group("dvtwin")
        own.attrs.update(
            schema=1, case='title = "fabricated"', record=json.dumps({
                "created": "2026-11-22T09:12:00Z", "commit": "3f2a9c1b7d44", "code": "ab" * 32,
                "versions": {"numpy": "2.2.4"}, "ranks": 2, "host": "node",
                "inputs": {"mesh": {"file": "mesh.h5", "sha256": "9b1c" * 16}},
            })
        )
        own["steps_done"] = np.array([2])
        centre, area, normal = _facets(points, wall, tube)
        group = own.create_group("wall")
        region = np.where(
            (centre[:, 2] < tube.extension) | (centre[:, 2] > tube.length - tube.extension), 2, 1
        )
        for name, value in (
            ("facets", wall), ("area", area), ("centre", centre), ("normal", normal),
            ("region", region),
        ):
            group[name] = value
        _openings(own, tube, inlet, outlet)
        _sections(own, tube)
        quality = {"cells": len(cells), "cells_across_narrowest": 18.0, "sha256": "9b1c" * 16}
        own.create_group("mesh").attrs.update(quality | tube.mesh_attributes)
        shear = _shear(points, cells, tube)
        _flow(own, tube, velocity, pressure, age, shear, centre)
        if tube.clot:
            _clot(own, tube, points, velocity, pressure, shear)
    return path


def _view(file: Any, points: Any, cells: Any, velocity: Any, pressure: Any, age: Any) -> None:
    view = file.create_group("VTKHDF")
    view["Points"] = points.astype("f4").astype("f8")
    view["Connectivity"] = cells.ravel()
    # half a cycle later the pressure is a fifth higher
    view["Steps/Values"] = np.array([2.0, 4.0])
    for name, value in (("velocity", velocity), ("pressure", pressure), ("age", age)):
        peak = 1.2 * value if name == "pressure" else value
        view[f"PointData/{name}"] = np.concatenate([value, peak]).astype("f4")


def _facets(points: Any, wall: Any, tube: Tube) -> tuple[Any, Any, Any]:
    corner = points[wall]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    area = 0.5 * np.linalg.norm(normal, axis=1)
    centre = corner.mean(axis=1)
    normal /= np.linalg.norm(normal, axis=1)[:, None]
    normal *= np.sign(np.einsum("fi,fi->f", normal[:, :2], centre[:, :2]))[:, None]
    return centre, area, normal


def _openings(own: Any, tube: Tube, inlet: Any, outlet: Any) -> None:
    for name, facets, height, sign in (
        ("inlet", inlet, 0.0, -1.0), ("outlet", outlet, tube.length, 1.0)
    ):
        group = own.create_group(f"boundaries/{name}")
        group.attrs.update(
            role=name, area=np.pi * tube.r(height) ** 2, centre=[0, 0, height], normal=[0, 0, sign]
        )
        group["facets"] = facets


def _sections(own: Any, tube: Tube) -> None:
    arc = np.arange(0, tube.length + 1e-9, 1e-3) if tube.planes else np.zeros(0)
    group = own.create_group("sections")
    group["branch"] = np.full(len(arc), b"left_iliac", dtype="S10")
    group["arc"] = arc
    group["centre"] = np.column_stack([0 * arc, 0 * arc, arc])
    group["tangent"] = np.tile([0.0, 0, 1], (len(arc), 1))
    group["radius"] = tube.r(arc)
    group["area"] = np.pi * tube.r(arc) ** 2


def _shear(points: Any, cells: Any, tube: Tube) -> Any:
    middle = points[cells].mean(axis=1)
    return 4 * tube.flow / (np.pi * tube.r(middle[:, 2]) ** 4) * np.hypot(*middle[:, :2].T)


def _flow(
    own: Any, tube: Tube, velocity: Any, pressure: Any, age: Any, shear: Any, at: Any
) -> None:
    flow = own.create_group("flow")
    flow.attrs.update({
        "key": "k", "density": RHO, "period": 4.0, "periodicity": 0.004, "cycles": 3,
        "viscosity": "newtonian (mu=0.0035, SI)",
    } | tube.attributes)
    for name, value in (
        ("velocity", velocity), ("pressure", pressure), ("age", age), ("shear_rate", shear)
    ):
        flow[f"mean/{name}"] = value
    tawss = tube.wall_stress(at[:, 2])
    # a tenth of the stress swings to and fro: |mean| = 0.9 of the mean of the size, OSI = 0.05
    flow["wall/tawss"] = tawss
    flow["wall/traction_mean"] = np.column_stack([0 * tawss, 0 * tawss, 0.9 * tawss])
    time = np.arange(1, 201) * 0.06
    swing = 1 + 0.3 * np.sin(2 * np.pi * time / 4.0)
    series = flow.create_group("series")
    series.attrs["boundaries"] = ["inlet", "outlet"]
    series["time"] = time
    leak = 1 + 1e-4
    series["flow_rate"] = tube.flow * np.column_stack([-swing, leak * swing])
    series["pressure"] = np.column_stack([
        1333.22 + (tube.pressure(0.0) - 1333.22) * swing, np.full_like(time, 1333.22)
    ])
    series["imbalance"] = np.full_like(time, 1e-4)
    series["nodal_imbalance"] = np.full_like(time, 1e-3)


def _clot(
    own: Any, tube: Tube, points: Any, velocity: Any, pressure: Any, shear: Any
) -> None:
    clot = own.create_group("clot")
    clot.attrs.update({
        "key": "k", "growth_width": 1.2e-3, "mesh_size": 0.5e-3, "growth_until": 172800.0,
        "second_mesh_difference": 0.03,
    } | tube.clot_attributes)
    grown = np.array([0.0, 0.2, 0.3])
    clot["time"] = np.array([0.0, 86400.0, 172800.0])
    clot["fraction"] = np.array([
        clot_fraction(tube, points, part) if part else np.zeros(len(points)) for part in grown
    ])
    clot["mean/velocity"] = velocity
    clot["mean/shear_rate"] = shear
    clot["mean/pressure"] = 1333.22 + 2 * (pressure - 1333.22)
