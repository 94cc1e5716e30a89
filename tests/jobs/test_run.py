"""The real chain on a small tube: mesh, flow, clot, metrics and report."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from jobs.executors import Resources
from jobs.executors.here import environment

pytestmark = pytest.mark.slow

CASE = """
title = "A straight tube"

[mesh]
kind = "tube"
radius = "5 mm"
length = "30 mm"
size = "1.8 mm"

[flow]
cycles = 2
period = "1 s"
snapshots = 2
scheme = { element = "P1/P1", dt = "50 ms" }

[flow.boundary]
inlet = { kind = "flow_rate", mean = "60 mL/min" }
outlet = { kind = "pressure", pressure = "6 mmHg" }

[clot]
until = "2 h"
stored = 2
growth_width = "5 mm"

[clot.model]
kind = "growth"
injury = [{ at = ["0 mm", "5 mm", "15 mm"], radius = "5 mm" }]
"""
ARTEFACTS = (
    "case.toml", "mesh.h5", "results.h5", "metrics.json", "report.json", "report.pdf",
    "SHA256SUMS", "status.json", "audit.jsonl", "progress.jsonl",
)


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "jobs", *arguments]


def _dvtwin(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(*arguments), cwd=folder, text=True, capture_output=True,
        env=environment(Resources(Path("-"))),
    )


def _ran(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The stages that ``done`` started."""
    return [line.split()[0] for line in done.stderr.splitlines() if " started" in line]


def _values(folder: Path) -> list[Any]:
    """The numbers of metrics.json, whatever its layout."""
    found: list[Any] = []

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for name in sorted(value):
                if name not in {"key", "created", "record", "inputs", "seconds"}:
                    walk(value[name])
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for item in value:
                walk(item)
        elif isinstance(value, float):
            found.append(value)

    walk(json.loads((folder / "run" / "metrics.json").read_text()))
    return found


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a case that ran once."""
    folder = tmp_path_factory.mktemp("tube")
    (folder / "case.toml").write_text(CASE)
    first = _dvtwin(folder, "run", "case.toml")
    assert first.returncode == 0, first.stderr
    assert _ran(first) == ["mesh", "flow", "clot", "measure", "report"]
    return folder


def test_every_artefact_is_there(done: Path) -> None:
    assert [name for name in ARTEFACTS if not (done / "run" / name).is_file()] == []
    assert (done / "run" / "report.pdf").read_bytes()[:5] == b"%PDF-"
    assert json.loads((done / "run" / "status.json").read_text())["state"] == "done"


def test_again_does_nothing_and_says_so(done: Path) -> None:
    again = _dvtwin(done, "run", "case.toml")
    assert again.returncode == 0
    assert _ran(again) == []
    assert "Nothing to do" in again.stdout


def test_only_what_depends_on_a_change_runs(done: Path) -> None:
    changed = _dvtwin(done, "run", "case.toml", "--set", "measure.region=20 mm")
    assert _ran(changed) == ["measure", "report"], changed.stderr
    changed = _dvtwin(done, "run", "case.toml", "--set", "clot.growth_width=6 mm")
    assert _ran(changed) == ["clot", "measure", "report"], changed.stderr
    back = _dvtwin(done, "run", "case.toml")
    assert _ran(back) == ["clot", "measure", "report"], back.stderr


@pytest.mark.parametrize("arguments", [
    ("check", "case.toml"), ("status",), ("logs", "run"), ("inspect", "run/mesh.h5"),
    ("inspect", "run/results.h5"), ("verify", "run"), ("report", "run"), ("verify", "case.toml"),
])
def test_commands_on_a_finished_run(done: Path, arguments: tuple[str, ...]) -> None:
    told = _dvtwin(done, *arguments)
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip()
    assert "Traceback" not in told.stdout + told.stderr


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("inlet =", "inflow =", "no opening called 'inflow'"),
        ("outlet = {", 'exit = { kind = "pressure", pressure = "1 mmHg" }\noutlet = {', "'exit'"),
    ],
)
def test_boundaries_must_be_those_of_the_mesh(
    done: Path, tmp_path: Path, old: str, new: str, what: str
) -> None:
    (tmp_path / "case.toml").write_text(CASE.replace(old, new))
    told = _dvtwin(tmp_path, "run", "case.toml")
    assert told.returncode == 2
    assert what in told.stderr
    assert "inlet, outlet" in told.stderr
    assert "Traceback" not in told.stderr
    assert _dvtwin(tmp_path, "check", "case.toml").returncode == 2


@pytest.mark.parametrize("stage", ["flow", "clot"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_stopped_anywhere_it_ends_with_the_same_metrics(
    done: Path, tmp_path: Path, stage: str, number: signal.Signals
) -> None:
    (tmp_path / "case.toml").write_text(CASE)
    process = subprocess.Popen(
        _command("run", "case.toml"), cwd=tmp_path, env=environment(Resources(Path("-"))),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    progress, deadline = tmp_path / "run" / "progress.jsonl", time.monotonic() + 300
    while not progress.exists() or f'"stage": "{stage}"' not in progress.read_text():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(process.pid, number)
    code = process.wait(timeout=120)
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 85)
    for _ in range(100):  # ranks of a killed run need a moment to end
        resumed = _dvtwin(tmp_path, "run", "case.toml")
        if "another run writes" not in resumed.stderr:
            break
        time.sleep(0.2)
    assert resumed.returncode == 0, resumed.stderr
    assert "mesh" not in _ran(resumed)
    _dvtwin(done, "run", "case.toml")
    assert _values(tmp_path) == pytest.approx(_values(done), rel=1e-9, abs=1e-300, nan_ok=True)
