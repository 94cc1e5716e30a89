"""How runs stand: what they say of themselves, checked against their process or Slurm's queue."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import JobError
from jobs.executors import ledger
from jobs.executors.here import alive
from jobs.executors.ledger import Ledger
from jobs.executors.slurm import JobState, Slurm, known
from jobs.folder import Folder

FINAL = {"done", "failed"}


@dataclass(frozen=True)
class Standing:
    """One run: its state in one word, why, and what its status file says."""

    folder: Folder
    state: str
    why: str
    status: Mapping[str, Any]

    @property
    def live(self) -> bool:
        """Whether something will still happen by itself."""
        return self.state in {"running", "queued", "requeued"}


def standings(folders: Sequence[Folder]) -> list[Standing]:
    """How each of ``folders`` stands; Slurm is asked once for all."""
    told = [_told(folder) for folder in folders]
    asked: dict[Slurm, list[tuple[Folder, Mapping[str, Any], Ledger]]] = {}
    found: dict[os.PathLike[str], Standing] = {}
    for folder, status in zip(folders, told, strict=True):
        sent = ledger.load(folder) if status.get("executor") == "slurm" else None
        if sent is not None and status.get("state") not in FINAL:
            asked.setdefault(sent.slurm, []).append((folder, status, sent))
        else:
            found[folder.path] = _here(folder, status)
    for slurm, runs in asked.items():
        found |= {one.folder.path: one for one in _there(slurm, runs)}
    return [found[folder.path] for folder in folders]


def standing(folder: Folder) -> Standing:
    """How one run stands."""
    return standings([folder])[0]


def _told(folder: Folder) -> Mapping[str, Any]:
    try:
        return folder.status()
    except JobError as error:
        return {"state": "unknown", "reason": error.what}


def _here(folder: Folder, status: Mapping[str, Any]) -> Standing:
    state, why = str(status.get("state", "new")), str(status.get("reason", ""))
    if state == "running" and not alive(str(status.get("process", ""))):
        state, why = "lost", "its process is gone without a word"
    if state == "queued":
        state, why = "lost", "it was never sent; `dvtwin submit` sends it"
    return Standing(folder, state, why, status)


def _there(
    slurm: Slurm, runs: Sequence[tuple[Folder, Mapping[str, Any], Ledger]]
) -> Iterable[Standing]:
    try:
        states = slurm.queue()
    except JobError as error:
        for folder, status, _ in runs:
            why = f"Slurm does not answer ({error.what}); last: {status.get('state')}"
            yield Standing(folder, "unknown", why, status)
        return
    jobs = [job for _, _, sent in runs for job in sent.jobs.values()]
    states |= slurm.ended({job.id for job in jobs if not known(states, job.id, job.name)})
    for folder, status, sent in runs:
        state, why = judge(status, sent, states)
        yield Standing(folder, state, why, status)


def judge(
    status: Mapping[str, Any], sent: Ledger, states: Mapping[str, JobState]
) -> tuple[str, str]:
    """The state of a run and its reason, from its own words and from Slurm's ``states``."""
    own, reason = str(status.get("state", "new")), str(status.get("reason", ""))
    if own in FINAL:
        return own, reason
    jobs = {stage: known(states, job.id, job.name) for stage, job in sent.jobs.items()}
    there = {stage: job for stage, job in jobs.items() if job is not None}
    if at_work := next((job for job in there.values() if job.works), None):
        return "running", "ends a stage" if at_work.state == "COMPLETING" else ""
    for stage, job in there.items():
        if not job.live and job.state not in {"COMPLETED", "CANCELLED"}:
            return _ended(stage, job, reason)
    if sent.cancelled or any(job.state == "CANCELLED" for job in there.values()):
        return "cancelled", reason or "on request"
    for stage, job in there.items():
        if job.waits:
            again = own == "stopped" or (own == "running" and status.get("stage") == stage)
            return ("requeued" if again else "queued"), f"{stage}: {job.cause or 'waits'}"
    if own == "stopped":
        return own, reason
    if all(job.state == "COMPLETED" for job in there.values()) and len(there) == len(jobs):
        return own, reason  # the last words are on their way, or a stage was left out on purpose
    return "lost", "Slurm knows its jobs no more, and they said nothing at their end"


def _ended(stage: str, job: JobState, reason: str) -> tuple[str, str]:
    """A job that ended badly without having told, or told less than Slurm knows."""
    resumable = job.state in {"TIMEOUT", "NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE"}
    if not resumable and reason:
        return "failed", reason
    where = f"{stage}: {job.cause or job.state.lower()}"
    return ("stopped", where + "; `dvtwin resume` goes on") if resumable else ("failed", where)
