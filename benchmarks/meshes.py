"""Every vessel of the test data: does it reach a mesh that passes the gates and carries a flow, or
a clear refusal?

A row per file. `value` is the number of cells, or 0 where the file is refused for the reason that
is expected. The flow is a short one: from the steady start, ten steps at a Reynolds number of 100
in the root, which is the outlet; its mass must balance and its energy must not grow beyond what
comes in. Needs the data (`DVTWIN_DATA`). The table of docs/meshes.md is made so:

    dvtwin bench meshes --json meshes.json
    dvtwin shell python3 benchmarks/meshes.py meshes.json
"""

import json
import math
import os
import re
import sys
import time
from pathlib import Path

from mpi4py import MPI

import numpy as np

from core.errors import TwinError
from core.record import ROOT
from core.settings import read
from meshes.build import build
from meshes.sources import sources
from meshes.tagged import TaggedMesh
from meshes.vessel import distribute
from solvers.flow import Flow
from solvers.settings import FlowSettings
from solvers.start import begin

DENSITY, VISCOSITY, REYNOLDS = 1060.0, 3.5e-3, 100.0
STEPS, BALANCED = 10, 1e-6
"""Steps of the short flow, and the largest share of its throughput that may get lost."""
LONGEST = 0.5
"""Largest time step [s]; a case may have no longer ones than 1 s."""
FASTEST = 20.0
"""More times the mean speed of the narrowest opening than any vessel here has: blown up."""
DATA = Path(os.environ.get("DVTWIN_DATA", ROOT.parent / "shared" / "data"))


def _ends(unit: str, root: str, **places: tuple[float, float, float]) -> dict[str, object]:
    """Openings by their points in ``unit``."""
    at = {name: {"at": [f"{x} {unit}" for x in place]} for name, place in places.items()}
    return {"unit": unit, "root": root, "openings": at}


def _surface(size: str, ends: dict[str, object], **more: object) -> dict[str, object]:
    return {"kind": "surface", "size": size, "across": 8, **ends, **more}


def _mask(size: str, labels: list[int], ends: dict[str, object]) -> dict[str, object]:
    return {"kind": "mask", "size": size, "across": 6, "labels": labels, **ends}


def _file(unit: str, *names: str, **more: object) -> dict[str, object]:
    """A volume mesh; names are "tag=name"."""
    known = dict(name.split("=") for name in names)
    return {"kind": "file", **({"names": known} if known else {}), **more, "unit": unit}


PIPE = ("lumen_wall=wall", "lumen_inlet=inlet", "lumen_outlet=outlet")
ATLAS = _ends(
    "mm", "cava", cava=(-18.2, -3.9, 75.7), left=(29.0, -2.3, -81.3), right=(-39.3, 1.7, -82.3),
    left_internal=(14.9, 34.6, -71.3), right_internal=(-24.3, 33.6, -71.3),
)  # fmt: skip
AORTA = _ends(
    "mm", "top", top=(221.0, 177.8, 21.0), one=(235.2, 101.5, 29.0), other=(210.1, 102.9, 30.7)
)
ILIAC = _ends(
    "cm", "top", top=(-1.97, -1.63, 12.92), right=(8.17, 5.08, -19.95), left=(-5.76, 5.64, -20.66)
)
BRANCHES = _ends(
    "mm", "top", top=(0.0, 0.2, 0.0), one=(-44.5, 0.2, -150.7), other=(44.5, 0.2, -150.7)
)
CAVA = _ends("mm", "top", top=(113.2, 0, 0), bottom=(-53.2, 0, 0))
VEIN = _ends("mm", "top", top=(37.9, 30.2, 36.2), bottom=(37.6, 28.6, 29.8))
GRAFT = _ends("cm", "top", top=(-5.16, -2.78, 12.64), bottom=(-4.1, 4.9, 5.2))
CLOTTED = _ends(
    "mm", "a", a=(21.5, 15.2, 9.6), b=(15.0, 1.5, 16.4), c=(21.5, 1.2, 15.0), d=(25.3, 8.3, 14.4)
)
PORTAL = _ends("mm", "a", a=(177.4, 221.5, 211.5), b=(182.5, 231.9, 114.7))
STRAIGHT = _ends("cm", "out", out=(0, 0, 0), into=(0, 0, 30))
DFG = _file("m", "2=inlet", "3=outlet", "6=wall", "10=wall")
FLOW, MESH = "flow/", "mesh/"

CASES: dict[str, tuple[str, dict[str, object], str]] = {
    "atlas-veins": (MESH + "spl-abdominal-atlas/seg.nrrd",
                    _mask("3 mm", [8, 81, 82, 83, 84, 85, 86], ATLAS), ""),
    "hepatic-002": (MESH + "msd-hepaticvessel-label/hepaticvessel_002_vsnet.nii.gz",
                    _mask("3 mm", [1], PORTAL), "handles|folds up"),
    "hepatic-010": (MESH + "msd-hepaticvessel-label/hepaticvessel_010_vsnet.nii.gz",
                    _mask("3 mm", [1], PORTAL), "handles|pieces"),
    "mr-scan": (MESH + "vmtk-aorta/aorta.mha", _mask("2 mm", [1], AORTA), "no label map|scan"),
    "mr-levelset": (MESH + "vmtk-aorta/aorta-final-levelset.mha", _mask("2 mm", [1], AORTA),
                    "no label map|scan"),
    "mr-cine": (MESH + "vmtk-mr-dicom/mr-dicom.dcm", _mask("2 mm", [1], AORTA), "in time"),
    "aorta-stl": (MESH + "vmtk-aorta/aorta-surface-open-ends.stl", _surface("2 mm", AORTA), ""),
    "aorta-vtp": (MESH + "vmtk-aorta/aorta-surface.vtp", _surface("2 mm", AORTA, trim=1.0), ""),
    "ivc-28mm": (MESH + "generic-ivc-28mm/IVC_28mm_dia.stl", _surface("3 mm", CAVA), ""),
    "vein-stl": (FLOW + "vampy_vein/vein.stl", _surface("0.5 mm", VEIN), ""),
    "vein-graft": (FLOW + "svfsi_vein_graft/mesh", _surface("1 mm", GRAFT), ""),
    "vein-graft-as-mesh": (FLOW + "svfsi_vein_graft/mesh", _file("cm"), "neither"),
    "bifurcation": (MESH + "sv-tests/bifurcation.vtp", _surface("2 mm", BRANCHES), ""),
    "aorta-iliac": (FLOW + "sv_aorta_iliac/demo_Models.vtp", _surface("2 mm", ILIAC), ""),
    "aorta-iliac-rom": (FLOW + "sv_aorta_iliac/rom_model_surface.vtp",
                        _surface("2 mm", ILIAC), ""),
    "aorta-tests": (MESH + "sv-tests/aorta.vtp", _surface("2 mm", ILIAC), ""),
    "aorta-in-mm": (MESH + "sv-tests/aorta.vtp",
                    _surface("2 mm", ILIAC | {"unit": "mm"}), "away from the vessel"),
    "aorta-no-unit": (MESH + "sv-tests/aorta.vtp",
                      {k: v for k, v in _surface("2 mm", ILIAC).items() if k != "unit"},
                      "unit"),
    "aorta-volume": (FLOW + "sv_aorta_iliac/demo_Meshes.vtu",
                     _file("cm", openings=ILIAC["openings"], root="top"), "nearest flat end"),
    "clotted-lumen": (FLOW + "hd4foam_thrombosis/fluidDomain.stl",
                      _surface("0.4 mm", CLOTTED), "no vessel has"),
    "clot-alone": (FLOW + "hd4foam_thrombosis/thrombosis.stl",
                   _surface("0.4 mm", CLOTTED), "left 3 holes|same end|open or flat ends"),
    "centreline": (FLOW + "sv_aorta_iliac/rom_centerlines.vtp", _surface("2 mm", ILIAC),
                   "no triangles"),
    "carotid-foam": (FLOW + "haemofoam_carotid",
                     _file("m", "WALL=wall", "APEX=wall", "SINUS=wall", root="CCA"), ""),
    "pipe": (FLOW + "svfsi_pipe_rcr/mesh-complete", _file("cm", *PIPE), ""),
    "pipe-in-mm": (FLOW + "svfsi_pipe_rcr/mesh-complete", _file("m", *PIPE), "no vessel has"),
    "pipe-dye": (FLOW + "svfsi_pipe_scalar_nn/02-dye_AD/mesh-complete", _file("cm", *PIPE), ""),
    "cylinder-vtu": (MESH + "sv-tests/cylinder-mesh.vtu",
                     _file("cm", openings=STRAIGHT["openings"], root="out"), ""),
    "demo-vtu": (MESH + "sv-tests/demo.vtu",
                 _file("cm", openings=ILIAC["openings"], root="top"), "nearest flat end"),
    "dfg-3d": (MESH + "redbkit-dfg3d-gmsh/fluid_L0.msh", DFG | {"any_size": True}, ""),
    "dfg-3d-as-vessel": (MESH + "redbkit-dfg3d-gmsh/fluid_L0.msh", DFG, "no vessel has"),
    "artery-dolfin": (MESH + "turtlefsi-artery-hdf5/artery_coarse_rescaled.h5",
                      _file("m", "2=inlet", "3=outlet", "22=wall", regions=[1]), ""),
    "artery-both-regions": (MESH + "turtlefsi-artery-hdf5/artery_coarse_rescaled.h5",
                            _file("m"), "several regions"),
    "cylinder-dolfin": (MESH + "vasp-dolfin-hdf5/cylinder.h5",
                        _file("m", "2=inlet", "3=outlet", "22=wall", regions=[1]),
                        "no vessel has"),
    "stenosis-dolfin": (MESH + "vasp-dolfin-hdf5/offset_stenosis.h5",
                        _file("m", "2=inlet", "3=outlet", "22=wall", regions=[1]), ""),
    "aneurysm-dolfin": (MESH + "vasp-dolfin-hdf5/small_aneurysm.h5",
                        _file("m", "2=inlet", "3=left", "4=right", "22=wall", regions=[1]), ""),
}  # fmt: skip
"""Name: file, its `[mesh]` table, and what its refusal says ("" where it must be meshed)."""


def run() -> list[dict[str, object]]:
    """One row for each file of the data."""
    return [row(name) for name in CASES]


def row(name: str) -> dict[str, object]:
    """The fate of one file."""
    path, table, refusal = CASES[name]
    start = time.perf_counter()
    cells, said, carried = 0, "", False
    try:
        mesh = build(sources.build({**table, "path": path}), DATA)
        cells = len(mesh.cells)
        said = (
            f"{1e6 * mesh.quality['volume']:.3g} ml, worst radius ratio "
            f"{mesh.quality['radius_ratio_min']:.2f}"
        )
        carried, told = flows(mesh, str(table.get("root", "")))
        said += f"; flow: {told}"
    except TwinError as error:
        said = error.what
    except Exception as error:  # a case error of pydantic: the message is what the user sees
        said = str(error)
    met = bool(re.search(refusal, said)) and cells == 0 if refusal else carried
    return {
        "bench": "meshes", "id": f"meshes.{name}", "value": cells, "unit": "cells",
        "reference": "refused" if refusal else "meshed", "tolerance": None,
        "source": f"{path} ({table['kind']}): {said}", "ok": met,
        "seconds": round(time.perf_counter() - start, 1),
    }  # fmt: skip


def flows(mesh: TaggedMesh, root: str) -> tuple[bool, str]:
    """Whether a short flow towards ``root`` (or the widest opening) is sound, and its figures."""
    vessel = distribute(MPI.COMM_SELF, mesh)
    areas = {name: patch.area for name, patch in vessel.openings.items()}
    root = root or max(areas, key=lambda name: areas[name])
    rate = REYNOLDS * VISCOSITY / DENSITY * math.sqrt(math.pi * areas[root]) / 2.0
    speed = rate / (sum(areas.values()) - areas[root])  # the same in all the others
    fastest = max(speed, rate / areas[root])
    dt = min(float(mesh.quality["edge_median"]) / fastest, LONGEST)
    boundary: dict[str, object] = {
        name: {"kind": "flow_rate", "mean": f"{speed * area} m^3/s"} if name != root
        else {"kind": "pressure", "pressure": "0 Pa"} for name, area in areas.items()
    }
    table = {
        "rheology": {"kind": "newtonian", "mu": f"{VISCOSITY} Pa s"},
        "density": f"{DENSITY} kg/m^3", "period": f"{STEPS * dt} s", "snapshots": 1,
        "scheme": {"element": "P1/P1", "dt": f"{dt} s"}, "boundary": boundary,
    }
    flow = Flow(vessel, read(FlowSettings, table, "benchmark"))
    begin(flow)
    for _ in range(STEPS):
        flow.step()
    lost = abs(sum(flow.flow_rates().values())) / rate
    peak = float(np.linalg.norm(flow.scheme.u, axis=1).max())
    sound = lost <= BALANCED and peak <= FASTEST * fastest
    return sound, f"peak {100 * peak:.3g} cm/s, {lost:.0e} of the throughput lost"


def markdown(rows: list[dict[str, object]]) -> str:
    """The rows as the table of docs/meshes.md."""
    lines = ["| case | file (kind) | cells | outcome | flow |", "|---|---|---:|---|---|"]
    for one in rows:
        file, _, rest = str(one["source"]).partition(": ")
        said, _, flow = rest.partition("; flow: ")
        cells = f"{one['value']:,}" if one["value"] else "refused"
        name = str(one["id"]).removeprefix("meshes.")
        lines.append(f"| {name} | {file} | {cells} | {' '.join(said.split())} | {flow} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown(json.loads(Path(sys.argv[1]).read_text())))
