"""The same vessel given in millimetres and in metres gives the same metrics."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.settings import read
from jobs.toml import dumps
from meshes.build import build
from meshes.export import write_msh
from meshes.sources.tube import Tube

ROOT = Path(__file__).resolve().parents[2]
FLOW = {
    "period": "0.4 s",
    "cycles": 3,
    "snapshots": 2,
    "scheme": {"dt": "20 ms", "tolerances": "tight"},
    "boundary": {
        "inlet": {"kind": "flow_rate", "mean": "150 mL/min"},
        "outlet": {"kind": "pressure", "pressure": "6 mmHg"},
    },
}


def metrics(folder: Path, unit: str) -> dict[str, float]:
    """Every assessable metric of the tube whose file is in ``unit``."""
    folder.mkdir()
    table = {"radius": "5 mm", "length": "60 mm", "size": "1.6 mm"}
    write_msh(build(read(Tube, table, "test"), folder), folder / "tube.msh", unit)
    case = {
        "title": "A tube",
        "mesh": {"kind": "file", "path": "tube.msh", "unit": unit, "root": "outlet"},
        "flow": FLOW,
        "run": {"ranks": 1},
    }
    (folder / "case.toml").write_text(dumps(case))
    command = [sys.executable, "-P", "-m", "jobs", "run", str(folder / "case.toml")]
    done = subprocess.run(
        [*command, "--until", "measure"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((folder / "run" / "metrics.json").read_text())["rows"]
    return {row["name"]: row["value"] for row in rows if row["value"] is not None}


@pytest.mark.slow
def test_millimetres_and_metres_give_the_same_metrics(tmp_path: Path) -> None:
    in_mm, in_m = metrics(tmp_path / "mm", "mm"), metrics(tmp_path / "m", "m")
    assert in_mm.keys() == in_m.keys()
    assert len(in_mm) > 20
    # coordinates differ by rounding (1e-16 relative); solves stop at 1e-12
    assert in_mm == pytest.approx(in_m, rel=1e-6, abs=1e-12)
