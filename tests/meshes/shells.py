"""Surfaces of known shape, sound and damaged, and how they are written."""

from pathlib import Path

import numpy as np

from meshes.surface import Surface, to_vtk


def pipe(radius: float = 4.0, length: float = 30.0, around: int = 24, along: int = 20) -> Surface:
    """An open tube from (0, 0, 0) to (0, 0, length) [mm], normals outwards."""
    return bent(np.stack([np.zeros(along), np.zeros(along), np.linspace(0, length, along)], 1),
                radius, around)  # fmt: skip


def bent(curve: np.ndarray, radius: float, around: int = 24) -> Surface:
    """An open tube about ``curve`` (n, 3)."""
    way = np.gradient(curve, axis=0)
    way /= np.linalg.norm(way, axis=1)[:, None]
    side = np.cross(way, [0.3, 0.9, 0.1])
    side /= np.linalg.norm(side, axis=1)[:, None]
    other = np.cross(way, side)
    angle = 2 * np.pi * np.arange(around) / around
    points = (
        curve[:, None]
        + radius * np.cos(angle)[None, :, None] * side[:, None]
        + radius * np.sin(angle)[None, :, None] * other[:, None]
    ).reshape(-1, 3)
    k, j = (i.ravel() for i in np.indices((len(curve) - 1, around)))
    a, b = k * around + j, k * around + (j + 1) % around
    triangles = np.concatenate([
        np.stack([a, b, a + around], 1), np.stack([b, b + around, a + around], 1)
    ])  # fmt: skip
    return Surface(points, triangles, np.zeros(len(triangles), dtype=np.int32))


def ball(radius: float = 6.0) -> Surface:
    """A closed ball of latitudes and longitudes, without ends."""
    import pyvista

    data = pyvista.Sphere(radius=radius, theta_resolution=24, phi_resolution=24)
    faces = np.asarray(data.faces).reshape(-1, 4)[:, 1:].astype(np.int64)
    return Surface(np.asarray(data.points, float), faces, np.zeros(len(faces), dtype=np.int32))


def moebius(around: int = 40) -> Surface:
    """A strip with half a twist: one side only."""
    angle = 2 * np.pi * np.arange(around) / around
    rows = []
    for side in (-2.0, 2.0):
        r = 10 + side * np.cos(angle / 2)
        rows.append(np.stack([r * np.cos(angle), r * np.sin(angle), side * np.sin(angle / 2)], 1))
    triangles = []
    for k in range(around):
        a, b = k, k + around
        c, d = ((k + 1), (k + 1 + around)) if k + 1 < around else (around, 0)
        triangles += [[a, c, b], [c, d, b]]
    every = np.array(triangles)
    return Surface(np.concatenate(rows), every, np.zeros(len(every), dtype=np.int32))


def joined(*parts: Surface) -> Surface:
    """Surfaces side by side in one."""
    at = np.cumsum([0, *(len(part.points) for part in parts)])
    return Surface(
        np.concatenate([p.points for p in parts]),
        np.concatenate([p.triangles + a for p, a in zip(parts, at, strict=False)]),
        np.concatenate([p.tags for p in parts]),
    )


def write(surface: Surface, path: Path) -> Path:
    """STL, PLY, OBJ or VTP by the name."""
    import vtk

    kinds = {".stl": "STLWriter", ".ply": "PLYWriter", ".obj": "OBJWriter"}
    writer = getattr(vtk, f"vtk{kinds.get(path.suffix, 'XMLPolyDataWriter')}")()
    if path.suffix in (".stl", ".ply"):
        writer.SetFileTypeToBinary()
    writer.SetInputData(to_vtk(surface))
    writer.SetFileName(str(path))
    writer.Write()
    return path
