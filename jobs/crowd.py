"""Many runs on this machine, so many at a time, each in its own process; failures tried twice."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from core.errors import TryAgain
from jobs.executors import Resources
from jobs.executors.here import environment
from jobs.folder import Folder
from jobs.pipeline import AGAIN, Plan, open_books, own
from jobs.reuse import adopt, is_done, wanted

Say = Callable[[str], None]
PAUSE = 0.2
"""Seconds between two looks at the processes."""


class Process(Protocol):
    """What computes a run."""

    def poll(self) -> int | None:
        """Its exit code, None while it is at work."""

    def wait(self) -> int:
        """Its exit code, when it has ended."""


Start = Callable[[Plan], Process]


def start(plan: Plan) -> "subprocess.Popen[bytes]":
    """A process that computes ``plan``, whose books are open, as `dvtwin resume` would."""
    log = plan.folder.log("run")
    with log.open("ab") as file:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "jobs", "resume", str(plan.folder.path.resolve())],
            stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            env=environment(Resources(log)),
        )


def together(
    plans: Sequence[Plan], at_once: int, say: Say, *, donors: Sequence[Folder] = (),
    begin: Start = start, done: Callable[[Plan], bool] = is_done,
) -> list[Plan]:
    """Run what is stale of ``plans``, ``at_once`` at a time; gives those that failed twice.

    Runs that share a mesh or a flow with another, or with one of ``donors``, take it over. What
    they say goes to `logs/run.log` of each. Raises `TryAgain` where it is interrupted.
    """
    waiting = [plan for plan in plans if not done(plan)]
    for plan in waiting:
        own(plan)
    say(f"  {len(waiting)} of {len(plans)} runs to compute, {at_once} at a time")
    first, rest = _pioneers(waiting)
    failed = _wave(first, at_once, donors, begin, done, say)
    known = [*donors, *(plan.folder for plan in first)]
    failed += _wave(rest, at_once, known, begin, done, say)
    if failed:
        say(f"  {len(failed)} failed and are tried once more")
        failed = _wave(failed, at_once, known, begin, done, say)
    return failed


def _pioneers(plans: Sequence[Plan]) -> tuple[list[Plan], list[Plan]]:
    """The first plan with each mesh, and the others, which can take it over."""
    seen: set[str] = set()
    first: list[Plan] = []
    rest: list[Plan] = []
    for plan in plans:
        key = wanted(plan)["mesh"]
        (rest if key in seen else first).append(plan)
        seen.add(key)
    return first, rest


def _wave(
    plans: Sequence[Plan], at_once: int, donors: Sequence[Folder], begin: Start,
    done: Callable[[Plan], bool], say: Say,
) -> list[Plan]:
    """Run ``plans``; those that did not come to their end."""
    todo, live, failed = list(plans), dict[Process, Plan](), list[Plan]()
    ended = 0
    try:
        while todo or live:
            while todo and len(live) < at_once:
                plan = todo.pop(0)
                adopt(plan, donors)
                open_books(plan, state="queued", executor="here", process="")
                live[begin(plan)] = plan
            for process in [one for one in live if one.poll() is not None]:
                plan = live.pop(process)
                ended += 1
                if ended % max(1, len(plans) // 10) == 0 and ended < len(plans):
                    say(f"  {ended} of {len(plans)}")
                if not done(plan):
                    failed.append(plan)
                    reason = plan.folder.status().get("reason", "") or "it ended without a word"
                    say(f"  {plan.folder.path.name}: {reason}")
            time.sleep(PAUSE if live else 0.0)
    except KeyboardInterrupt:  # the processes have got it too, and stop after a checkpoint
        for process in live:
            process.wait()
        raise TryAgain("stopped on request", do=AGAIN) from None
    if plans:
        say(f"  {ended - len(failed)} of {len(plans)} done")
    return failed

