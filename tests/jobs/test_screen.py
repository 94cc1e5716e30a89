"""Progress is read as it grows, and shown as bars on a terminal and as lines elsewhere."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from jobs import screen
from jobs.screen import Screen, Tail, describe, span


def test_tail_reads_whole_lines_of_its_stage_only(tmp_path: Path) -> None:
    path = tmp_path / "progress.jsonl"
    path.write_text(json.dumps({"stage": "flow", "done": 0.9}) + "\n")
    tail = Tail(path, "flow")
    assert tail.read() == {}
    with path.open("a") as file:
        file.write(json.dumps({"stage": "flow", "done": 0.1}) + "\n")
        file.write(json.dumps({"stage": "mesh", "done": 0.2}) + "\nnot json\n")
        file.write('{"stage": "flow", "done": 0.')
        file.flush()
        assert tail.read()["done"] == 0.1
        file.write("5}\n")
    assert tail.read()["done"] == 0.5


def _show(terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100, _environ={})
    with Screen(console) as shown:
        shown.fresh("mesh")
        shown.begin("flow", "2 ranks")
        shown.show({"time": 10.0, "stage": "flow", "done": 0.2, "cfl": 0.5})
        shown.show({"time": 20.0, "stage": "flow", "done": 0.4, "cfl": 0.51234})
        shown.end({"time": 30.0, "stage": "flow", "done": 1.0, "cells": 12345})
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_log_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "INTERVAL", 0.0)
    lines = _show(terminal=False).splitlines()
    assert "\x1b" not in "".join(lines)
    assert lines[0] == "  mesh     up to date"
    assert lines[1] == "  flow     started (2 ranks)"
    assert "40 %" in lines[3]
    assert "30 s left, cfl 0.512" in lines[3]
    assert lines[4].startswith("  flow     done in")
    assert lines[4].endswith("cells 12,345")


def test_a_log_is_not_flooded() -> None:
    assert len(_show(terminal=False).splitlines()) == 3


def test_a_terminal_gets_a_bar() -> None:
    assert "100 %" in _show(terminal=True)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (65, "1 min 05 s"), (11400, "3 h 10 min")],
)
def test_span(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_describe_is_short() -> None:
    entry = {"time": 1.0, "stage": "clot", "done": 0.5, "doing": "growing", "volume": 1.2345e-7}
    assert describe(entry) == "growing, volume 1.23e-07"
