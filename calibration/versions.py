"""The versions of a twin: each a folder that is never changed, linked to the one before it.

    version-001/ version.json   {"number", "parent", "files": {name: sha256}, …}
                 …              whatever the version holds

``parent`` is the digest of the version.json before it, so a changed or missing version is seen.
"""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import CaseError, JobError
from core.record import digest_file, now

NAME = "version.json"


@dataclass(frozen=True)
class Version:
    """One version: its number, its folder, what its version.json says."""

    number: int
    folder: Path
    told: Mapping[str, Any]


@contextmanager
def new(twin: Path, **told: Any) -> Iterator[Path]:
    """A folder to fill; when the block ends it becomes the next version, or nothing if it fails.

    ``told`` goes into version.json. Raises `CaseError` where the versions before it are not whole,
    `JobError` where it cannot be written.
    """
    before = versions(twin)
    number = len(before) + 1
    partial, final = twin / f".version-{number:03d}", twin / f"version-{number:03d}"
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        parent = digest_file(before[-1].folder / NAME) if before else None
        files = {p.name: digest_file(p) for p in sorted(partial.iterdir())}
        table = {"number": number, "parent": parent, "created": now(), **told, "files": files}
        (partial / NAME).write_text(json.dumps(table, indent=1, ensure_ascii=False) + "\n")
        partial.rename(final)
    except OSError as error:
        reason = error.strerror or str(error)
        raise JobError(
            f"cannot write the version: {reason}",
            where=str(final),
            do="make room, or see whose folder it is; the versions before it are untouched",
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def versions(twin: Path) -> list[Version]:
    """All versions in order, checked. Raises `CaseError` where one was changed or is missing."""
    found: list[Version] = []
    folders = sorted(p for p in twin.glob("version-*") if re.fullmatch(r"version-\d{3,}", p.name))
    parent = None
    for number, folder in enumerate(folders, 1):
        told = _told(folder)
        known = told.get("files", {})
        there = {p.name for p in folder.iterdir() if p.name != NAME}
        changed = sorted(
            (there ^ set(known))
            | {n for n in there & set(known) if digest_file(folder / n) != known[n]}
        )
        if told.get("number") != number or told.get("parent") != parent or changed:
            what = f"{changed[0]} was changed, added or lost" if changed else "the chain is broken"
            raise CaseError(
                f"the versions of this twin are not as they were made: {what}",
                where=str(folder),
                do="restore the folder from a copy; nothing is built on it",
            )
        parent = digest_file(folder / NAME)
        found.append(Version(number, folder, told))
    return found


def _told(folder: Path) -> dict[str, Any]:
    try:
        told = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
