"""A throw-away Slurm of two nodes, and the faulty case sent to it by the real command line."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks import _crash
from benchmarks._faulty import Ground, Tally, differences, values
from core.errors import JobError
from core.record import ROOT
from jobs.executors import Resources, ledger
from jobs.executors.here import environment, identity
from jobs.executors.slurm import Slurm, known
from jobs.executors.standing import Standing, standing
from jobs.folder import Folder

SCRIPT = ROOT / "slurm" / "cluster"
SITE = (ROOT / "slurm" / "sites" / "here.toml").read_text()
PATIENCE = 300.0
"""Seconds for a run to come to a state."""


class Queue:
    """The cluster in ``folder``: sends cases, does harm, looks at what becomes of them."""

    def __init__(self, ground: Ground, folder: Path) -> None:
        self.ground, self.folder = ground, folder
        self.slurm = Slurm(f"{folder}/etc/slurm.conf")

    def site(
        self, name: str, environment: Mapping[str, str] | None = None, *, nodes: int = 2,
        warn: int = 60, more: str = "",
    ) -> Path:
        """A profile: two ranks on ``nodes`` nodes, a signal ``warn`` seconds before the limit."""
        path = self.folder / f"{name}.toml"
        lines = "".join(f'{key} = "{value}"\n' for key, value in (environment or {}).items())
        text = SITE.replace("cores_per_node = 2", f"cores_per_node = {2 // nodes}")
        path.write_text(text.replace("60 s", f"{warn} s") + lines + more)
        return path

    def slow(self, milliseconds: int, warn: int = 60) -> Path:
        """A profile where a write to a checkpoint takes so long, so that faults come in time."""
        slow = _crash.slow(self.ground.library, "/run/checkpoint", milliseconds)
        return self.site(f"slow-{milliseconds}", slow, warn=warn)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """A command of `dvtwin` at work."""
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "jobs", *arguments], text=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=environment(Resources(Path("-"))),
        )

    def call(self, *arguments: str) -> str:
        """What a command of `dvtwin` printed. Raises `RuntimeError` where it failed."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=PATIENCE)
        if process.returncode:
            raise RuntimeError(f"{arguments}: {err}")
        return out

    def send(self, name: str, site: Path, *arguments: str) -> Path:
        """A fresh case on its way."""
        place = self.ground.fresh(name)
        sent = ("--site", str(site), "--ranks", "2", *arguments)
        self.call("submit", str(place / "case.toml"), *sent)
        return place

    def until(self, place: Path, *states: str, words: str = "") -> Standing:
        """Wait until the run is in one of ``states`` for a reason with ``words``."""
        end = time.monotonic() + PATIENCE
        while True:
            now = standing(Folder(place / "run"))
            if now.state in states and words in now.why:
                return now
            if time.monotonic() > end:
                raise TimeoutError(f"{now.state}: {now.why}")
            time.sleep(0.2)

    def at_work(self, place: Path, stage: str = "flow") -> None:
        """Wait until ``stage`` tells of progress."""
        self.logged(place, f'"stage": "{stage}"', "progress.jsonl")

    def logged(self, place: Path, words: str, name: str = "audit.jsonl") -> None:
        """Wait until the run's file ``name`` has ``words``."""
        path, end = place / "run" / name, time.monotonic() + PATIENCE
        while not path.exists() or words not in path.read_text():
            if time.monotonic() > end:
                raise TimeoutError(str(standing(Folder(place / "run"))))
            time.sleep(0.1)

    def node(self, name: str, state: str) -> None:
        """Set a node's state; one that is to come back may have done so by itself."""
        with contextlib.suppress(*[JobError] if state == "resume" else []):
            change = f"nodename={name}", f"state={state}", "reason=fault"
            self.slurm.run("scontrol", "update", *change)

    def jobs(self, place: Path) -> list[str]:
        """Every job of the run that Slurm knows."""
        prefix = ledger.name_of(Folder(place / "run"), "")
        return [job for job, one in self.slurm.queue().items() if one.name.startswith(prefix)]

    def nodes(self, place: Path) -> str:
        """The nodes of the run's job that is at work, comma-separated."""
        book, states = ledger.load(Folder(place / "run")), self.slurm.queue()
        for sent in book.jobs.values() if book else ():
            if (state := known(states, sent.id, sent.name)) and state.works:
                return self.slurm.run("squeue", "-h", "-j", sent.id, "-o", "%N").strip()
        raise RuntimeError("no job is at work")

    def finish(self, place: Path, tally: Tally, what: str) -> None:
        """Wait for the end and compare with the reference, which one rank computed."""
        ended = self.until(place, "done", "failed", "stopped", "cancelled", "lost")
        if ended.state != "done":
            tally.wrong.append(f"{what}: {ended.state}: {ended.why[-300:]}")
        elif apart := differences(values(place / "run"), self.ground.reference):
            tally.wrong.append(f"{what}: {apart}")
        else:
            shutil.rmtree(place)

    def restart_controller(self, number: int = signal.SIGTERM) -> None:
        """End slurmctld by a signal and start it again."""
        pids = self.folder / "pids"
        rows = [line.split() for line in pids.read_text().splitlines()]
        row = next(row for row in rows if row[2] == "slurmctld")
        os.kill(int(row[0]), number)
        while identity(int(row[0])).endswith(row[1]):
            time.sleep(0.1)
            with contextlib.suppress(ChildProcessError):  # one that we started ourselves
                os.waitpid(int(row[0]), os.WNOHANG)
        time.sleep(2.0)  # jobs go on, and may end, without it
        with (self.folder / "log" / "slurmctld.out").open("ab") as log:
            process = subprocess.Popen(
                ["slurmctld", "-D"], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
                env=os.environ | {"SLURM_CONF": self.slurm.conf, "PATH": _path()},
            )
        row[:2] = [str(process.pid), identity(process.pid).split()[-1]]
        pids.write_text("".join(f"{' '.join(one)}\n" for one in rows))
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(JobError):
                if " is UP" in self.slurm.run("scontrol", "ping"):
                    return
            time.sleep(0.2)
        raise TimeoutError("slurmctld does not come up")


@contextlib.contextmanager
def cluster() -> Iterator[Path | None]:
    """The folder of a cluster for as long as it is needed; None where Slurm cannot run."""
    before = os.environ.get("DVTWIN_CLUSTER")
    with tempfile.TemporaryDirectory(prefix="dvt") as place:
        start = [SCRIPT, "start", place, "2", "2"]
        if subprocess.run(start, capture_output=True).returncode:
            yield None
            return
        os.environ["DVTWIN_CLUSTER"] = place
        try:
            yield Path(place)
        finally:
            subprocess.run([SCRIPT, "stop", place], check=True, capture_output=True)
            os.environ.pop("DVTWIN_CLUSTER")
            if before is not None:
                os.environ["DVTWIN_CLUSTER"] = before


def _path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
