"""A mesh source → the checked mesh with sections and record; and what to say of it."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from core.errors import MeshError
from core.record import version_of
from core.settings import effective
from meshes import centerline, quality, topology
from meshes.sources import MeshSource
from meshes.tagged import Sections, TaggedMesh

VERSIONS = (
    "numpy",
    "scipy",
    "gmsh",
    "meshio",
    "vtk",
    "vmtk",
    "mmgpy",
    "SimpleITK",
    "scikit-image",
)


def build(source: MeshSource, folder: Path) -> TaggedMesh:
    """The mesh that ``source`` describes, oriented, gated, with sections, figures and record.

    Raises `CaseError` for what the case says, `MeshError` for what the geometry is.
    """
    start = time.perf_counter()
    mesh, turned = quality.oriented(source.build(folder))
    quality.gates(mesh, any_size=getattr(source, "any_size", False))
    mesh = _facets_outwards(mesh)
    warnings = [*mesh.record.get("warnings", [])]
    sections, why = _sections(mesh, source.plane_spacing)
    if why:
        warnings.append(f"no centreline: {why}")
    mesh = replace(mesh, sections=sections)
    figures = quality.figures(mesh)
    record = {
        **mesh.record,
        "source": effective(source),
        "versions": {name: version_of(name) for name in VERSIONS},
        "changed": [*mesh.record.get("changed", []), *([turned] if turned else [])],
        "warnings": [*warnings, *_doubts(mesh, figures)],
        "seconds": round(time.perf_counter() - start, 2),
    }
    return replace(mesh, quality=figures, record=record)


def _sections(mesh: TaggedMesh, spacing: float) -> tuple[Sections, str]:
    """Planes along the centreline, or none and the reason: a mesh without them still computes.

    A source that gives planes of its own keeps them.
    """
    if len(mesh.sections.arc):
        return mesh.sections, ""
    if mesh.cells.shape[1] != 4:
        return Sections.none(), "the mesh is two-dimensional"
    try:
        return centerline.sections(mesh, spacing), ""
    except MeshError as error:
        return Sections.none(), error.what


def _facets_outwards(mesh: TaggedMesh) -> TaggedMesh:
    """The mesh with its facets' corners ordered so that normals point out of the lumen."""
    faces = topology.faces(mesh.cells)
    border = faces.outward[faces.count == 1]
    return replace(mesh, facets=border[topology.match(mesh.facets, border)])


def _doubts(mesh: TaggedMesh, figures: dict[str, float]) -> list[str]:
    """What is sound enough to compute on and still worth a warning."""
    doubts = []
    if figures["radius_ratio_min"] < 1e-2:
        doubts.append(
            f"worst cell has radius ratio {figures['radius_ratio_min']:.1e}: expect slow solves"
        )
    for name, tag in quality.opening_tags(mesh).items():
        if f"area.{name}" not in figures or mesh.cells.shape[1] != 4:
            continue
        radius = np.sqrt(figures[f"area.{name}"] / np.pi)
        if figures[f"unevenness.{name}"] > 0.05 * radius:
            doubts.append(
                f"opening {name!r} is not flat: {1e3 * figures[f'unevenness.{name}']:.2f} mm off"
            )
        facets = mesh.facets[mesh.facet_tags == tag]
        number, _ = topology.pieces(topology.neighbours(facets), len(facets))
        if number > 1:
            doubts.append(f"opening {name!r} is in {number} pieces")
    across = figures.get("cells_across_narrowest")
    if across is not None and across < 8:
        doubts.append(f"only {across:.1f} cells across the narrowest section: refine there")
    return doubts


def report(mesh: TaggedMesh) -> str:
    """A few aligned lines for the terminal."""
    figures = mesh.quality
    lines = [
        ("cells", f"{figures['cells']:,.0f} cells, {figures['points']:,.0f} points"),
        ("volume", f"{1e6 * figures['volume']:.2f} ml"),
        (
            "shape",
            f"radius ratio {figures['radius_ratio_min']:.3f} at worst, "
            f"{figures['radius_ratio_mean']:.2f} on average",
        ),
    ]
    for name in quality.opening_tags(mesh):
        area: Any = figures.get(f"area.{name}", np.nan)
        diameter = 2 * np.sqrt(area / np.pi)
        lines.append((name, f"{1e6 * area:.1f} mm², diameter {1e3 * diameter:.1f} mm"))
    if "cells_across_narrowest" in figures:
        lines.append(
            (
                "narrowest",
                f"inscribed diameter {2e3 * figures['narrowest_radius']:.1f} mm, "
                f"{figures['cells_across_narrowest']:.1f} cells across",
            )
        )
    lines += [("warning", text) for text in mesh.record.get("warnings", [])]
    width = max(len(label) for label, _ in lines)
    return "\n".join(f"{label:<{width}}  {text}" for label, text in lines)
