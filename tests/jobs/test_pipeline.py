"""What is stale is run again, and nothing else; what fails says so in plain words."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from core.errors import CaseError, Diverged, JobError, TryAgain, TwinError
from core.record import ROOT
from jobs import audit, pipeline
from jobs.case import load
from jobs.executors import Resources
from jobs.executors.here import environment
from jobs.folder import Folder
from jobs.screen import Screen
from tests.jobs import fakes


@pytest.fixture
def case(tmp_path: Path) -> Path:
    path = tmp_path / "case.toml"
    path.write_text(fakes.CASE)
    return path


def _run(
    case: Path, *settings: str, until: str | None = None, ranks: int = 1,
    force: tuple[str, ...] = (), inside: bool = True,
) -> list[str]:
    """Run the fake chain, all ``inside`` this process or the flow apart; the names of what ran."""
    read = load(case, settings)
    plan = pipeline.Plan(read, case, Folder(case.parent / "run"), ranks, until, force)
    with Screen(Console(file=open(os.devnull, "w"))) as screen:
        took = pipeline.run(
            plan, screen, stages=fakes.INSIDE if inside else fakes.STAGES, command=fakes.command,
            executor=fakes.Inside if inside else fakes.FlowApart,
        )
    return list(took)


def _behave(case: Path, **how: str) -> None:
    (case.parent / "behave.json").write_text(json.dumps(how))


EVERY = ["mesh", "flow", "measure", "report"]


def test_all_stages_run_once(case: Path) -> None:
    assert _run(case) == EVERY
    assert _run(case) == []
    assert (case.parent / "run" / "order.txt").read_text().split() == EVERY


@pytest.mark.parametrize(
    ("setting", "again"),
    [
        ("mesh.size=1 mm", EVERY),
        ("flow.cycles=3", EVERY[1:]),
        ("measure.region=30 mm", EVERY[2:]),
        ("patient.side=left", EVERY[3:]),
        ("run.ranks=1", []),
        ("mesh.radius=0.5 cm", []),
    ],
)
def test_a_change_runs_what_depends_on_it(case: Path, setting: str, again: list[str]) -> None:
    _run(case)
    assert _run(case, setting) == again


def test_a_missing_artefact_is_made_again(case: Path) -> None:
    _run(case)
    (case.parent / "run" / "flow.out").unlink()
    assert _run(case) == ["flow"]


def test_until_stops_there_and_goes_on_later(case: Path) -> None:
    assert _run(case, until="flow") == ["mesh", "flow"]
    assert _run(case) == ["measure", "report"]
    with pytest.raises(CaseError, match="stages are mesh, flow"):
        _run(case, until="flaw")


def test_force_runs_a_fresh_stage(case: Path) -> None:
    _run(case)
    assert _run(case, force=("report",)) == ["report"]


def test_a_changed_program_makes_stages_stale(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(case)
    monkeypatch.setattr("jobs.stages.digest_code", lambda packages: "another")
    assert _run(case)[0] == "mesh"


@pytest.mark.parametrize(
    ("how", "kind", "words"),
    [
        ("diverge", Diverged, "pressure solve failed"),
        ("defect", TwinError, "unexpected ZeroDivisionError: a mistake of ours"),
        ("segfault", JobError, "segmentation fault"),
        ("killed", JobError, "memory ran out"),
        ("full", JobError, "disk is full"),
        ("full hdf5", JobError, "disk is full"),
        ("silent", JobError, "exit code 17"),
        ("empty", JobError, "without its result"),
    ],
)
def test_failure_in_plain_words(case: Path, how: str, kind: type[TwinError], words: str) -> None:
    _behave(case, flow=how)
    with pytest.raises(kind) as caught:
        _run(case, inside=False)
    assert words in caught.value.what
    assert "Traceback" not in str(caught.value)
    status = Folder(case.parent / "run").status()
    if how != "empty":
        assert status["state"] == "failed"
        assert words in status["reason"]
    _behave(case)
    assert _run(case) == EVERY[1:]


@pytest.mark.parametrize("how", ["one rank", "killed", "diverge"])
def test_a_rank_that_fails_ends_all(case: Path, how: str) -> None:
    _behave(case, flow=how)
    start = time.monotonic()
    with pytest.raises(TwinError) as caught:
        _run(case, ranks=2, inside=False)
    assert time.monotonic() - start < 60
    assert caught.value.exit_code == {"one rank": 1, "killed": 6, "diverge": 4}[how]


def test_two_ranks_do_the_work(case: Path) -> None:
    assert _run(case, ranks=2, inside=False) == EVERY


SCRIPT = """
import sys
from pathlib import Path
from tests.jobs.test_pipeline import _run
from core.errors import TwinError
try:
    print(_run(Path(sys.argv[1]), ranks=int(sys.argv[2]), inside=False))
except TwinError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def _start(case: Path, ranks: int = 1) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", SCRIPT, str(case), str(ranks)], text=True, cwd=ROOT,
        stdout=subprocess.PIPE, env=environment(Resources(Path("-"))),
    )
    progress, deadline = case.parent / "run" / "progress.jsonl", time.monotonic() + 60
    while not progress.exists() or "flow" not in progress.read_text():
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_on_request_and_resumed(case: Path, number: signal.Signals, ranks: int) -> None:
    _behave(case, flow="wait")
    process = _start(case, ranks)
    process.send_signal(number)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == TryAgain.exit_code, said
    assert Folder(case.parent / "run").status()["state"] == "stopped"
    _behave(case)
    assert _run(case) == EVERY[1:]


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_killed_run_leaves_no_process_and_no_lock(case: Path, ranks: int) -> None:
    _behave(case, flow="wait")
    process = _start(case, ranks)
    with pytest.raises(JobError, match="another run writes this folder"):
        _run(case)
    process.kill()
    process.communicate()
    _behave(case)
    deadline = time.monotonic() + 20
    while True:
        try:
            assert _run(case) == EVERY[1:]
            break
        except JobError:
            assert time.monotonic() < deadline
            time.sleep(0.2)


def test_a_request_that_comes_too_late_for_a_stage_stops_the_next(case: Path) -> None:
    _behave(case, mesh="ask the parent to stop")
    with pytest.raises(TryAgain, match="before the flow stage"):
        _run(case)
    _behave(case)
    assert _run(case) == EVERY[1:]


def test_a_folder_belongs_to_one_case_file(case: Path) -> None:
    _run(case)
    other = case.with_name("visit2.toml")
    other.write_text(fakes.CASE)
    with pytest.raises(JobError, match="holds the run of"):
        _run(other)


def test_sums_and_audit_see_changes(case: Path) -> None:
    _run(case)
    folder = Folder(case.parent / "run")
    assert folder.verify() == []
    assert audit.broken(folder.audit) is None
    (folder.path / "flow.out").write_text("else")
    (folder.path / "more").write_text("more")
    assert folder.verify() == ["flow.out: changed", "more: added"]
    lines = folder.audit.read_text().splitlines()
    lines[0] = lines[0].replace("case.toml", "else.toml")
    folder.audit.write_text("\n".join(lines) + "\n")
    assert audit.broken(folder.audit) == 2
