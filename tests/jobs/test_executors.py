"""What is said to Slurm and what is made of its answers, without a Slurm."""

import os
import re
import shlex
import subprocess
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import CaseError, JobError
from jobs.executors import ledger, site, standing, submission
from jobs.executors.here import alive, identity
from jobs.executors.ledger import Ledger, Sent
from jobs.executors.script import Batch, Need, arguments, minutes, render
from jobs.executors.slurm import JobState, Slurm, parse_accounts, parse_queue
from jobs.folder import Folder
from jobs.pipeline import Plan
from tests.jobs import fakes

NASTY = "a vein's 50% žíla $HOME \"x\" `y` * \\ ;&"
SITE = site.load("generic").model_copy(update={"launch": "srun --mpi=pmix"})


def _batch(folder: Path, **more: object) -> Batch:
    need = Need(6, 1.5e9, 3700.0)
    made = Batch("dvt-x-flow", ("flow",), ("flow",), need, folder, folder / "slurm")
    return replace(made, **more)  # type: ignore[arg-type]


def test_arguments_say_what_the_profile_says(tmp_path: Path) -> None:
    told = SITE.model_copy(update={
        "partition": "long", "account": "veins", "qos": "low",
        "options": ("--hint=nomultithread",),
        "cores_per_node": 4, "memory_per_core": 2.0**30, "time_max": 3600.0, "mail": "a@b.org",
        "requeue": False, "array_limit": 3,
    })
    found = arguments(_batch(tmp_path, count=20), told, ["7", "8"])
    for wanted in (
        "--partition=long", "--account=veins", "--qos=low", "--hint=nomultithread", "--nodes=2",
        "--ntasks-per-node=3", "--ntasks=6", "--mem-per-cpu=1024M", "--time=60",
        "--mail-user=a@b.org", "--no-requeue", "--array=0-19%3", "--dependency=afterok:7:8",
        "--kill-on-invalid-dep=yes", "--signal=B:USR1@180",
    ):
        assert wanted in found
    assert found[-1] == str(tmp_path / "slurm" / "flow.sh")
    plain = arguments(_batch(tmp_path), SITE.model_copy(update={"ask_memory": False}))
    assert not [one for one in plain if one.startswith(("--mem", "--nodes", "--partition"))]


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "1"), (61, "2"), (5400, "90"), (86400, "1-00:00:00"),
                          (100_000, "1-03:47:00")],
)
def test_time_limits_are_whole_minutes_up(seconds: float, text: str) -> None:
    assert minutes(seconds) == text


def test_a_percent_sign_of_a_folder_is_no_placeholder(tmp_path: Path) -> None:
    found = arguments(_batch(tmp_path / "50%j", count=2), SITE)
    output = next(one for one in found if one.startswith("--output="))
    assert output == f"--output={tmp_path}/50%%j/slurm/flow.%a.out"


@pytest.mark.parametrize("members", [None, Path("/x") / NASTY / "cases.txt"])
def test_scripts_are_sound_shell_whatever_the_names(tmp_path: Path, members: Path | None) -> None:
    run = tmp_path / NASTY
    image = {"container": site.Container(image=f"{tmp_path}/an image.sif")}
    for told in (SITE, SITE.model_copy(update=image)):
        text = render(_batch(run, members=members), told)
        assert not re.search(r"@\w+@", text)
        done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr
        line = next(line for line in text.splitlines() if line.startswith("run="))
        shown = subprocess.run(
            ["bash", "-c", f'{line}\nprintf %s "$run"'], capture_output=True, text=True
        )
        assert shown.stdout == str(run)
        sent = next(line for line in text.splitlines() if line.startswith("#   sbatch"))
        assert shlex.split(sent[1:])[1:] == arguments(_batch(run, members=members), told)


def test_a_path_with_a_line_break_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="line break"):
        render(_batch(tmp_path / "two\nlines"), SITE)


def test_the_profiles_that_come_along_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(site.sites()) >= {"here", "generic", "ares"}
    assert all(site.load(name).about for name in site.sites())
    with pytest.raises(CaseError, match="no site profile 'nowhere'"):
        site.load("nowhere")
    monkeypatch.delenv("NOT_SET", raising=False)
    with pytest.raises(CaseError, match="is not set"):
        site.expand("$NOT_SET/x")


def test_a_mistake_in_a_profile_is_told_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('partitions = "long"\n')
    with pytest.raises(CaseError, match="did you mean 'partition'"):
        site.load(str(path))


def test_queue_and_accounts_are_understood() -> None:
    queue = parse_queue("12_3|RUNNING|None|dvt-a-all\n13|PENDING|Dependency|with|bar\n")
    assert queue["12_3"].works
    assert queue["13"] == JobState("PENDING", "Dependency", "with|bar")
    assert queue["13"].cause == "waits for the stage before"
    ended = parse_accounts("14|CANCELLED by 1000|dvt-b-flow\n15|TIMEOUT|dvt-b-flow\n")
    assert ended["14"].state == "CANCELLED"
    assert not ended["15"].live


def _judge(own: Mapping[str, object], **jobs: tuple[str, str] | None) -> tuple[str, str]:
    sent = Ledger(jobs={stage: Sent(stage, f"n-{stage}", "") for stage in jobs})
    states = {
        stage: JobState(*told, f"n-{stage}") for stage, told in jobs.items() if told is not None
    }
    return standing.judge(own, sent, states)


QUEUED, RUNNING = {"state": "queued"}, {"state": "running", "stage": "flow"}


@pytest.mark.parametrize(
    ("own", "jobs", "state", "words"),
    [
        (QUEUED, {"flow": ("PENDING", "Priority")}, "queued", "others are first"),
        (RUNNING, {"flow": ("RUNNING", "None")}, "running", ""),
        (RUNNING, {"flow": ("PENDING", "BeginTime")}, "requeued", "waits to start again"),
        (RUNNING, {"flow": ("COMPLETED", ""), "clot": ("PENDING", "Resources")}, "queued", "clot"),
        (RUNNING, {"flow": ("TIMEOUT", "")}, "stopped", "time limit was reached"),
        (RUNNING, {"flow": ("NODE_FAIL", "")}, "stopped", "node was lost"),
        (RUNNING, {"flow": ("OUT_OF_MEMORY", "")}, "failed", "memory ran out"),
        (RUNNING, {"flow": ("CANCELLED", ""), "clot": ("CANCELLED", "")}, "cancelled", ""),
        (RUNNING, {"flow": None}, "lost", "said nothing"),
        (QUEUED, {"flow": None}, "lost", "said nothing"),
        ({"state": "failed", "reason": "it"}, {"flow": ("FAILED", "")}, "failed", "it"),
        ({"state": "stopped", "reason": "asked"}, {"flow": None}, "stopped", "asked"),
        ({"state": "done"}, {"flow": None}, "done", ""),
    ],
)
def test_a_run_is_judged_by_its_words_and_by_slurm(
    own: Mapping[str, object], jobs: dict[str, tuple[str, str] | None], state: str, words: str
) -> None:
    found, why = _judge(own, **jobs)
    assert found == state
    assert words in why


def test_a_number_that_went_to_another_job_is_not_ours() -> None:
    sent = Ledger(jobs={"flow": Sent("5", "n-flow", "")})
    assert standing.judge(RUNNING, sent, {"5": JobState("RUNNING", "", "x")})[0] == "lost"


def test_a_process_is_known_by_more_than_its_number() -> None:
    me = identity(os.getpid())
    assert alive(me)
    assert not alive(me.rpartition(" ")[0] + " 1")
    assert not alive("")
    assert alive("another-machine 1 1")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return fakes.plan(tmp_path)


class Played(Slurm):
    """Slurm's commands, played: keeps what was sent; what was sent waits for ever."""

    sent: list[list[str]]
    dead = False

    def run(self, *command: str) -> str:
        if self.dead:
            raise JobError("squeue failed: nobody there")
        if command[0] == "sbatch":
            self.sent.append(list(command))
            return f"{len(self.sent)};cluster\n"
        names = [one.split("=", 1)[1] for line in self.sent for one in line if "--job-name" in one]
        return "".join(f"{n}|PENDING|Priority|{name}\n" for n, name in enumerate(names, 1))


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> type[Played]:
    monkeypatch.setattr(Played, "sent", [], raising=False)
    for module in (submission, ledger):
        monkeypatch.setattr(module, "Slurm", Played)
    return Played


def _send(plan: Plan) -> list[str]:
    return submission.submit(plan, submission.Order("generic", SITE), lambda text: None)


def test_what_is_queued_is_not_sent_twice(plan: Plan, played: type[Played]) -> None:
    assert _send(plan) == ["1", "2", "3", "4"]
    assert _send(plan) == []
    chain = [next(one for one in line if "dependency" in one) for line in played.sent[1:]]
    assert chain == [f"--dependency=afterok:{n}" for n in (1, 2, 3)]
    assert [step.state for step in standing.standings([plan.folder])] == ["queued"]


def test_jobs_are_found_again_by_name_where_the_ledger_was_lost(
    plan: Plan, played: type[Played]
) -> None:
    _send(plan)
    ledger.path(plan.folder).unlink()
    assert _send(plan) == []


def test_what_ended_before_says_nothing_of_a_run_sent_again(
    plan: Plan, played: type[Played]
) -> None:
    plan.folder.make()
    Ledger("generic").with_job("all", Sent("99", "ended-long-ago", "")).save(plan.folder)
    _send(plan)
    found = ledger.load(plan.folder)
    assert found is not None
    assert list(found.jobs) == ["mesh", "flow", "measure", "report"]


def test_a_dry_run_shows_what_is_sent_and_writes_nothing(
    plan: Plan, played: type[Played]
) -> None:
    shown = "".join(submission.preview(plan, submission.Order("generic", SITE)))
    assert not plan.folder.path.exists()
    _send(plan)
    for number, name in enumerate(("mesh", "flow", "measure", "report"), 1):
        shown = shown.replace(f"<{name}>", str(number)).replace(f"'--dependency=afterok:{number}'",
                                                                f"--dependency=afterok:{number}")
        assert (plan.folder.path / "slurm" / f"{name}.sh").read_text() in shown


def test_two_submitters_at_once_send_once(plan: Plan, played: type[Played]) -> None:
    plan.folder.make()
    with plan.folder.locked(), pytest.raises(JobError, match="another run writes"):
        _send(plan)
    assert played.sent == []


def test_a_silent_slurm_is_unknown_not_finished(plan: Plan, played: type[Played]) -> None:
    _send(plan)
    played.dead = True
    now = standing.standing(plan.folder)
    assert (now.state, now.live) == ("unknown", False)
    played.dead = False


@pytest.mark.parametrize(("accounts", "state", "why"), [
    ("TIMEOUT", "stopped", "flow: the time limit was reached; `dvtwin resume` goes on"),
    ("NODE_FAIL", "stopped", "flow: a node was lost; `dvtwin resume` goes on"),
    ("OUT_OF_MEMORY", "failed", "flow: memory ran out"),
    ("CANCELLED by 1000", "cancelled", "on request"),
    ("", "lost", "Slurm knows its jobs no more, and they said nothing at their end"),
    (None, "lost", "Slurm knows its jobs no more, and they said nothing at their end"),
])
def test_what_slurm_forgot_is_known_from_its_accounting_where_there_is_one(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    accounts: str | None, state: str, why: str,
) -> None:
    name = ledger.name_of(plan.folder, "flow")
    line = f"echo '7|{accounts}|{name}'" if accounts else "true"
    programs = {"squeue": "true", "sacct": "exit 1" if accounts is None else line}
    for program, action in programs.items():
        path = tmp_path / "bin" / program
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{action}\n")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    plan.folder.make()
    plan.folder.set_status(state="running", executor="slurm", stage="flow")
    Ledger("generic").with_job("flow", Sent("7", name, "")).save(plan.folder)
    now = standing.standing(plan.folder)
    assert (now.state, now.why) == (state, why)


def test_commands_reach_slurm_through_another_host(tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    remote.write_text('#!/bin/sh\nshift\nexec sh -c "$*"\n')
    remote.chmod(0o755)
    assert Slurm(client=f"{remote} login1").run("printf", "%s", NASTY) == NASTY
    with pytest.raises(JobError, match="there is no nothing-here"):
        Slurm(client="nothing-here").run("squeue")


def test_the_state_of_five_hundred_runs_is_known_in_a_second(
    tmp_path: Path, played: type[Played]
) -> None:
    for number in range(500):
        folder = Folder(tmp_path / f"{number}" / "run")
        folder.make()
        folder.set_status(state="running", executor="slurm", title="A vein", stage="flow")
        Ledger("generic").with_job("all", Sent("1", "x", "")).save(folder)
    from jobs import look

    start = time.process_time()
    found = standing.standings(look.runs([tmp_path]))
    look.status_table(found)
    assert len(found) == 500
    assert time.process_time() - start < 1.0
