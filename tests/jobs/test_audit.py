"""The audit log: every change of a line shows, and what a kill leaves of a line does no harm."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from core.record import ROOT
from jobs import audit


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "audit.jsonl"
    for number in range(4):
        audit.note(path, "run", number=number)
    assert audit.broken(path) is None
    return path


@pytest.mark.parametrize("line", range(4))
@pytest.mark.parametrize("how", ["value", "gone", "no JSON", "list"])
def test_a_changed_line_shows(line: int, how: str, log: Path) -> None:
    lines = log.read_text().splitlines()
    changed = lines[line].replace('"number": ', '"number": 7')
    lines[line : line + 1] = {
        "value": [changed], "gone": [], "no JSON": [lines[line][:-5]], "list": ["[]"],
    }[how]
    log.write_text("".join(f"{one}\n" for one in lines))
    if how == "gone" and line == 3:  # told by whoever keeps the head: SHA256SUMS' seal, an export
        assert audit.broken(log) is None
        return
    own = how in {"no JSON", "list"} or (how == "gone" and line < 3)
    assert audit.broken(log) == line + (1 if own else 2)


def test_no_log_is_broken(tmp_path: Path) -> None:
    assert audit.broken(tmp_path / "audit.jsonl") == 1


def test_a_line_that_was_cut_off_never_counted(log: Path) -> None:
    whole = log.read_text()
    with log.open("a") as file:
        file.write('{"time": "2026-01-01T00')
    audit.note(log, "run", number=4)
    assert audit.broken(log) is None
    assert log.read_text().startswith(whole)
    assert len(log.read_text().splitlines()) == 5


def test_writers_wait_for_each_other(log: Path) -> None:
    program = "import sys; from pathlib import Path; from jobs import audit\n" \
        "for n in range(50): audit.note(Path(sys.argv[1]), 'run', number=n)"
    both = [
        subprocess.Popen([sys.executable, "-P", "-c", program, str(log)], cwd=ROOT)
        for _ in range(2)
    ]
    assert [process.wait() for process in both] == [0, 0]
    assert audit.broken(log) is None
    assert len(log.read_text().splitlines()) == 104
    assert all(json.loads(line)["action"] == "run" for line in log.read_text().splitlines())
