"""The command line as a newcomer meets it."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from core.record import ROOT
from jobs import bench, examples
from jobs.executors import Resources
from jobs.executors.here import environment
from tests.jobs.fakes import CASE


def _dvtwin(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "jobs", *arguments], cwd=folder, text=True,
        capture_output=True, env=environment(Resources(Path("-"))),
    )


def test_help_is_quick_and_names_the_first_step(tmp_path: Path) -> None:
    seconds = []
    for _ in range(3):
        start = time.monotonic()
        done = _dvtwin("--help", folder=tmp_path)
        seconds.append(time.monotonic() - start)
    assert "dvtwin demo" in done.stdout
    assert min(seconds) < 1.0


@pytest.mark.parametrize(
    "command",
    [
        "demo", "new", "check", "run", "status", "logs", "report", "inspect", "verify", "doctor",
        "bench", "test",
    ],
)
def test_every_command_explains_itself(command: str, tmp_path: Path) -> None:
    done = _dvtwin(command, "--help", folder=tmp_path)
    assert done.returncode == 0
    assert f"dvtwin {command}" in done.stdout


def test_version_says_research_use_only(tmp_path: Path) -> None:
    done = _dvtwin("--version", folder=tmp_path)
    assert done.stdout.startswith("dvtwin 0.")
    assert "research use only" in done.stdout


def test_status_and_help_start_no_mpi(tmp_path: Path) -> None:
    """Login nodes forbid it; and a parent of mpirun must be no MPI process."""
    (tmp_path / "case.toml").write_text(CASE)
    script = (
        "import sys; from jobs import cli; sys.argv = ['dvtwin', {0!r}, {1!r}]\n"
        "try: cli.main()\nexcept SystemExit: pass\n"
        "M = sys.modules.get('mpi4py.MPI'); print('MPI', bool(M and M.Is_initialized()), bool(M))"
    )
    for arguments, loaded in ((("status", "."), "False"), (("check", "case.toml"), None)):
        done = subprocess.run(
            [sys.executable, "-P", "-c", script.format(*arguments)], cwd=tmp_path, text=True,
            capture_output=True, env=environment(Resources(Path("-"))),
        )
        last = done.stdout.splitlines()[-1].split()
        assert last[:2] == ["MPI", "False"], done.stdout + done.stderr
        assert loaded is None or last[2] == loaded


def test_new_writes_a_case_that_reads(tmp_path: Path) -> None:
    name = next(iter(examples.titles()))
    case = examples.copy(name, tmp_path / "a case of mine")
    assert case.read_text() == (examples.FOLDER / name / "case.toml").read_text()
    assert not (case.parent / "run").exists()
    with pytest.raises(Exception, match="there is a case already"):
        examples.copy(name, tmp_path / "a case of mine")


def test_example_data_is_made_once(tmp_path: Path) -> None:
    (tmp_path / "make_image.py").write_text(
        "import sys, pathlib\npathlib.Path(sys.argv[1], 'veins.nii.gz').write_text('made')\n"
    )
    assert examples.prepare(tmp_path)
    assert not examples.prepare(tmp_path)
    (tmp_path / "veins.nii.gz").unlink()
    (tmp_path / "make_image.py").write_text(
        "import sys, pathlib\npathlib.Path(sys.argv[1], 'veins.nii.gz').write_text('half')\n"
        "raise SystemExit('no room')\n"
    )
    with pytest.raises(Exception, match="no room"):
        examples.prepare(tmp_path)
    assert not (tmp_path / "veins.nii.gz").exists()


MODULE = """
def run():
    return [
        {"id": "quick.value", "value": 2.0, "unit": "m", "reference": 2.0, "tolerance": 0.1,
         "source": "hand", "ok": True},
        {"bench": "quick", "id": "quick.other", "value": 3, "ok": None, "seconds": 1.5},
    ]
"""


def test_bench_rows_and_table(tmp_path: Path) -> None:
    (tmp_path / "quick_one.py").write_text(MODULE)
    (tmp_path / "_shared.py").write_text("")
    assert list(bench.modules(tmp_path)) == ["quick-one"]
    rows = bench.rows("quick-one", tmp_path / "quick_one.py")
    assert [set(row) for row in rows] == [set(bench.COLUMNS)] * 2
    assert rows[0]["bench"] == "quick-one"
    assert rows[1]["seconds"] == 1.5
    assert bench.table(rows).row_count == 2
    json.dumps(rows)


def test_a_bench_that_fails_says_so(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def run():\n    raise ValueError('no luck')\n")
    with pytest.raises(Exception, match="no luck"):
        bench.rows("broken", tmp_path / "broken.py")


def test_the_launcher_and_the_entry_point_agree() -> None:
    assert "dvtwin = jobs.cli:main" in (ROOT / "setup.cfg").read_text()
