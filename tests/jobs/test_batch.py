"""The books of a batch job: what it writes down, and how it goes on after what happened to it."""

import json
from pathlib import Path

import pytest

from jobs.executors import RELAUNCH, batch
from jobs.pipeline import Plan
from tests.jobs import fakes


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return fakes.plan(tmp_path)


def _begun(plan: Plan, monkeypatch: pytest.MonkeyPatch, restarts: int = 0) -> Path:
    if restarts:
        monkeypatch.setenv("SLURM_RESTART_COUNT", str(restarts))
    plan.folder.make()
    plan.folder.case.write_text(plan.source.read_text())
    assert batch.begin(plan.folder.path, "mesh", "9", 1, fakes.STAGES) == 0
    return plan.folder.path


def test_requeues_that_bring_nothing_come_to_an_end(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _begun(plan, monkeypatch)
    assert batch.end(run, "mesh", 85, "USR1", fakes.STAGES) == 85
    _begun(plan, monkeypatch, restarts=1)
    (plan.folder.checkpoint / "mesh.h5").write_text("further")
    assert batch.end(run, "mesh", 138, "", fakes.STAGES) == 85
    _begun(plan, monkeypatch, restarts=2)
    assert batch.end(run, "mesh", 85, "USR1", fakes.STAGES) == 85
    _begun(plan, monkeypatch, restarts=3)
    assert batch.end(run, "mesh", 85, "USR1", fakes.STAGES) == 6
    assert "got no further in 2 jobs" in plan.folder.status()["reason"]


def test_requeues_are_capped(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _begun(plan, monkeypatch, restarts=5)
    monkeypatch.setenv("DVTWIN_REQUEUES", "5")
    assert batch.end(run, "mesh", 85, "USR1", fakes.STAGES) == 6
    assert "requeued 5 times" in plan.folder.status()["reason"]


def test_a_failure_that_comes_with_a_signal_is_a_failure(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _begun(plan, monkeypatch)
    plan.folder.error.write_text(json.dumps(
        {"what": "diverged at t = 1 s", "where": "", "do": "", "exit_code": 4, "traceback": ""}
    ))
    assert batch.end(run, "mesh", 4, "USR1", fakes.STAGES) == 4
    assert plan.folder.status()["reason"] == "diverged at t = 1 s"


UNLAUNCHED = "srun: error: task 1 launch failed: Unspecified error\nsrun: Terminating StepId=3.0\n"


def test_ranks_that_do_not_start_are_started_again_but_not_for_ever(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _begun(plan, monkeypatch)
    log, found = plan.folder.log("mesh"), []
    for _ in range(batch.LAUNCHES):
        with log.open("a") as file:
            file.write(UNLAUNCHED)
        # what srun gives where it killed the ranks that did start is no lack of memory
        found.append(batch.end(run, "mesh", 137, "", fakes.STAGES))
        reason = plan.folder.status()["reason"]
        assert "srun: error: task 1 launch failed: Unspecified error" in reason
        if found[-1] == RELAUNCH:
            assert batch.begin(run, "mesh", "9", 1, fakes.STAGES) == 0
    assert found == [RELAUNCH, RELAUNCH, 6]
    assert "3 times in a row" in reason
    assert plan.folder.status()["state"] == "failed"
    # sent again, it has all its tries again; a stage that began is no matter of the launcher
    assert batch.begin(run, "mesh", "10", 1, fakes.STAGES) == 0
    assert plan.folder.status()["stages"]["mesh"]["launches"] == 0
    plan.folder.set_stage("mesh", launched=True)
    assert batch.end(run, "mesh", 17, "", fakes.STAGES) == 6
    assert "exit code 17 and said no more" in plan.folder.status()["reason"]


def test_a_rank_that_was_killed_alone_is_known_by_sruns_words(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _begun(plan, monkeypatch)
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "700")
    plan.folder.set_stage("mesh", launched=True)
    with plan.folder.log("mesh").open("a") as file:
        file.write("srun: error: n2: task 1: Killed\nsrun: error: n1: task 0: Exited with 14\n")
    assert batch.end(run, "mesh", 14, "", fakes.STAGES) == 85
    assert "memory ran out; goes on with 1,400 MB a rank" in plan.folder.status()["reason"]


def test_slurms_words_of_a_memory_kill_are_understood(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = _begun(plan, monkeypatch)
    monkeypatch.setenv("SLURM_MEM_PER_CPU", "700")
    plan.folder.set_stage("mesh", launched=True)
    plan.folder.log("mesh").write_text("slurmstepd: error: Detected 1 oom_kill event in Step\n")
    assert batch.end(run, "mesh", 1, "", fakes.STAGES) == 85
    assert capsys.readouterr().out == "MinMemoryCPU=1400\n"


def test_a_stage_on_an_outdated_one_is_refused(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _begun(plan, monkeypatch)
    assert batch.begin(run, "flow", "10", 2, fakes.STAGES) == 6
    assert "mesh stage is out of date" in plan.folder.status()["reason"]
