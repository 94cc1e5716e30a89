"""The interactive page: what is in the file, its functions in node, and its use in a browser.

node and a browser are not part of the runtime: where they are missing, their tests are skipped.
"""

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from core.store import Results
from postprocess import viewer
from postprocess.reporting.words import Words
from tests.postprocess.tube import Tube, write

DOCUMENT = {
    "title": 'A "vein" </script><b>&', "subject": "SYN-0001", "subtitle": "Left side",
    "report": "R-1", "created": "2026-11-22", "band": [["Subject", "SYN-0001"]],
    "findings": ["Gradient < 3 mmHg."], "limits": ["None."], "interval_note": "No interval.",
    "picture": {"alt": "A vein."},
    "rows": [{"label": "Area", "value": "44 mm²", "site": "left", "reference": "< 50 %",
              "flag": "high", "flag_text": "high", "grey": False}],
}
MARKS = [([0.0, 0.0, 50e-3], "narrowest point\n64 %", False), ([0.0, 0.0, 20e-3], "left", True)]
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
NODE = shutil.which("node")
BESIDE = Path(__file__).parent


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("viewer")
    path = write(folder / "results.h5", Tube(rings=4, spokes=20, layers=51))
    with Results(path) as results:
        data = viewer.payload(results, MARKS, Words())
        viewer.write(DOCUMENT, results, folder / "report.html", MARKS, Words())
        yield folder / "report.html", data, results


def numbers(text, kind):
    return np.frombuffer(base64.b64decode(text), dtype=kind)


def test_the_file_holds_all_it_needs_and_asks_for_nothing(made):
    text = made[0].read_text()
    assert not re.findall(r"(?:src|href)\s*=|@import|url\(|fetch\(|XMLHttp", text)
    assert set(re.findall(r"https?://[^\"'\s]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in text
    assert "RESEARCH USE ONLY" in text
    # what a case calls itself is text and nothing else
    assert "<b>&" not in text
    assert text.count("</script>") == 3


def test_positions_are_those_of_the_mesh(made):
    _, data, results = made
    whole = numbers(data["points"], "<u2").reshape(-1, 3)
    there = np.array(data["low"]) + data["step"] * whole
    wall = np.unique(numbers(data["wall"], "<u4"))
    facets = results.array("wall/facets")
    exact = 1e3 * results.points()[np.unique(facets)]
    assert len(wall) == len(exact)
    np.testing.assert_allclose(there[wall], exact, atol=0.51 * data["step"])


def test_fields_are_those_of_the_run_at_every_time(made):
    _, data, results = made
    assert data["times"] == ["mean of the cycle", "in the cycle: 2.00 s", "in the cycle: 4.00 s"]
    by_name = {field["label"]: field for field in data["fields"]}
    assert by_name["wall shear stress"]["range"] == [0.0, 0.3]
    count = len(numbers(data["points"], "<u2")) // 3
    for name, key, factor in (("pressure", "pressure", 1 / 133.322387415),
                              ("residence time", "age", 1.0)):
        field = by_name[name]
        levels = numbers(field["levels"], "u1").reshape(-1, count).astype(float)
        values = field["low"] + (field["high"] - field["low"]) * levels / 254
        used = np.unique(results.array("wall/facets"))
        exact = factor * results.viewed(key, 1)[used]
        wall = np.unique(numbers(data["wall"], "<u4"))
        slack = 0.51 * (field["high"] - field["low"]) / 254
        np.testing.assert_allclose(np.sort(values[2][wall]), np.sort(exact), atol=slack + 1e-6)


def test_growth_shows_the_clot_of_its_time(tmp_path):
    import h5py

    path = write(tmp_path / "r.h5", Tube(rings=4, spokes=20, layers=51))
    with h5py.File(path, "a") as file:
        view = file["VTKHDF"]
        del view["Steps/Values"]
        view["Steps/Values"] = [4.0, 172800.0]
    with Results(path) as results:
        data = viewer.payload(results, MARKS, Words("pl"))
    assert data["times"] == ["średnia cyklu", "w cyklu: 4,00\u00a0s", "wzrost: 48,0\u00a0h"]
    assert [len(part) > 0 for part in data["clots"]] == [False, False, True]
    assert data["decimal"] == ","


def test_a_large_vein_is_thinned_to_a_file_below_three_megabytes(tmp_path):
    path = write(tmp_path / "r.h5", Tube(rings=2, spokes=160, layers=301, clot=False))
    with Results(path) as results:
        viewer.write(DOCUMENT, results, tmp_path / "report.html", MARKS, Words())
        data = viewer.payload(results, MARKS, Words())
    assert (tmp_path / "report.html").stat().st_size < 3e6
    count = len(numbers(data["points"], "<u2")) // 3
    assert 3000 < count <= viewer.MOST_POINTS
    triangles = numbers(data["wall"], "<u4").reshape(-1, 3)
    assert triangles.max() < count
    assert len(triangles) > count


def test_the_same_run_gives_the_same_bytes(made, tmp_path):
    viewer.write(DOCUMENT, made[2], tmp_path / "again.html", MARKS, Words())
    assert (tmp_path / "again.html").read_bytes() == made[0].read_bytes()


def in_node(data: dict, folder: Path) -> dict:
    (folder / "data.json").write_text(json.dumps(data))
    script, source = BESIDE / "viewer_functions.js", viewer.HERE / "viewer.js"
    command = [NODE, script, source, folder / "data.json"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(run.stdout)


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_viewers_functions_in_node(made, tmp_path):
    _, data, _ = made
    found = in_node(data, tmp_path)
    whole = numbers(data["points"], "<u2").reshape(-1, 3)
    exact = np.array(data["low"]) + data["step"] * whole - np.array(data["centre"])
    np.testing.assert_allclose(np.reshape(found["where"], (-1, 3)), exact, atol=1e-4)
    # seen from the front, the foremost wall by the middle is at the least y
    assert found["none"] == -1
    assert exact[found["hit"]][1] == pytest.approx(-3.6, abs=0.4)
    assert found["depth"][2] == pytest.approx(-exact[found["hit"]][1], abs=1e-4)
    field = data["fields"][1]
    level = numbers(field["levels"], "u1").reshape(-1, len(whole))[2, found["hit"]]
    assert found["pressure"] == pytest.approx(
        field["low"] + (field["high"] - field["low"]) * level / 254)
    # a quarter turn: the patient's back is on the right
    np.testing.assert_allclose(found["turned"], [0, 1, 0, 0, 0, 1, 1, 0, 0], atol=1e-12)
    assert found["gone"] is None
    assert found["size"] == pytest.approx(1, abs=1e-5)
    assert found["shown"] == ["0", "0,031", "2,7", "123"]
    heights = {mark["which"]: (mark["x"], mark["y"]) for mark in found["labels"]}
    assert heights == {0: (0.8, 0.5), 1: (0.8, pytest.approx(0.34)), 2: (-0.8, 0)}


@pytest.mark.skipif(BROWSER is None, reason="no browser is installed")
def test_turning_scrubbing_and_hovering_in_a_headless_browser(made, tmp_path):
    html, data, results = made
    drive = (BESIDE / "viewer_drive.js").read_text()
    driven = html.read_text().replace("</body>", f"<script>{drive}</script></body>")
    (tmp_path / "driven.html").write_text(driven)
    run = subprocess.run(
        [BROWSER, "--headless=new", "--no-sandbox", "--use-angle=swiftshader",
         "--enable-unsafe-swiftshader", "--window-size=1280,900", "--virtual-time-budget=5000",
         f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", f"file://{tmp_path}/driven.html"],
        capture_output=True, text=True, timeout=120,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    seen = json.loads(run.stdout.split("SEEN")[1])
    assert seen["gl"], run.stderr
    assert seen["labels"] == len(MARKS)
    # the tube fills part of the picture, turns, and comes back; its colours change with the field
    assert 0.02 < seen["front"][1] < 0.9
    assert seen["turn"] == pytest.approx(-0.9)
    assert seen["turned"][0] != seen["front"][0] == seen["back"][0] != seen["pressure"][0]
    assert seen["when"] == data["times"][2]
    told = dict(line.split(": ") for line in seen["later"].splitlines())
    exact = results.viewed("pressure", 1).astype(float) / 133.322387415
    middle = exact[np.abs(results.points()[:, 2] - 50e-3) < 4e-3]
    assert middle.min() - 0.1 < float(told["pressure"].split()[0]) < middle.max() + 0.1
    assert "wall shear stress" in seen["tip"]
    assert seen["off"]
    assert seen["tilt"] == pytest.approx(-0.1)
    assert seen["zoom"] == pytest.approx(np.exp(0.5))
