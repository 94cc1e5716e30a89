"""The project's tests: once in one process, then those marked `mpi` on two ranks."""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from core.errors import JobError
from core.record import ROOT
from jobs.executors import Resources
from jobs.executors.here import environment

SERIAL = (sys.executable, "-P", "-m", "pytest")
TWO_RANKS = (
    "mpirun", "-n", "2", "--bind-to", "none", "--map-by", ":OVERSUBSCRIBE",
    sys.executable, "-P", "-m", "pytest", "-m", "mpi",
)
CLOSING = ("passed", "failed", "error", "deselected", "no tests ran")


def test(arguments: Sequence[str]) -> tuple[int, list[str]]:
    """Run both; gives the exit code and pytest's closing line of each."""
    if not (ROOT / "tests").is_dir():
        raise JobError("the tests are not here", where=str(ROOT), do="run them in a checkout")
    codes, closing = [], []
    for title, command in (("one process", SERIAL), ("two ranks", TWO_RANKS)):
        colour = f"--color={'yes' if sys.stdout.isatty() else 'no'}"
        code, last = _run([*command, colour, *arguments])
        codes.append(code)
        closing.append(f"{title}: {last}")
    return next((code for code in codes if code), 0), closing


test.__test__ = False  # type: ignore[attr-defined]  # pytest must not take it for one


def _run(command: Sequence[str]) -> tuple[int, str]:
    """Run with the output passed through; gives the exit code and pytest's closing line."""
    last = "no output"
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(Resources(Path("-"))), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            if " in " in line and any(word in line for word in CLOSING):
                last = re.sub(r"\x1b\[[0-9;]*m", "", line).strip().strip("= ")
    return process.returncode, last
