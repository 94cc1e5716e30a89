"""Vessels of patients in pulsatile flow that turns round in every cycle, at steps of five cells or
more: does the flow stay stable, do its balances close, and does the wall shear converge?

Needs the data (`DVTWIN_DATA`). Flow rates are Q̄ (1 + 1.5 cos ωt), so that each vessel is crossed
backwards in a third of its cycle and the ends with a pressure let blood in. The grid-convergence
index of the mean wall shear is that of two meshes [Roache 1994; Celik 2008], with the order 2
that the wall's reaction has in tubes: 3 |ε| / (r² − 1).
"""

import time
from dataclasses import dataclass
from typing import Any

from mpi4py import MPI

import numpy as np
from numpy.typing import NDArray

from benchmarks.meshes import CASES, DATA
from core.log import Progress
from core.settings import read
from meshes.build import build
from meshes.family import members
from meshes.sources import MeshSource, sources
from meshes.tagged import TaggedMesh
from meshes.vessel import distribute
from solvers.cycle import Cycles
from solvers.flow import Flow
from solvers.settings import FlowSettings
from solvers.start import begin
from solvers.stop import StopRequest
from solvers.storage.layout import Layout

Array = NDArray[Any]
RATIO = 1.5
"""Of the edges of the two meshes."""
CYCLES = 3


@dataclass(frozen=True)
class Vessel:
    """A file of `benchmarks.meshes`, its mean flow rates in [mL/s] by opening, the resistances of
    the other openings [Pa s/m³] (a pressure of 0 where None), cycle and step [s], and how many
    times longer than that file's edges those of the first of two meshes are.
    """

    file: str
    flows: dict[str, float]
    resistances: dict[str, float | None]
    period: float
    dt: float
    coarser: float = RATIO

    def settings(self) -> FlowSettings:
        """A cycle of reversing flow of blood of 3.5 mPa s."""
        waveform = {"kind": "fourier", "cosines": [1.5]}
        boundary: dict[str, Any] = {
            name: {"kind": "flow_rate", "mean": f"{q} mL/s", "waveform": waveform}
            for name, q in self.flows.items()
        }
        for name, resistance in self.resistances.items():
            boundary[name] = (
                {"kind": "pressure", "pressure": "0 Pa"}
                if resistance is None
                else {
                    "kind": "rcr",
                    "proximal": f"{0.1 * resistance} Pa s/m^3",
                    "distal_resistance": f"{0.9 * resistance} Pa s/m^3",
                    "compliance": f"{0.2 * self.period / resistance} m^3/Pa",
                }
            )
        table = {
            "rheology": {"kind": "newtonian", "mu": "3.5 mPa s"},
            "period": f"{self.period} s",
            "snapshots": 1,
            "scheme": {"element": "P1/P1", "dt": f"{self.dt} s"},
            "boundary": boundary,
        }
        return read(FlowSettings, table, "real-vessels")


VESSELS = {
    "graft": Vessel("vein-graft", {"bottom": 15.0}, {"top": 5e6}, 0.44, 1.25e-3),
    "iliac": Vessel("aorta-iliac", {"top": 20.0}, {"right": 1e8, "left": 1.5e8}, 1.0, 1e-2),
    "carotid": Vessel("carotid-foam", {"CCA": 4.0}, {"ICA": 2e9, "ECA": 3e9}, 0.8, 4e-3),
    "ivc": Vessel("ivc-28mm", {"bottom": 20.0}, {"top": None}, 4.0, 4e-2, 1.0),
}
"""Flow rates of vessels at rest; resistances that share the flow between outlets."""


def run() -> list[dict[str, object]]:
    """Every vessel on its meshes."""
    rows: list[dict[str, object]] = []
    for name, vessel in VESSELS.items():
        path, table, _ = CASES[vessel.file]
        if not (DATA / path).exists():
            print(f"real-vessels.{name} is skipped: there is no {DATA / path}; set DVTWIN_DATA")
            continue
        source = sources.build({**table, "path": path})
        rows += study(name, vessel, source)
    return rows


def study(name: str, vessel: Vessel, source: MeshSource) -> list[dict[str, object]]:
    """The rows of one vessel: those of its finest mesh, and the wall shear on both."""
    start = time.perf_counter()
    found = [flow_in(build(member, DATA), vessel) for member in pair(source, vessel)]
    spent = round(time.perf_counter() - start, 1)
    finest = found[-1]
    cells = f"{finest['cells']:.0f} cells, {CYCLES} cycles, steps of {vessel.dt * 1e3:g} ms"
    limits = {"imbalance": 1e-6, "cfl": None, "backflow": None}
    rows = []
    for what, unit in (
        ("cfl", "1"), ("backflow", "of throughput"), ("imbalance", "of throughput"),
        ("nodal-imbalance", "of throughput"), ("momentum", "of terms"), ("energy", "of terms"),
        ("change", "of velocity"), ("wall-shear", "Pa"),
    ):  # fmt: skip
        limit = limits.get(what)
        rows.append(_row(f"{name}.{what}", finest[what], unit, limit, cells, spent))
    if len(found) == 2:
        ratio = (finest["cells"] / found[0]["cells"]) ** (1.0 / 3.0)
        apart = abs(finest["wall-shear"] - found[0]["wall-shear"]) / finest["wall-shear"]
        index = 3.0 * apart / (ratio**2 - 1.0)
        said = f"{found[0]['cells']:.0f} and {finest['cells']:.0f} cells"
        rows += [
            _row(f"{name}.wall-shear-coarse", found[0]["wall-shear"], "Pa", None, said, spent),
            _row(f"{name}.wall-shear-gci", index, "of wall shear", None, said, spent),
        ]
    else:
        print(f"real-vessels.{name}: the mesh is from a file, so there is no second one")
    return rows


def pair(source: MeshSource, vessel: Vessel) -> list[MeshSource]:
    """Two meshes, the finer last; a file's mesh stands alone."""
    if "size" not in type(source).model_fields:
        return [source]
    size, across = getattr(source, "size"), getattr(source, "across")  # noqa: B009
    first = {"size": vessel.coarser * size, "across": round(across / vessel.coarser)}
    return list(members(source.model_copy(update=first), 2, RATIO))


def flow_in(mesh: TaggedMesh, vessel: Vessel) -> dict[str, float]:
    """Worst figures of all steps of the last cycle, and the mean wall shear of that cycle [Pa]."""
    spread = distribute(MPI.COMM_SELF, mesh)
    flow = Flow(spread, vessel.settings())
    begin(flow)
    layout = Layout(spread, flow.geometry, flow.Q)
    cycles = Cycles(flow, layout, Progress(None), StopRequest(MPI.COMM_SELF))
    for cycle in range(1, CYCLES + 1):
        change, means = cycles.run("flow", 0.0, 0.0, record=cycle == CYCLES)
    steps = flow.settings.steps_per_cycle
    series = {key: np.abs(column[-steps:]) for key, column in cycles.series.table().items()}
    area = layout.wall.area
    return {
        "cells": float(len(mesh.cells)),
        "cfl": float(series["cfl"].max()),
        "backflow": float(series["backflow"].max()),
        "imbalance": float(series["imbalance"].max()),
        "nodal-imbalance": float(np.median(series["nodal_imbalance"])),
        "momentum": float(np.median(series["momentum_residual"])),
        "energy": float(np.median(series["energy_residual"])),
        "change": change,
        "wall-shear": float(area @ means.tawss / area.sum()),
    }


def _row(
    name: str, value: float, unit: str, limit: float | None, source: str, spent: float
) -> dict[str, object]:
    return {
        "bench": "real-vessels", "id": f"real-vessels.{name}", "value": float(value),
        "unit": unit, "reference": None if limit is None else 0.0, "tolerance": limit,
        "source": source, "ok": None if limit is None else bool(value <= limit),
        "seconds": spent,
    }  # fmt: skip
