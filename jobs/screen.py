"""What a run shows while it works: bars on a terminal, plain lines in a log."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

INTERVAL = 30.0
"""Seconds between plain lines."""


class Tail:
    """The newest entry of a stage in `progress.jsonl`, read as the file grows from ``back`` bytes
    before its present end.
    """

    def __init__(self, path: Path, stage: str, back: int = 0) -> None:
        self.path, self.stage, self.last = path, stage, dict[str, Any]()
        self._at = max(0, path.stat().st_size - back) if path.exists() else 0

    def read(self) -> dict[str, Any]:
        """The newest whole entry so far; empty before the first."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._at)
                new = file.read()
        except OSError:
            return self.last
        whole = new[: new.rfind(b"\n") + 1]
        self._at += len(whole)
        for line in whole.splitlines():
            try:
                entry = json.loads(line)
            except ValueError:
                continue
            if entry.get("stage") == self.stage:
                self.last = entry
        return self.last


class Screen:
    """One line a stage. On a terminal it moves; elsewhere a line is printed now and then."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        rest = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        self._bars = Progress(
            TextColumn("  {task.description:<8}", table_column=Column(min_width=10)),
            BarColumn(18, table_column=Column(min_width=18)),
            TextColumn("{task.percentage:>3.0f} %", table_column=Column(min_width=5)),
            TimeElapsedColumn(table_column=Column(min_width=7)),
            TextColumn("{task.fields[detail]}", style="dim", table_column=rest),
            console=self.console, refresh_per_second=4, expand=True,
        )
        self._bar: TaskID | None = None
        self._stage, self._start, self._spoke = "", 0.0, 0.0
        self._first = (0.0, 0.0)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.console.is_terminal:
            self._bars.stop()

    def say(self, text: str) -> None:
        """A line of its own."""
        self.console.print(Text(text), soft_wrap=True)

    def fresh(self, stage: str) -> None:
        """``stage`` has nothing to do."""
        self.say(f"  {stage:<8} up to date")

    def begin(self, stage: str, note: str = "") -> None:
        """``stage`` starts."""
        self._stage, self._start = stage, time.monotonic()
        self._spoke, self._first = self._start, (0.0, 0.0)
        if self.console.is_terminal:
            self._bar = self._bars.add_task(stage, total=1.0, detail=note)
        else:
            self.say(f"  {stage:<8} started" + (f" ({note})" if note else ""))

    def show(self, entry: Mapping[str, Any]) -> None:
        """The newest progress of the stage at work."""
        done, said = float(entry.get("done", 0.0)), float(entry.get("time", 0.0))
        if self._first[0] == 0.0 < done:
            self._first = (done, said)
        clock = time.monotonic()
        detail = ", ".join(filter(None, [self._left(done, said), describe(entry)]))
        if self._bar is not None:
            self._bars.update(self._bar, completed=done, detail=detail)
        elif clock - self._spoke >= INTERVAL:
            self._spoke = clock
            elapsed = span(clock - self._start)
            self.say(f"  {self._stage:<8} {100 * done:3.0f} %  {elapsed}  {detail}")

    @property
    def seconds(self) -> float:
        """How long the stage at work has been so."""
        return time.monotonic() - self._start

    def end(self, entry: Mapping[str, Any], word: str = "done") -> float:
        """The stage at work ends; gives the seconds it took."""
        seconds, detail = self.seconds, describe(entry)
        if self._bar is not None:
            done = 1.0 if word == "done" else float(entry.get("done", 0.0))
            self._bars.update(self._bar, completed=done, detail=detail if word == "done" else word)
            self._bars.stop_task(self._bar)
            self._bar = None
        else:
            self.say(f"  {self._stage:<8} {word} in {span(seconds)}  {detail}".rstrip())
        return seconds

    def _left(self, done: float, said: float) -> str:
        """The time left at the pace since the stage's first word: a resumed stage starts late."""
        begun, since = self._first
        if done - begun < 0.02 or said - since < 3 or done >= 1:
            return ""
        return f"{span((1 - done) * (said - since) / (done - begun))} left"


def describe(entry: Mapping[str, Any]) -> str:
    """The values of a progress entry that are worth a glance."""
    values = [
        f"{_shown(value)}" if key == "doing" else f"{key.replace('_', ' ')} {_shown(value)}"
        for key, value in entry.items() if key not in {"time", "stage", "done"}
    ]
    return ", ".join(values[:4])


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def span(seconds: float) -> str:
    """A duration for people: "8 s", "2 min 05 s", "3 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
