"""A small case that is run by the real command line, and the faults that meet it."""

import json
import math
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import _crash
from jobs.executors import Resources
from jobs.executors.here import environment

RUN = (sys.executable, "-P", "-m", "jobs", "run", "case.toml")
STAGES = ("mesh", "flow", "clot", "measure", "report")
WRITES = {
    "mesh": {"/run/mesh": 12},
    "flow": {"/run/results.h5": 60, "/run/.results.h5": 60, "/run/checkpoint": 120},
    "clot": {"/run/results.h5": 100, "/run/checkpoint/clot": 200},
    "measure": {"metrics.json": 2},
    "report": {"report.json": 2, "report.pdf": 2, "/run/figures": 6},
}
"""Files that a stage writes, and about how many writes to count to."""
BOOKS = {"status.json": 8, "audit.jsonl": 2, "SHA256SUMS": 2}
TOLERANCE, ROUND_OFF = 1e-9, 1e-15
"""Differences that do not count: relative, and of what is zero but for round-off (imbalances)."""
CASE = """
title = "A straight tube, for faults"

[mesh]
kind = "tube"
radius = "5 mm"
length = "24 mm"
size = "1.8 mm"

[flow]
cycles = 3
period = "1 s"
periodic = 1e-9
snapshots = 5
scheme = { element = "P1/P1", dt = "40 ms", tolerances = "tight" }

[flow.boundary]
inlet = { kind = "flow_rate", mean = "60 mL/min" }
outlet = { kind = "pressure", pressure = "6 mmHg" }

[clot]
until = "3 h"
stored = 3
growth_width = "5 mm"

[clot.model]
kind = "growth"
injury = [{ at = ["0 mm", "5 mm", "12 mm"], radius = "5 mm" }]

[run]
ranks = 1
"""


@dataclass
class Tally:
    """What became of one kind of fault: how many were met, how many runs were wrong after it."""

    fault: str
    met: int = 0
    told: int = 0
    wrong: list[str] = field(default_factory=list)


class Ground:
    """Where the case is run again and again; ``reference`` is what it gives undisturbed."""

    def __init__(self, folder: Path, seed: int = 1) -> None:
        self.folder, self.random = folder, random.Random(seed)
        self.library = _crash.build(folder)
        whole = self.fresh("undisturbed")
        done = self.run(whole)
        if done.returncode:
            raise RuntimeError(done.stderr)
        self.reference = values(whole / "run")
        stages = json.loads((whole / "run" / "status.json").read_text())["stages"]
        self.seconds = {name: float(stages[name]["seconds"]) for name in STAGES}
        self.whole = whole

    def fresh(self, name: str) -> Path:
        """A folder with nothing but the case file."""
        place = self.folder / name
        place.mkdir()
        (place / "case.toml").write_text(CASE)
        return place

    def copy(self, source: Path, name: str) -> Path:
        """A folder like ``source``, whose name does not matter to the run."""
        return Path(shutil.copytree(source, self.folder / name))

    def start(
        self, place: Path, *arguments: str, env: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[str]":
        """`dvtwin run` at work."""
        return subprocess.Popen(
            [*RUN, *arguments], cwd=place,
            env=environment(Resources(Path("-"))) | dict(env or {}), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )

    def run(
        self, place: Path, *arguments: str, env: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """`dvtwin run` to its end, whatever that is; one that hangs is ended after 5 minutes."""
        while True:
            process = self.start(place, *arguments, env=env)
            try:
                out, err = process.communicate(timeout=300)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            if "another run writes" not in err:
                return subprocess.CompletedProcess(process.args, process.returncode, out, err)
            time.sleep(0.3)  # ranks of a killed run need a moment to end

    def finish(self, place: Path, tally: Tally, what: str) -> None:
        """Run to the end without disturbance and compare with the reference."""
        done = self.run(place)
        if done.returncode:
            tally.wrong.append(f"{what}: did not end: {done.stderr.strip()[-300:]}")
        elif apart := differences(values(place / "run"), self.reference):
            tally.wrong.append(f"{what}: {apart}")
        else:
            shutil.rmtree(place)

    # ------------------------------------------------------------------ kills

    def kill_at_write(self, place: Path, stage: str) -> bool:
        """Run up to ``stage`` with a kill at one of its writes; whether it came to that."""
        files = WRITES[stage] | BOOKS if self.random.random() < 0.9 else BOOKS
        match = self.random.choice(list(files))
        env = _crash.at(self.library, match, self.random.randint(1, files[match]))
        return was_killed(self.run(place, "--until", stage, env=env))

    def kill_at_time(self, place: Path, stage: str, number: int = signal.SIGKILL) -> bool:
        """Signal the stage's process, or the one that watches it, after a random time."""
        process = self.start(place, "--until", stage)
        if (child := self._await(process, place, stage)) is None:
            process.communicate()
            return False
        time.sleep(self.random.uniform(0.0, self.seconds[stage]))
        target = self.random.choice([child, process.pid])
        try:
            os.kill(target, number)
        except ProcessLookupError:
            process.communicate()
            return False
        _, err = process.communicate(timeout=120)
        ended = subprocess.CompletedProcess(process.args, process.returncode, "", err)
        # a stage that is asked to stop before it listens ends without a checkpoint: 6
        return was_killed(ended) if number == signal.SIGKILL else process.returncode in {6, 85}

    def _await(self, process: Any, place: Path, stage: str) -> int | None:
        """The process of ``stage`` once it runs; None where the run ended before."""
        while process.poll() is None:
            status = place / "run" / "status.json"
            if status.exists() and json.loads(status.read_text()).get("stage") == stage:
                for child in children(process.pid):
                    return child
            time.sleep(0.02)
        return None


def children(process: int) -> list[int]:
    """The processes that ``process`` started."""
    try:
        found = Path(f"/proc/{process}/task/{process}/children").read_text()
        return [int(number) for number in found.split()]
    except OSError:
        return []


def was_killed(done: "subprocess.CompletedProcess[str]") -> bool:
    """Whether a run, or a stage of it, was ended by SIGKILL."""
    return done.returncode == -signal.SIGKILL or "the system killed" in done.stderr


def values(run: Path) -> dict[str, float]:
    """Every number of metrics.json by its path, but for those that tell of the run itself."""
    return dict(_numbers(json.loads((run / "metrics.json").read_text()), ""))


def _numbers(value: Any, path: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for name in sorted(value):
            if name not in {"key", "created", "record", "inputs", "seconds"}:
                yield from _numbers(value[name], f"{path}/{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _numbers(item, f"{path}/{number}")
    elif isinstance(value, float):
        yield path, value


def differences(one: Mapping[str, float], other: Mapping[str, float]) -> str:
    """What differs by more than `TOLERANCE`, or nothing."""
    if set(one) != set(other):
        return f"other metrics: {sorted(set(one) ^ set(other))[:5]}"
    apart = [
        name for name in one
        if not math.isclose(one[name], other[name], rel_tol=TOLERANCE, abs_tol=ROUND_OFF)
        and not (math.isnan(one[name]) and math.isnan(other[name]))
    ]
    return ", ".join(f"{name}: {one[name]!r} for {other[name]!r}" for name in apart[:3])


def told(done: "subprocess.CompletedProcess[str]", *words: str) -> bool:
    """Whether a run ended with a cause in plain words, one of ``words`` among them."""
    return (
        done.returncode not in {0, 1}
        and "Traceback" not in done.stderr
        and any(re.search(word, done.stderr) for word in words)
    )


def flip(path: Path, rng: random.Random) -> None:
    """Flip one bit somewhere in a file."""
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


def cut(path: Path, rng: random.Random) -> None:
    """Cut a file off somewhere."""
    os.truncate(path, rng.randrange(path.stat().st_size))
