"""Who did what to a run: one JSON line an action, each with the digest of the line before."""

import fcntl
import getpass
import hashlib
import json
import platform
from pathlib import Path
from typing import Any

from core.record import now

START = "0" * 64


def note(path: Path, action: str, **details: Any) -> None:
    """Append ``action`` to the log at ``path``, one writer at a time.

    A line without an end was cut off by a kill or a full disk before it counted: it goes.
    """
    with path.open("a+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        entry = {
            "time": now(), "user": getpass.getuser(), "host": platform.node(), "action": action,
            **details, "previous": head(path),
        }
        entry["own"] = _digest(json.dumps(entry))
        file.write(json.dumps(entry).encode() + b"\n")


def broken(path: Path) -> int | None:
    """The number (from 1) of the first line whose predecessor was changed, or None.

    One more than there are lines where it is the last that was changed.
    """
    lines = path.read_text().splitlines() if path.exists() else []
    previous = START
    for number, line in enumerate(lines, 1):
        entry = _entry(line)
        if entry.get("previous") != previous:
            return number
        previous = _digest(line)
    if not lines:
        return 1
    own = entry.pop("own", None)
    return None if own == _digest(json.dumps(entry)) else len(lines) + 1


def _entry(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def last_sealed(path: Path) -> str | None:
    """The digest of SHA256SUMS when the run was last sealed; None where it never was."""
    lines = path.read_text().splitlines() if path.exists() and not broken(path) else []
    sealed = (entry for entry in map(json.loads, reversed(lines)) if entry["action"] == "sealed")
    return next((str(entry["sums"]) for entry in sealed), None)


def head(path: Path) -> str:
    """The digest of the last line: whoever keeps it can tell whether lines were taken away."""
    lines = path.read_text().splitlines() if path.exists() else []
    return _digest(lines[-1]) if lines else START


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()
