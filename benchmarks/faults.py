"""Faults on purpose: after each the run ends with the same metrics, or says clearly what is wrong.

    dvtwin bench faults                       the rows
    python3 -P -m benchmarks.faults           the same, and the table of docs/reliability.md
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks import _crash
from benchmarks._chain_faults import CHAINS
from benchmarks._faulty import (
    RUN,
    STAGES,
    Ground,
    Tally,
    children,
    cut,
    differences,
    flip,
    told,
    values,
)
from benchmarks._queue import Queue, cluster
from core.record import ROOT, commit, now
from jobs.executors import Resources
from jobs.executors.here import environment

KILLS = {"mesh": 14, "flow": 32, "clot": 32, "measure": 12, "report": 12}
"""So many in each stage: most where most is written."""
KILLS_IN_A_ROW = 6
LATEST = {
    "/run/results.h5": 60, "/run/checkpoint": 120, "/run/mesh": 6, "metrics.json": 1,
    "progress.jsonl": 20,
}
"""Up to how many writes to these files there is room on the disk."""
Row = dict[str, object]


def run() -> list[Row]:
    """The campaign: a row for each kind of fault, one for all that went wrong."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="faults") as place:
        ground = Ground(Path(place))
        with ThreadPoolExecutor(2) as both:  # the faults wait for one thing or another much
            killed, others = both.submit(kills, ground, KILLS), both.submit(_others, ground)
            tallies = [*killed.result(), *others.result()]
    rows = summary(tallies)
    for one in rows:
        one["seconds"] = round((time.perf_counter() - start) / len(rows), 1)
    return rows


def _others(ground: Ground) -> list[Tally]:
    """All but the kills; those in a chain are missing where Slurm cannot run."""
    tallies = [_met(one, ground) for one in OTHERS]
    with cluster() as folder:
        chains = [_met(one, Queue(ground, folder)) for one in CHAINS if folder is not None]
    return [*tallies, *chains]


def _met[Where](one: Callable[[Where], Tally], where: Where) -> Tally:
    """One kind of fault; what goes wrong with the campaign itself is a fault that went wrong."""
    try:
        tally = one(where)
    except Exception as error:
        tally = Tally(one.__name__, wrong=[f"{type(error).__name__}: {error}"[:500]])
    print(f"{now()} {tally}", flush=True)
    return tally


def summary(tallies: list[Tally]) -> list[Row]:
    """A row for all kills, one for all that went wrong, and one for each kind of fault."""
    rows = [row(f"faults.{tally.fault}", tally.met, tally) for tally in tallies]
    wrong = [f"{tally.fault}: {text}" for tally in tallies for text in tally.wrong]
    met = sum(tally.met for tally in tallies if tally.fault.startswith("kills-"))
    total = Tally("kills", met, wrong=wrong)
    lost = row("faults.lost", len(wrong), total) | {"unit": "runs", "reference": 0}
    lost |= {"ok": not wrong, "source": "; ".join(wrong)[:500] or "none, in all of these"}
    return [row("faults.kills", met, total) | {"reference": 100}, lost, *rows]


def row(name: str, value: int, tally: Tally) -> Row:
    """One row of `dvtwin bench`."""
    ended = f"{tally.met - tally.told} resumed to the same metrics"
    source = f"{ended}, {tally.told} stopped with a clear cause" if tally.told else ended
    return {
        "bench": "faults", "id": name, "value": value, "unit": "faults", "reference": None,
        "tolerance": None, "ok": not tally.wrong and value > 0, "source": source,
    }


def kills(ground: Ground, wanted: Mapping[str, int]) -> list[Tally]:
    """SIGKILL in every stage, some in a row, at random times and at writes and renames."""
    tallies = {stage: Tally(f"kills-{stage}") for stage in STAGES}
    number = 0
    while any(tallies[stage].met < wanted[stage] for stage in STAGES):
        number += 1
        place = ground.fresh(f"kills-{number}")
        for stage in STAGES:
            missing = min(KILLS_IN_A_ROW, wanted[stage] - tallies[stage].met)
            for _ in range(3 * missing):
                if missing == 0:
                    break
                at = ground.random.choice([ground.kill_at_write, ground.kill_at_time])
                if at(place, stage):
                    missing -= 1
                    tallies[stage].met += 1
        every = Tally("")
        ground.finish(place, every, f"run {number}")
        tallies["flow"].wrong += every.wrong
        print(f"{now()} {[tally.met for tally in tallies.values()]} {every.wrong}", flush=True)
    return list(tallies.values())


def requests(ground: Ground, times: int = 2) -> Tally:
    """SIGTERM to the stage or to the run."""
    tally = Tally("sigterm")
    for number in range(times):
        place, stage = ground.fresh(f"term-{number}"), ("flow", "clot")[number % 2]
        tally.met += ground.kill_at_time(place, stage, signal.SIGTERM)
        ground.finish(place, tally, f"{stage}, {number}")
    return tally


def lost_rank(ground: Ground, times: int = 2) -> Tally:
    """One of two ranks is killed alone: the other must not wait for it."""
    tally = Tally("rank-dies-alone")
    for number in range(times):
        place, stage = ground.fresh(f"rank-{number}"), ("flow", "clot")[number % 2]
        process = ground.start(place, "--ranks", "2", "--until", stage)
        mpirun = ground._await(process, place, stage)
        ranks: list[int] = []
        while mpirun is not None and len(ranks) < 2 and process.poll() is None:
            time.sleep(0.1)
            ranks = [one for one in children(mpirun) if "jobs" in _command(one)]
        time.sleep(ground.random.uniform(0.0, 2.0 * ground.seconds[stage]))
        if process.poll() is not None:
            said = process.communicate()[1][-300:]
            tally.wrong.append(f"{stage}, {number}: ended before the kill: {said}")
            continue
        os.kill(ranks[-1], signal.SIGKILL)
        begin = time.monotonic()
        _, err = process.communicate(timeout=120)
        tally.met += 1
        if time.monotonic() - begin > 30 or process.returncode != 6 or "Traceback" in err:
            tally.wrong.append(f"ended after {time.monotonic() - begin:.0f} s: {err[-200:]}")
        ground.finish(place, tally, f"{stage}, {number}")
    return tally


def _command(process: int) -> str:
    return Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")


def full_disk(ground: Ground, times: int = 5) -> Tally:
    """From a random write on there is no room on the disk."""
    tally = Tally("disk-full")
    files = list(LATEST)
    for number in range(times):
        place = ground.fresh(f"full-{number}")
        match = files[number % len(files)]
        env = _crash.full(ground.library, match, ground.random.randint(1, LATEST[match]))
        done = ground.run(place, env=env)
        if done.returncode:
            tally.met, tally.told = tally.met + 1, tally.told + 1
            if not told(done, "disk is full"):
                tally.wrong.append(f"{match}: {done.stderr.strip()[-300:]}")
        ground.finish(place, tally, f"{match}, {number}")
    return tally


SMALL_DISK = """
mount -t tmpfs -o size=$1k none . && cd "$PWD" && cp "$2" case.toml || exit 77
"${@:3}" 2>"$2.said"; echo $? >"$2.code"
mount -o remount,size=1g .
"${@:3}" && cp run/metrics.json "$2.metrics"
"""
"""A real file system of $1 kB, in a mount namespace of its own, and then a larger one."""


def small_disk(ground: Ground, times: int = 2) -> Tally:
    """The run's file system is really full, until it is given more room."""
    tally = Tally("file-system-full")
    whole = sum(path.stat().st_size for path in (ground.whole / "run").rglob("*")) // 1024
    for number in range(times):
        place = ground.fresh(f"small-{number}")
        case = place.with_suffix(".toml")
        shutil.copy(place / "case.toml", case)
        size = str(round(whole * ground.random.uniform(0.1, 0.8)))
        words = ["unshare", "-rm", "bash", "-c", SMALL_DISK, "-", size, str(case)]
        done = subprocess.run(
            [*words, *RUN], cwd=place, capture_output=True, text=True,
            env=environment(Resources(Path("-"))),
        )
        if done.returncode == 77 or not Path(f"{case}.code").exists():
            return tally  # no namespaces for this user
        code, said = int(Path(f"{case}.code").read_text()), Path(f"{case}.said").read_text()
        ended = subprocess.CompletedProcess(words, code, "", said)
        tally.met, tally.told = tally.met + 1, tally.told + 1
        if not told(ended, "disk is full", "MB are free"):
            tally.wrong.append(f"{size} kB: {code}: {said.strip()[-300:]}")
        if done.returncode:
            tally.wrong.append(f"{size} kB: did not end: {done.stderr.strip()[-300:]}")
            continue
        shutil.move(f"{case}.metrics", place / "metrics.json")  # out of what is gone now
        if apart := differences(values(place), ground.reference):
            tally.wrong.append(f"{size} kB: {apart}")
    return tally


def read_only(ground: Ground) -> Tally:
    """The folder of the run may not be written by who runs it."""
    tally = Tally("read-only")
    place = ground.copy(ground.whole, "read-only")
    (place / "case.toml").write_text(
        (place / "case.toml").read_text().replace("60 mL/min", "61 mL/min")
    )
    os.chmod(place.parent, 0o755)
    for path in [place, *place.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    as_nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    done = subprocess.run(
        [*(as_nobody if os.geteuid() == 0 else []), *RUN], cwd=place, capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    tally.met = tally.told = 1
    if not told(done, "permission denied", "read-only"):
        tally.wrong.append(done.stderr.strip()[-300:])
    return tally


def damage(
    ground: Ground, name: str, until: str, times: int = 2, *, midst: bool = False
) -> Tally:
    """A bit flipped in, or a part cut off, a file of a run that is not done: after the stage
    ``until``, or in its ``midst``.
    """
    tally = Tally(f"damaged-{Path(name).stem}")
    begun = ground.fresh(f"begun-{Path(name).stem}")
    while midst and not (begun / "run" / name).exists():
        ground.kill_at_time(begun, until)
    if not midst:
        ground.run(begun, "--until", until)
    for number in range(times):
        place = ground.copy(begun, f"damaged-{Path(name).stem}-{number}")
        path = place / "run" / name
        (cut if number % 3 == 2 else flip)(path, ground.random)
        tally.met += 1
        done = ground.run(place)
        if done.returncode:
            tally.told += 1
            if not told(done, "damaged", "delete it"):
                tally.wrong.append(f"{number}: {done.stderr.strip()[-300:]}")
            path.unlink()
        ground.finish(place, tally, f"{number}")
    return tally


def two_at_once(ground: Ground, times: int = 1) -> Tally:
    """Two runs of one folder."""
    tally = Tally("two-runs-at-once")
    for number in range(times):
        place = ground.fresh(f"two-{number}")
        both = [ground.start(place), ground.start(place)]
        ends = [process.communicate(timeout=300)[1] for process in both]
        tally.met += 1
        codes = sorted(process.returncode for process in both)
        if codes != [0, 6] or not any("another run writes" in end for end in ends):
            tally.wrong.append(f"exit codes {codes}: {ends}")
        ground.finish(place, tally, str(number))
    return tally


def backwards(ground: Ground) -> Tally:
    """The date runs backwards all the while, and a checkpoint is made in the midst."""
    tally, place = Tally("clock-backwards", met=1), ground.fresh("backwards")
    done = ground.run(place, env=_crash.clock(ground.library))
    if done.returncode:
        tally.wrong.append(done.stderr.strip()[-300:])
    ground.finish(place, tally, "backwards")
    return tally


OTHERS: tuple[Callable[[Ground], Tally], ...] = (
    requests, lost_rank, full_disk, small_disk, read_only,
    lambda ground: damage(ground, "mesh.h5", "mesh"),
    lambda ground: damage(ground, "results.h5", "flow"),
    lambda ground: damage(ground, "checkpoint/flow.h5", "flow", midst=True),
    lambda ground: damage(ground, "checkpoint/periodic.h5", "flow"),
    lambda ground: damage(ground, "checkpoint/clot.h5", "clot", midst=True),
    two_at_once, backwards,
)


def write_table(rows: list[Row], page: Path = ROOT / "docs" / "reliability.md") -> None:
    """Put the rows into the page, between its marks."""
    before, _, rest = page.read_text().partition("<!-- table -->\n")
    after = rest.partition("<!-- end -->\n")[2]
    lines = [f"| {r['id']} | {r['value']} | {r['source']} |\n" for r in rows]
    head = f"Made {now()[:10]} at commit {commit()}.\n\n| fault | number | what became of it |\n"
    table = f"{head}|---|---:|---|\n{''.join(lines)}"
    page.write_text(f"{before}<!-- table -->\n{table}<!-- end -->\n{after}")
    print(table)


if __name__ == "__main__":
    write_table(run())
