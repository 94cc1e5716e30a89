"""The checkers of style, types and layers find nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from core.record import ROOT

BIN = Path(sys.executable).parent


def _run(*command: str) -> str:
    """What ``command`` found; empty where it is content."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


def test_ruff() -> None:
    found = _run("ruff", "check", "--output-format", "concise", str(ROOT))
    assert not found, found


@pytest.mark.slow
def test_mypy() -> None:
    found = _run(sys.executable, "-P", "-m", "mypy", "--no-error-summary")
    assert not found, found


def test_layers() -> None:
    found = _run("lint-imports", "--no-cache")
    assert not found, found
