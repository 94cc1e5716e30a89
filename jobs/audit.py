"""Who did what to a run: one JSON line an action, each with the digest of the line before."""

import getpass
import hashlib
import json
import platform
from pathlib import Path
from typing import Any

from core.record import now

START = "0" * 64


def note(path: Path, action: str, **details: Any) -> None:
    """Append ``action`` to the log at ``path``."""
    lines = path.read_text().splitlines() if path.exists() else []
    entry = {
        "time": now(), "user": getpass.getuser(), "host": platform.node(), "action": action,
        **details, "previous": _digest(lines[-1]) if lines else START,
    }
    with path.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def broken(path: Path) -> int | None:
    """The number (from 1) of the first line whose predecessor was changed, or None."""
    previous = START
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            known = json.loads(line)["previous"]
        except (ValueError, KeyError, TypeError):
            return number
        if known != previous:
            return number
        previous = _digest(line)
    return None


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()
