"""A real Slurm on this machine: chains, requeues, failures, lost nodes, arrays.

Most tests play the stages (`tests/jobs/fakes.py`); the first computes a real flow.
"""

import contextlib
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from rich.console import Console

from core.errors import JobError
from core.record import ROOT
from jobs import pipeline
from jobs.case import load
from jobs.executors import submission
from jobs.executors.site import Container, Site
from jobs.executors.site import load as load_site
from jobs.executors.slurm import Slurm
from jobs.executors.standing import Standing, standing
from jobs.folder import Folder
from jobs.pipeline import Plan
from jobs.screen import Screen
from tests.jobs import fakes

pytestmark = [pytest.mark.slurm, pytest.mark.slow]
SCRIPT = ROOT / "slurm" / "cluster"
DAEMONS = ("munged", "slurmctld", "slurmd", "srun")
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
EVERY = ["mesh", "flow", "measure", "report"]


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    """A cluster of two nodes with two cores each, for this file."""
    if missing := [name for name in DAEMONS if not shutil.which(name, path=PATH)]:
        pytest.skip(f"Slurm cannot run here: no {', '.join(missing)}")
    temporary = tempfile.TemporaryDirectory(prefix="dvt")
    with temporary as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVTWIN_CLUSTER", folder)
        done = subprocess.run([SCRIPT, "start", folder, "2", "2"], capture_output=True, text=True)
        if done.returncode == 3:
            pytest.skip(f"Slurm cannot run here: {done.stderr.strip()}")
        assert done.returncode == 0, done.stderr
        yield Slurm(f"{folder}/etc/slurm.conf")
        subprocess.run([SCRIPT, "stop", folder], check=True, capture_output=True)


def _site(**more: object) -> Site:
    """The profile of the cluster, one rank a node; without ``real`` stages they are played."""
    played = Container(
        image="played", command=f"{sys.executable} -P {ROOT}/tests/jobs/played_runtime.py"
    )
    table = {"cores_per_node": 1, "container": played, **more}
    return load_site("here").model_copy(update=table)


def _order(**more: object) -> submission.Order:
    return submission.Order("here", _site(**more), memory=300 * 2**20)


def _plan(folder: Path, *, until: str | None = None, text: str = fakes.CASE) -> Plan:
    folder.mkdir(parents=True, exist_ok=True)
    case = folder / "case.toml"
    case.write_text(text)
    return Plan(load(case), case, Folder(folder / "run"), 2, until)


def _meshed(folder: Path, until: str = "flow") -> Plan:
    """A case whose mesh stage is done."""
    plan = _plan(folder, until=until)
    with Screen(Console(file=io.StringIO())) as screen:
        pipeline.run(
            replace(plan, until="mesh"), screen, stages=fakes.INSIDE, executor=fakes.Inside
        )
    return plan


def _send(plan: Plan, order: submission.Order | None = None) -> list[str]:
    return submission.submit(plan, order or _order(), lambda text: None, fakes.STAGES)


def _behave(plan: Plan, **how: str) -> None:
    (plan.base / "behave.json").write_text(json.dumps(how))


def _until(plan: Plan, *states: str, words: str = "", seconds: float = 240.0) -> Standing:
    """Wait until the run is in one of ``states``, for a reason that has ``words``."""
    end = time.monotonic() + seconds
    while True:
        now = standing(plan.folder)
        if now.state in states and words in now.why:
            return now
        if time.monotonic() > end:
            said = [path.read_text() for path in (plan.folder.path / "slurm").glob("*.out")]
            raise AssertionError(f"{now.state}: {now.why}; status {dict(now.status)}; said {said}")
        time.sleep(0.25)


def _at_work(plan: Plan, stage: str = "flow") -> None:
    """Wait until ``stage`` tells of progress."""
    end = time.monotonic() + 240
    while f'"stage": "{stage}"' not in (
        plan.folder.progress.read_text() if plan.folder.progress.exists() else ""
    ):
        assert time.monotonic() < end, standing(plan.folder)
        time.sleep(0.05)


def _ran(plan: Plan) -> list[str]:
    """The stages that ran, an entry for each rank."""
    return (plan.folder.path / "order.txt").read_text().split()


def _ended(slurm: Slurm, job: str, seconds: float = 30.0) -> str:
    """The state that ``job`` ends in."""
    end = time.monotonic() + seconds
    while (state := slurm.queue()[job]).live:
        assert time.monotonic() < end, state
        time.sleep(0.25)
    return state.state


REAL = fakes.CASE.replace('dt = "50 ms"', 'dt = "10 ms"')


def test_a_flow_cut_off_by_its_time_limit_goes_on_to_the_same_result(
    slurm: Slurm, tmp_path: Path
) -> None:
    whole = _plan(tmp_path / "whole", until="flow", text=REAL)
    cut = _plan(tmp_path / "cut off", until="flow", text=REAL)
    order = submission.Order("here", _site(container=Container()), memory=5e8)
    mesh = replace(whole, until="mesh")
    submission.submit(mesh, order, lambda text: None)
    _until(mesh, "done")
    cut.folder.make()
    shutil.copy(whole.folder.mesh, cut.folder.mesh)
    sent = submission.submit(cut, order, lambda text: None)
    assert len(sent) == 1  # the mesh is there
    _at_work(cut)
    slurm.run("scancel", "--batch", "--signal=USR1", sent[0])  # as the time limit would
    _until(cut, "requeued", "stopped")
    submission.submit(whole, order, lambda text: None)
    _until(whole, "done")
    _until(cut, "done")
    entry = cut.folder.status()["stages"]["flow"]
    assert entry["attempts"] == 2
    assert entry["used"]["ranks"] == 2
    with h5py.File(whole.folder.results) as one, h5py.File(cut.folder.results) as other:
        for name in ("mean/velocity", "mean/pressure", "wall/tawss"):
            wanted = one[f"dvtwin/flow/{name}"][()]
            apart = np.abs(other[f"dvtwin/flow/{name}"][()] - wanted).max()
            assert apart <= 1e-12 * np.abs(wanted).max(), name


def test_a_chain_is_sent_once_and_does_each_stage_once(slurm: Slurm, tmp_path: Path) -> None:
    plan = _plan(tmp_path / "a vein's 50% žíla $HOME \"x\" `y` *", until="flow")
    order = _order()
    assert "# ----- " in next(submission.preview(plan, order, fakes.STAGES))
    assert not plan.folder.path.exists()
    sent = _send(plan, order)
    assert len(sent) == 2
    assert _send(plan, order) == []
    done = _until(plan, "done")
    assert _ran(plan) == ["mesh", "flow", "flow"]
    assert done.status["stages"]["flow"]["job"] == sent[1]
    assert (plan.folder.path / "slurm" / "flow.out").exists()
    assert plan.folder.verify() == []
    assert _send(plan, order) == []


def test_what_fails_stops_what_follows_and_says_why(slurm: Slurm, tmp_path: Path) -> None:
    plan = _meshed(tmp_path, until="measure")
    _behave(plan, flow="diverge")
    flow, measure = _send(plan)
    assert "pressure solve failed" in _until(plan, "failed").why
    assert _ended(slurm, measure) == "CANCELLED"
    _behave(plan)
    assert len(_send(plan)) == 2
    _until(plan, "done")
    assert _ran(plan) == ["mesh", "flow", "flow", "flow", "flow", "measure"]
    assert _ended(slurm, flow) == "FAILED"


def test_a_cancelled_run_goes_on_and_another_case_is_refused(
    slurm: Slurm, tmp_path: Path
) -> None:
    plan = _meshed(tmp_path)
    _behave(plan, flow="wait")
    _send(plan)
    _at_work(plan)
    with pytest.raises(JobError, match="another version of this case"):
        _send(replace(plan, case=load(plan.source, ["flow.cycles=7"])))
    assert len(submission.cancel(plan.folder)) == 1
    _until(plan, "cancelled")
    _behave(plan)
    assert len(_send(plan)) == 1
    _until(plan, "done")


def test_a_lost_node_costs_no_run(slurm: Slurm, tmp_path: Path) -> None:
    plan = _meshed(tmp_path)
    _behave(plan, flow="wait")
    _send(plan)
    _at_work(plan)
    _behave(plan)
    slurm.run("scontrol", "update", "nodename=n2", "state=down", "reason=test")
    _until(plan, "requeued")
    with contextlib.suppress(JobError):  # it may have come back by itself
        slurm.run("scontrol", "update", "nodename=n2", "state=resume")
    _until(plan, "done")


def test_out_of_memory_is_tried_once_more_with_more(slurm: Slurm, tmp_path: Path) -> None:
    plan = _meshed(tmp_path)
    _behave(plan, flow="killed")
    (job,) = _send(plan)
    assert "600 MB a rank" in _until(plan, "requeued").status["reason"]
    assert "with twice as much too" in _until(plan, "failed").why
    assert slurm.run("squeue", "-h", "-t", "all", "-j", job, "-o", "%m").strip() == "600M"
    assert plan.folder.status()["stages"]["flow"]["attempts"] == 2


LAUNCHER = """#!/bin/bash
[ -e "@once@" ] || { touch "@once@"; echo 'srun: error: task 1 launch failed' >&2; exit 1; }
exec srun --overlap "$@"
"""


def test_ranks_that_did_not_start_are_started_again_in_the_same_job(
    slurm: Slurm, tmp_path: Path
) -> None:
    plan = _meshed(tmp_path)
    launcher = tmp_path / "launcher"
    launcher.write_text(LAUNCHER.replace("@once@", str(tmp_path / "once")))
    launcher.chmod(0o755)
    _send(plan, _order(launch=str(launcher)))
    _until(plan, "done")
    entry = plan.folder.status()["stages"]["flow"]
    assert (entry["attempts"], entry["launches"]) == (2, 1)
    assert "srun: error: task 1 launch failed; it is tried again" in plan.folder.audit.read_text()


PLAYED = """#!/bin/bash
# Plays runtime and stages at once: IMAGE LAUNCHER job begin RUN STAGE … or … stage STAGE RUN
shift 2
case "$1 $2" in
    "job begin") [ "$4" != gather ] || exec @python@ -P -m jobs "$@" ;;
    "job end") [ "$6" != 0 ] || exit 0
        echo '{"state": "failed", "reason": "played"}' >"$3/status.json"; exit 4 ;;
    *) echo "$2" >>"$3/order.txt"
        [[ "$3" != *"member 7"* || $2 != flow ]] || exit 4
        echo '{"state": "done"}' >"$3/status.json" ;;
esac
"""


def test_an_array_does_all_runs_and_gathers_them(slurm: Slurm, tmp_path: Path) -> None:
    played = tmp_path / "played.sh"
    played.write_text(PLAYED.replace("@python@", sys.executable))
    container = Container(image="played", command=f"bash {played}")
    order = _order(cores_per_node=2, container=container, launch="srun --overlap")
    plans = [replace(_plan(tmp_path / f"member {n}"), ranks=1) for n in range(20)]
    home = tmp_path / "array"
    _, gather = submission.submit_many(plans, order, home, lambda text: None)
    assert submission.submit_many(plans, order, home, lambda text: None) == ("", "")
    _ended(slurm, gather, seconds=120)
    for plan in plans:
        failed = plan is plans[7]
        assert standing(plan.folder).state == ("failed" if failed else "done")
        assert _ran(plan) == (["mesh", "flow"] if failed else EVERY)
    rows = list(csv.DictReader((home / "members.csv").open()))
    assert [row["state"] for row in rows] == ["done"] * 7 + ["failed"] + ["done"] * 12
    assert rows[7]["reason"] == "played"
