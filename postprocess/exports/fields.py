"""The numbers of a results file in formats that others read: VTU, XDMF, CSV, NumPy, NetCDF.

NetCDF is version 3, which xarray opens without another library (`engine="scipy"`).
"""

import contextlib
import csv
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import NDArray

from core.errors import CaseError
from core.fields import VIEWED, WALL_SHEAR_STRESS
from core.store import Results

Array = NDArray[Any]
TABLES = ("flow/series", "clot/series")
ON_WALL = ("area", "centre", "normal", "region")
PARTS = ("flow/mean", "flow/wall", "clot/mean", "clot/wall")


def write(results: Results, kind: str, folder: Path) -> list[Path]:
    """Write ``results`` as ``kind`` (a name in `FORMATS`) into a new ``folder``; gives the files.

    Raises `CaseError` where the folder is there or cannot be made.
    """
    if folder.exists():
        raise CaseError(
            "the folder for the export is there already", where=str(folder),
            do="choose another with --out DIR, or delete it",
        )
    folder = folder.absolute()
    partial = folder.with_name(f".{folder.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        FORMATS[kind](results, partial)
        partial.rename(folder)
    except OSError as error:
        raise CaseError(
            f"the export cannot be written: {error.strerror or error}", where=str(folder),
            do="choose another place with --out DIR",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return sorted(folder.iterdir())


def steps(results: Results) -> Iterator[tuple[float, dict[str, Array], Array]]:
    """Stored times [s], the viewed fields at the points, wall shear stress at the facets."""
    for step, time in enumerate(results.times()):
        fields = {field.name: results.viewed(field.name, step) for field in VIEWED}
        yield float(time), fields, results.wall_shear_stress(step)


def _vtu(results: Results, folder: Path) -> None:
    """A file for each time, and a .pvd that lists them."""
    import meshio

    points, region = results.points(), results.array("wall/region")
    lumen, wall = [("tetra", results.cells())], [("triangle", results.array("wall/facets"))]
    names: dict[str, list[tuple[float, str]]] = {"lumen": [], "wall": []}
    for number, (time, fields, stress) in enumerate(steps(results)):
        on_wall = {WALL_SHEAR_STRESS.name: [stress], "region": [region]}
        for name, mesh in (
            ("lumen", meshio.Mesh(points, lumen, point_data=fields)),
            ("wall", meshio.Mesh(points, wall, cell_data=on_wall)),
        ):
            file = f"{name}_{number:04d}.vtu"
            mesh.write(folder / file)
            names[name].append((time, file))
    for name, files in names.items():
        lines = [f'<DataSet timestep="{t!r}" file={quoteattr(file)}/>' for t, file in files]
        (folder / f"{name}.pvd").write_text(
            '<VTKFile type="Collection" version="0.1"><Collection>\n' + "\n".join(lines)
            + "\n</Collection></VTKFile>\n"
        )


def _xdmf(results: Results, folder: Path) -> None:
    """One time series of the lumen, one of the wall."""
    from meshio.xdmf import TimeSeriesWriter

    points, region = results.points(), results.array("wall/region")
    with contextlib.chdir(folder):  # meshio puts the arrays into the present folder
        with TimeSeriesWriter("lumen.xdmf") as file:
            file.write_points_cells(points, [("tetra", results.cells())])
            for time, fields, _ in steps(results):
                file.write_data(time, point_data=fields)
        with TimeSeriesWriter("wall.xdmf") as file:
            file.write_points_cells(points, [("triangle", results.array("wall/facets"))])
            for time, _, stress in steps(results):
                cells = {WALL_SHEAR_STRESS.name: [stress], "region": [region]}
                file.write_data(time, cell_data=cells)


def _csv(results: Results, folder: Path) -> None:
    """The time series and the wall as tables, SI; vectors take a column for each component."""
    for name in TABLES:
        if results.has(name):
            openings = [str(one) for one in results.attributes(name).get("boundaries", ())]
            columns = {n: results.array(f"{name}/{n}") for n in results.names(name)}
            _table(folder / f"{name.replace('/', '_')}.csv", columns, openings)
    columns = {name: results.array(f"wall/{name}") for name in ON_WALL}
    for part in ("flow/wall", "clot/wall"):
        for name in results.names(part) if results.has(part) else ():
            if (values := results.array(f"{part}/{name}")).ndim < 3:
                columns[f"{part.partition('/')[0]}_{name}"] = values
    _table(folder / "wall.csv", columns, [])


def _table(path: Path, columns: dict[str, Array], openings: list[str]) -> None:
    heads: list[str] = []
    for name in sorted(columns, key=lambda name: name != "time"):
        width = columns[name].shape[1] if columns[name].ndim > 1 else 0
        parts = openings if width == len(openings) else list("xyz"[:width])
        heads += [f"{name}_{part}" for part in parts] if width else [name]
    ordered = [columns[name] for name in sorted(columns, key=lambda name: name != "time")]
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(heads)
        writer.writerows(np.column_stack(ordered).tolist())


def _arrays(results: Results) -> dict[str, tuple[tuple[str, ...], Array]]:
    """Every array by name, and what its axes are."""
    found: dict[str, tuple[tuple[str, ...], Array]] = {
        "time": (("time",), results.times()),
        "points": (("point", "axis"), results.points()),
        "cells": (("cell", "corner"), results.cells()),
        "wall_facets": (("facet", "side"), results.array("wall/facets")),
    }
    for name in ON_WALL:
        found[f"wall_{name}"] = (("facet", "axis"), results.array(f"wall/{name}"))
    stored = list(steps(results))
    for field in VIEWED:
        values = np.array([fields[field.name] for _, fields, _ in stored])
        found[field.name] = (("time", "point", "axis"), values)
    on_wall = np.array([stress for *_, stress in stored])
    found["wall_shear_stress"] = (("time", "facet", "axis"), on_wall)
    for part in PARTS:
        rows = "facet" if part.endswith("wall") else "point"
        for name in results.names(part) if results.has(part) else ():
            if (values := results.array(f"{part}/{name}")).ndim < 3:
                axes = ("cell" if name == "shear_rate" else rows, "axis")
                found[f"{part.replace('/', '_')}_{name}"] = (axes, values)
    for table in TABLES:
        for name in results.names(table) if results.has(table) else ():
            label, values = table.replace("/", "_"), results.array(f"{table}/{name}")
            columns = f"{label}_{name}_column"
            found[f"{label}_{name}"] = ((f"{label}_row", columns), values)
    return {name: (axes[: values.ndim], values) for name, (axes, values) in found.items()}


def _npz(results: Results, folder: Path) -> None:
    """One .npz with every array."""
    arrays = {name: values for name, (_, values) in _arrays(results).items()}
    np.savez(folder / "results.npz", **arrays)  # type: ignore[arg-type]


def _netcdf(results: Results, folder: Path) -> None:
    """One NetCDF file with named dimensions."""
    from scipy.io import netcdf_file

    units = {field.name: field.unit for field in VIEWED} | {"time": "s", "points": "m"}
    with netcdf_file(folder / "results.nc", "w", version=2) as file:
        for name, (axes, values) in _arrays(results).items():
            for axis, length in zip(axes, values.shape, strict=True):
                if axis not in file.dimensions:
                    file.createDimension(axis, length)
            # NetCDF 3 has no 64-bit integers
            kept = values.astype(np.int32) if values.dtype.kind in "iub" else values
            variable = file.createVariable(name, kept.dtype, axes)
            variable[:] = kept
            if name in units:
                variable.units = units[name]


FORMATS: dict[str, Callable[[Results, Path], None]] = {
    "vtu": _vtu, "xdmf": _xdmf, "csv": _csv, "npz": _npz, "netcdf": _netcdf,
}
"""What a results file can be exported to."""
