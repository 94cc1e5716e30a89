"""The jobs of a run that were sent to Slurm: `slurm/jobs.json` in its folder, written by whoever
sends them. What the jobs themselves have to say is in `status.json`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from core.errors import JobError
from core.record import now
from jobs.executors.slurm import Slurm
from jobs.folder import Folder, write_json

ALL = "all"
"""The stage name of a job that does every stage."""


@dataclass(frozen=True)
class Sent:
    """A job as it was sent: its number, its name, the key of what it makes, when."""

    id: str
    name: str
    key: str
    time: str = field(default_factory=now)


@dataclass(frozen=True)
class Ledger:
    """How a run was sent, and its jobs by stage."""

    site: str = ""
    conf: str = ""
    client: str = ""
    ranks: int = 0
    until: str | None = None
    cancelled: str = ""
    jobs: Mapping[str, Sent] = field(default_factory=dict)

    @property
    def slurm(self) -> Slurm:
        """The Slurm that the jobs are in."""
        return Slurm(self.conf, self.client)

    def with_job(self, stage: str, sent: Sent) -> "Ledger":
        """With ``sent`` as the job of ``stage``."""
        return replace(self, jobs={**self.jobs, stage: sent})

    def save(self, folder: Folder) -> None:
        """Write it into ``folder``."""
        path(folder).parent.mkdir(exist_ok=True)
        write_json(path(folder), asdict(self))


def path(folder: Folder) -> Path:
    """Where a run's ledger is."""
    return folder.path / "slurm" / "jobs.json"


def load(folder: Folder) -> Ledger | None:
    """The ledger of a run, None where it never went to Slurm. Raises `JobError`."""
    try:
        table: dict[str, Any] = json.loads(path(folder).read_text())
        jobs = {stage: Sent(**job) for stage, job in table.pop("jobs").items()}
        return Ledger(**table, jobs=jobs)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise JobError(
            "the list of this run's jobs cannot be read", where=str(path(folder)),
            do="look for its jobs with squeue, then remove that file",
        ) from error


def name_of(folder: Folder, stage: str) -> str:
    """The name of a run's job: the same for every submission, so that none is sent twice."""
    digest = hashlib.sha256(str(folder.path.resolve()).encode()).hexdigest()
    return f"dvt-{digest[:10]}-{stage}"
