"""Real vessels through the whole chain: an atlas's iliac veins from labels, a carotid from a
mesh.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jobs.toml import dumps
from tests.meshes.test_data import ATLAS

pytestmark = [pytest.mark.data, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]


def run(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Run the case on two ranks as a user would; gives its metrics by name."""
    (folder / "case.toml").write_text(dumps(case))
    done = subprocess.run(
        [sys.executable, "-P", "-m", "jobs", "run", str(folder / "case.toml"), "--ranks", "2"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "run" / "report.pdf").read_bytes().startswith(b"%PDF")
    rows = json.loads((folder / "run" / "metrics.json").read_text())["rows"]
    return {row["name"]: row for row in rows}


def there(path: Path) -> str:
    if not path.exists():
        pytest.skip(f"DVTWIN_DATA has no {path.name}")
    return str(path)


def inflow(mean: str) -> dict[str, Any]:
    return {"kind": "flow_rate", "mean": mean}


def at(*millimetres: float) -> dict[str, Any]:
    return {"at": [f"{x} mm" for x in millimetres]}


def test_label_map_of_iliac_veins_to_pdf(data: Path, tmp_path: Path) -> None:
    centre, radius = at(-1.0, 15.0, -20.0)["at"], "25 mm"
    case = {
        "title": "Iliac veins of an atlas",
        "patient": {"pseudonym": "ATLAS"},
        "mesh": {
            "kind": "mask",
            **ATLAS,
            "path": there(data / ATLAS["path"]),
        },
        "flow": {
            "period": "0.4 s",
            "cycles": 12,
            "scheme": {"dt": "10 ms"},
            "boundary": {
                "left": inflow("150 mL/min"),
                "right": inflow("150 mL/min"),
                "left_internal": inflow("40 mL/min"),
                "right_internal": inflow("40 mL/min"),
                "cava": {"kind": "pressure", "pressure": "6 mmHg"},
            },
        },
        "clot": {
            "until": "6 h",
            "stored": 2,
            "growth_width": "4 mm",
            "model": {"kind": "growth", "injury": [{"at": centre, "radius": radius}]},
        },
    }
    metrics = run(case, tmp_path)
    # 27 mL of vein at 380 mL/min: blood stays 4.3 s on average, pockets longer
    assert 2.0 < metrics["age_mean"]["value"] < 7.0
    assert metrics["clot_volume_0.5"]["value"] >= 0.0


def test_volume_mesh_of_a_carotid_to_pdf(data: Path, tmp_path: Path) -> None:
    out = {"kind": "pressure", "pressure": "90 mmHg"}
    case = {
        "title": "Carotid bifurcation from a volume mesh",
        "patient": {"pseudonym": "CAROTID"},
        "mesh": {
            "kind": "file",
            "path": there(data / "flow" / "haemofoam_carotid"),
            "unit": "m",
            "root": "CCA",
            "names": {"WALL": "wall", "APEX": "wall", "SINUS": "wall"},
        },
        "flow": {
            "period": "0.2 s",
            "cycles": 30,
            "scheme": {"dt": "10 ms"},
            "boundary": {"CCA": inflow("360 mL/min"), "ECA": out, "ICA": out},
        },
    }
    metrics = run(case, tmp_path)
    # 4μQ/(πR³) of a 6.3 mm vessel at 6 mL/s is 0.86 Pa; a bifurcation's mean is of that order
    assert 0.3 < metrics["tawss_mean"]["value"] < 4.0
