"""What can happen to a run while Slurm has it: a function each, which tells what became of it."""

import csv
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks._faulty import CASE, STAGES, Tally
from benchmarks._queue import PATIENCE, Queue
from jobs.folder import Folder

TASKS = 500
PLAYED = """#!/bin/bash
# Stands where a site's container stands, and plays the stages: a task's work takes no time.
shift 2
case "$1 $2" in
    "job begin") [ "$4" != gather ] || exec @python@ -P -m jobs "$@" ;;
    "job end") [ "$6" = 0 ] || exit 4 ;;
    *) echo "$2" >>"$3/order.txt"
        [ "$2" != report ] || echo '{"state": "done"}' >"$3/status.json" ;;
esac
"""


def controller(there: Queue) -> Tally:
    """slurmctld is restarted, and then killed, while a chain is on its way."""
    tally, place = Tally("slurmctld-restarted"), there.send("controller", there.slow(50))
    for stage, how in (("flow", signal.SIGTERM), ("clot", signal.SIGKILL)):
        there.at_work(place, stage)
        there.restart_controller(how)
        tally.met += 1
    there.finish(place, tally, "controller")
    return tally


def node_down(there: Queue) -> Tally:
    """A node is lost to a stage at work, and then to the next."""
    tally, place = Tally("node-down"), there.send("down", there.slow(150))
    for stage in ("flow", "clot"):
        there.at_work(place, stage)
        there.node("n2", "down")
        tally.met += there.until(place, "requeued", "done").state == "requeued"
        there.node("n2", "resume")
    there.finish(place, tally, "down")
    return tally


def node_drained(there: Queue) -> Tally:
    """A node of the stage at work is drained: this stage ends on it, the others elsewhere."""
    tally = Tally("node-drained", met=1)
    place = there.send("drained", there.site("one-node", nodes=1))
    there.at_work(place)
    drained = there.nodes(place)
    there.node(drained, "drain")
    there.finish(place, tally, drained)
    there.node(drained, "resume")
    return tally


def two_submitters(there: Queue) -> Tally:
    """Two submit the same case at once: one chain is sent."""
    tally, place = Tally("two-submitters", met=1), there.ground.fresh("submitters")
    site = str(there.site("plain"))
    both = [
        there.start("submit", str(place / "case.toml"), "--site", site, "--ranks", "2")
        for _ in range(2)
    ]
    ends = [process.communicate(timeout=PATIENCE)[1] for process in both]
    codes = sorted(process.returncode for process in both)
    if codes not in ([0, 0], [0, 6]) or (codes[1] and "another run" not in "".join(ends)):
        tally.wrong.append(f"exit codes {codes}: {ends}")
    if len(sent := there.jobs(place)) != len(STAGES):
        tally.wrong.append(f"{len(sent)} jobs were sent")
    there.finish(place, tally, "two")
    return tally


def lost_rank(there: Queue) -> Tally:
    """One of two ranks is killed alone: the job ends, and starts again."""
    tally, place = Tally("rank-dies-alone-in-slurm", met=1), there.send("rank", there.slow(50))
    there.at_work(place)
    os.kill(ranks_of(place)[-1], signal.SIGKILL)
    there.until(place, "requeued", "failed", "done")
    there.finish(place, tally, "rank")
    return tally


def ranks_of(place: Path) -> list[int]:
    """The processes of the stage at work that compute."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                words = (process / "cmdline").read_text().split("\0")
            except OSError:
                continue
            if "python" in words[0] and "stage" in words and any(str(place) in w for w in words):
                found.append(int(process.name))
    return sorted(found)


def failed_launch(there: Queue) -> Tally:
    """srun cannot start a rank on one of the nodes: once, and then for good until it is mended."""
    tally = Tally("srun-cannot-launch")
    step = there.folder / "tmp" / "n2"  # PMIx makes its folder of a step in it
    for times in (1, 3):
        place = there.ground.fresh(f"launch-{times}")
        shutil.rmtree(step)
        step.write_text("no folder")
        site = there.site("plain")
        there.call("submit", str(place / "case.toml"), "--site", str(site), "--ranks", "2")
        if times == 1:
            there.logged(place, '"relaunch"')
        else:
            ended = there.until(place, "failed")
            tally.told += 1
            if "could not be started" not in ended.why or "3 times in a row" not in ended.why:
                tally.wrong.append(f"told {ended.why}")
        step.unlink()
        step.mkdir()
        if times > 1:
            there.call("resume", str(place / "run"))
        tally.met += 1
        there.finish(place, tally, f"{times} launches")
    return tally


def time_limit(there: Queue) -> Tally:
    """The time limit comes before the end of a stage: checkpoint, requeue, go on."""
    short = ("--time", "1 min", "--until", "flow")
    site = there.slow(300, warn=30)
    tally, place = Tally("time-limit"), there.send("limit", site, *short)
    tally.met = int(there.until(place, "requeued", "failed", "done").state == "requeued")
    there.until(place, "done", "failed")
    there.call("submit", str(place / "case.toml"), "--site", str(site), "--ranks", "2")
    there.finish(place, tally, "limit")
    return tally


def array(there: Queue) -> Tally:
    """An array of 500 tasks, their stages played, with slurmctld killed and a node lost in it."""
    tally, home = Tally("array-tasks", met=TASKS), there.ground.folder / "array"
    played = there.folder / "played.sh"
    played.write_text(PLAYED.replace("@python@", sys.executable))
    tail = f'[container]\nimage = "played"\ncommand = "bash {played}"\n'
    site = there.site("played", nodes=1, more=tail)
    cases = [home / f"member {number:03}" / "case.toml" for number in range(TASKS)]
    for case in cases:
        case.parent.mkdir(parents=True)
        case.write_text(CASE)
    there.call("submit", *map(str, cases), "--site", str(site))
    _until(lambda: _done(cases) > TASKS // 4)
    there.restart_controller(signal.SIGKILL)
    _until(lambda: _done(cases) > TASKS // 2)
    there.node("n2", "down")
    time.sleep(1.0)
    there.node("n2", "resume")
    table = home / "array" / "members.csv"
    _until(table.exists)
    rows = list(csv.DictReader(table.open()))
    done = sum(row["state"] == "done" for row in rows)
    if (len(rows), done) != (TASKS, TASKS):
        tally.wrong.append(f"{done} of {len(rows)} rows are done")
    for case in cases:
        if set((case.parent / "run" / "order.txt").read_text().split()) != set(STAGES):
            tally.wrong.append(f"{case.parent.name} did not do every stage")
    shutil.rmtree(home)
    return tally


def _done(cases: list[Path]) -> int:
    return sum(
        json.loads(Folder(case.parent / "run").status_file.read_text() or "{}").get("state")
        == "done" for case in cases
    )


def _until(true: Callable[[], bool], seconds: float = 900.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError("the array does not come to its end")
        time.sleep(1.0)


CHAINS: tuple[Callable[[Queue], Tally], ...] = (
    controller, node_down, node_drained, two_submitters, lost_rank, failed_launch, time_limit,
    array,
)
