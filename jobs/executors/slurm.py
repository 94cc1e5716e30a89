"""Slurm's commands, and what they say in our words. No state of ours: see `standing` for that."""

import contextlib
import os
import shlex
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from core.errors import JobError

PATIENCE = 30.0
"""Seconds that Slurm has to answer: a busy controller is slow, a dead one never does."""
WAITING = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
AT_WORK = {
    "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "SIGNALING", "STAGE_OUT", "STOPPED",
}
CAUSES = {
    "TIMEOUT": "the time limit was reached",
    "DEADLINE": "the deadline was reached",
    "OUT_OF_MEMORY": "memory ran out",
    "NODE_FAIL": "a node was lost",
    "BOOT_FAIL": "a node did not start",
    "PREEMPTED": "preempted by another job",
    "CANCELLED": "cancelled",
    "FAILED": "the job's script failed",
}
HELD = {
    "PartitionTimeLimit": "the time limit is longer than the partition allows",
    "PartitionNodeLimit": "more nodes than the partition has",
    "AssocGrpCpuLimit": "the account's share of cores is used up",
    "AssocMaxJobsLimit": "the account's number of jobs is used up",
    "AssocGrpBillingMinutes": "the account's hours are used up",
    "AssocGrpCPUMinutesLimit": "the account's hours are used up",
    "QOSMaxJobsPerUserLimit": "the QOS's number of jobs is used up",
    "BeginTime": "waits to start again",
    "Resources": "waits for free nodes",
    "Priority": "others are first",
    "Dependency": "waits for the stage before",
    "ReqNodeNotAvail": "the nodes are reserved or down",
}
RUNTIME_ONLY = ("OMPI_", "PRTE_", "PMIX_", "SLURM_", "DVTWIN_INSIDE")
"""Variables of this process's runtime that a job must find for itself."""


@dataclass(frozen=True)
class JobState:
    """How a job stands in Slurm's eyes: its state, the reason, and its name."""

    state: str
    reason: str = ""
    name: str = ""

    @property
    def waits(self) -> bool:
        """Whether it is in the queue."""
        return self.state in WAITING

    @property
    def works(self) -> bool:
        """Whether it has nodes."""
        return self.state in AT_WORK

    @property
    def live(self) -> bool:
        """Whether it may still do something."""
        return self.waits or self.works

    @property
    def cause(self) -> str:
        """Why it waits or how it ended, in plain words; empty for a success."""
        if self.waits:
            return HELD.get(self.reason, "" if self.reason == "None" else self.reason)
        return CAUSES.get(self.state, "")


@dataclass(frozen=True)
class Slurm:
    """A cluster's Slurm: ``conf`` names its slurm.conf, ``client`` what reaches its commands."""

    conf: str = ""
    client: str = ""

    def run(self, *command: str) -> str:
        """What a Slurm command prints. Raises `JobError` with its own words."""
        whole = list(command)
        if self.client:  # a remote shell takes the words apart again
            whole = [*shlex.split(self.client), shlex.join(command)]
        kept = {k: v for k, v in os.environ.items() if not k.startswith(RUNTIME_ONLY)}
        conf = self.conf or os.environ.get("SLURM_CONF", "")
        try:
            done = subprocess.run(
                whole, env=kept | ({"SLURM_CONF": conf} if conf else {}), text=True,
                capture_output=True, timeout=PATIENCE, errors="replace", check=False,
            )
        except FileNotFoundError as error:
            raise JobError(
                f"there is no {whole[0]} here", where="PATH",
                do="go to a login node, set `client` in the site profile, or try it on this "
                "machine: `dvtwin cluster start`",
            ) from error
        except subprocess.TimeoutExpired as error:
            raise JobError(
                f"{command[0]} did not answer within {PATIENCE:.0f} s", where="Slurm",
                do="try again later; what was sent stays sent",
            ) from error
        if done.returncode:
            said = " ".join(line.strip() for line in done.stderr.splitlines() if line.strip())
            raise JobError(
                f"{command[0]} failed: {said or f'exit code {done.returncode}'}",
                where=conf or "Slurm", do="mend the site profile or the case's demands",
            )
        return done.stdout

    def submit(self, arguments: Sequence[str]) -> str:
        """Send a job; gives its number."""
        return self.run("sbatch", *arguments).strip().split(";")[0]

    def queue(self) -> dict[str, JobState]:
        """All jobs of this user that Slurm still knows, one call for all."""
        text = self.run("squeue", "-h", "-r", "-t", "all", "--me", "-o", "%i|%T|%r|%j")
        return parse_queue(text)

    def ended(self, jobs: Collection[str]) -> dict[str, JobState]:
        """What the accounting knows of ``jobs``; nothing where there is none."""
        if not jobs:
            return {}
        with contextlib.suppress(JobError):
            return parse_accounts(self.run(
                "sacct", "-n", "-P", "-X", "-j", ",".join(sorted(jobs)),
                "--format=JobID,State,JobName",
            ))
        return {}

    def cancel(self, jobs: Sequence[str]) -> None:
        """Ask ``jobs`` to end: a polite signal first, which leaves time for a checkpoint."""
        for start in range(0, len(jobs), 100):
            self.run("scancel", *jobs[start : start + 100])


def parse_queue(text: str) -> dict[str, JobState]:
    """Job → state from lines "id|state|reason|name"."""
    found = {}
    for line in text.splitlines():
        job, state, reason, name = line.split("|", 3)
        found[job] = JobState(state, reason, name)
    return found


def parse_accounts(text: str) -> dict[str, JobState]:
    """Job → state from sacct's lines "id|state|name"; "CANCELLED by 1000" is cancelled."""
    found = {}
    for line in text.splitlines():
        job, state, name = line.split("|", 2)
        found[job] = JobState(state.split()[0] if state else "UNKNOWN", "", name)
    return found


def known(states: Mapping[str, JobState], job: str, name: str) -> JobState | None:
    """The state of ``job``, unless its number was given to another since."""
    state = states.get(job)
    return state if state is not None and state.name == name else None
