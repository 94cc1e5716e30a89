"""What a run says: a log on rank 0, and one JSON line a step in `progress.jsonl`."""

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any, TextIO

FORMAT = "%(asctime)s %(levelname)-7s %(message)s"


def to_terminal(level: int = logging.INFO, *, rank: int = 0) -> None:
    """Send the log to standard error; ranks other than 0 speak only from warnings on."""
    logging.basicConfig(
        level=level if rank == 0 else logging.WARNING,
        format=FORMAT if rank == 0 else f"%(asctime)s [rank {rank}] %(levelname)-7s %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
        force=True,
    )


class Progress:
    """Appends one JSON object a step to ``path``; on a rank without a path it does nothing."""

    def __init__(self, path: Path | None) -> None:
        self._file: TextIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", buffering=1)

    def say(self, stage: str, done: float, **values: Any) -> None:
        """``stage`` is ``done`` (0 to 1); ``values`` are what is worth watching."""
        if self._file is not None:
            entry = {
                "time": round(time.time(), 3),
                "stage": stage,
                "done": round(done, 5),
                **values,
            }
            self._file.write(json.dumps(entry) + "\n")
