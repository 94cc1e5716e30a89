"""A run folder: where each artefact is, who may write it, how it stands, what is in it."""

import contextlib
import errno
import fcntl
import json
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from core.errors import CaseError, JobError
from core.record import digest_file, now
from jobs import audit

UNSIGNED = {"status.json", "audit.jsonl", "progress.jsonl", "error.json", "SHA256SUMS", ".lock"}
"""Files that go on changing after a run is done, or that hold the digests themselves."""
UNSEALED = {"logs", "checkpoint", "slurm", "outbox"}
"""Folders of such files; what was in the outbox stands in the audit log."""

FULL = ("no space left on device", "errno = 28,", "disk quota exceeded", "mpi_file_write")
"""What is said where there is no room; MPI says only that it could not write."""


@dataclass(frozen=True)
class Folder:
    """The artefacts of one run, by name."""

    path: Path

    @property
    def case(self) -> Path:
        """The effective case, defaults included."""
        return self.path / "case.toml"

    @property
    def mesh(self) -> Path:
        """The tagged mesh."""
        return self.path / "mesh.h5"

    @property
    def results(self) -> Path:
        """Flow and clot."""
        return self.path / "results.h5"

    @property
    def checkpoint(self) -> Path:
        """Where a solver goes on from."""
        return self.path / "checkpoint"

    @property
    def metrics(self) -> Path:
        """The measured values."""
        return self.path / "metrics.json"

    @property
    def report(self) -> Path:
        """What the PDF says."""
        return self.path / "report.json"

    @property
    def pdf(self) -> Path:
        """The report for people."""
        return self.path / "report.pdf"

    @property
    def progress(self) -> Path:
        """One JSON line a step."""
        return self.path / "progress.jsonl"

    @property
    def status_file(self) -> Path:
        """How the run stands."""
        return self.path / "status.json"

    @property
    def error(self) -> Path:
        """What a failed stage left to say."""
        return self.path / "error.json"

    @property
    def audit(self) -> Path:
        """Who did what."""
        return self.path / "audit.jsonl"

    @property
    def sums(self) -> Path:
        """SHA-256 of every artefact, in the form of `sha256sum`."""
        return self.path / "SHA256SUMS"

    def log(self, stage: str) -> Path:
        """What ``stage`` said."""
        return self.path / "logs" / f"{stage}.log"

    def make(self) -> None:
        """Create the folder. Raises `JobError` where it cannot be written."""
        try:
            self.log("").parent.mkdir(parents=True, exist_ok=True)
            self.checkpoint.mkdir(exist_ok=True)
            (self.path / ".lock").touch()
        except OSError as error:
            raise unwritable(error, self.path) from error

    def status(self) -> dict[str, Any]:
        """How the run stands; empty where none was started."""
        try:
            return dict(json.loads(self.status_file.read_text()))
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, ValueError) as error:
            raise JobError(
                "the status of this run cannot be read", where=str(self.status_file),
                do="run the case again",
            ) from error

    def set_status(self, **values: Any) -> None:
        """Change ``values`` in status.json; readers see the old file or the new, never half."""
        write_json(self.status_file, {**self.status(), **values, "changed": now()})

    def set_stage(self, stage: str, **values: Any) -> None:
        """Change ``values`` of ``stage`` in status.json."""
        stages = self.status().get("stages", {})
        self.set_status(stages={**stages, stage: {**stages.get(stage, {}), **values}})

    @contextlib.contextmanager
    def locked(self) -> Iterator[int]:
        """Keep other runs out; gives the descriptor that holds the lock (children may inherit it).

        The kernel lets go of it when the last holder ends, however it ends.
        """
        with (self.path / ".lock").open("r+") as file:
            _take(file, self.path)
            file.truncate(0)
            file.write(f"process {os.getpid()} on {platform.node()}")
            file.flush()
            yield file.fileno()
            file.truncate(0)

    def artefacts(self) -> list[Path]:
        """Every file that SHA256SUMS covers."""
        return sorted(
            path for path in self.path.rglob("*")
            if path.is_file() and path.name not in UNSIGNED
            and not UNSEALED & set(path.relative_to(self.path).parts)
        )

    def sign(self) -> None:
        """Write SHA256SUMS, and its own digest into the audit log."""
        lines = [f"{digest_file(p)}  {p.relative_to(self.path)}\n" for p in self.artefacts()]
        write_text(self.sums, "".join(lines))
        audit.note(self.audit, "sealed", sums=digest_file(self.sums))

    def verify(self) -> list[str]:
        """What differs from SHA256SUMS: one line each, nothing where all is as it was made."""
        if not self.sums.exists():
            raise CaseError(
                "there is no SHA256SUMS here", where=str(self.path),
                do="only a finished run can be verified: `dvtwin run CASE.toml`",
            )
        if audit.last_sealed(self.audit) not in (None, digest_file(self.sums)):
            return ["SHA256SUMS: not as it was sealed in audit.jsonl"]
        lines = self.sums.read_text().splitlines()
        known = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        there = {str(path.relative_to(self.path)): path for path in self.artefacts()}
        changed = [
            f"{name}: missing" if name not in there else f"{name}: changed"
            for name, digest in known.items()
            if name not in there or digest_file(there[name]) != digest
        ]
        return changed + [f"{name}: added" for name in there if name not in known]


def find(path: Path) -> Folder:
    """The run folder that ``path`` names: itself, its `run`, or the one beside a case file."""
    start = path.parent if path.is_file() else path
    for candidate in (start, start / "run"):
        if (candidate / "status.json").exists():
            return Folder(candidate)
    raise CaseError(
        "there is no run here", where=str(path), do="start one with `dvtwin run CASE.toml`"
    )


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """``value`` into ``path`` by way of a temporary name."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """``text`` into ``path`` by way of a temporary name. Raises `JobError`."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise unwritable(error, path) from error


def is_full(error: BaseException) -> bool:
    """Whether ``error`` says that there is no room: HDF5 tells it in its text only."""
    number = error.errno if isinstance(error, OSError) else None
    text = str(error).lower()
    return number in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} or any(
        sign in text for sign in FULL
    )


def unwritable(error: OSError, path: Path) -> JobError:
    """``error`` in plain words."""
    if is_full(error):
        return full(path)
    reason = {
        errno.EACCES: "permission denied", errno.EROFS: "the file system is read-only",
    }.get(error.errno or 0, error.strerror or str(error))
    return JobError(
        f"cannot write the run folder: {reason}", where=str(path),
        do="choose a folder of your own with --out DIR",
    )


def full(path: Path) -> JobError:
    """The disk that holds ``path`` has no room left."""
    return JobError(
        "the disk is full, or takes no more of this file", where=str(path),
        do="make room, then run the same command again: it goes on where it stopped",
    )


def _take(file: TextIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise JobError(
            f"another run writes this folder ({file.read() or 'unknown process'})",
            where=str(path),
            do="wait for it (`dvtwin status`), or choose another folder with --out DIR",
        ) from None
