"""Sends runs to Slurm: one run as a chain of jobs, many runs as one array. Sending twice is
harmless: what is done is left out, what is in the queue is not sent again.
"""

import getpass
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from core.errors import JobError
from core.record import digest, digest_code
from jobs import audit, estimate
from jobs.case import dump
from jobs.executors import GATHER, ledger
from jobs.executors.batch import MEMBERS
from jobs.executors.ledger import ALL, Ledger, Sent
from jobs.executors.script import Batch, Need, arguments, render
from jobs.executors.site import Site, expand
from jobs.executors.slurm import JobState, Slurm, known
from jobs.folder import Folder, write_text
from jobs.pipeline import Plan, open_books, own
from jobs.stages import Stage, chain, digest_inputs, keys

Say = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """What is asked of Slurm besides the case: the site, and what overrides the estimates."""

    site_name: str
    site: Site
    seconds: float | None = None
    memory: float | None = None
    cells: int | None = None

    @property
    def slurm(self) -> Slurm:
        """The site's Slurm."""
        return Slurm(expand(self.site.conf) if self.site.conf else "", self.site.client)


@dataclass(frozen=True)
class Step:
    """A stage of a run to be sent: as "done", "queued" (with its job) or "send"."""

    stage: Stage
    key: str
    state: str
    job: str = ""


def submit(plan: Plan, order: Order, say: Say, stages: Sequence[Stage] = ()) -> list[str]:
    """Send ``plan`` as a chain of jobs; gives the numbers of those that were sent."""
    own(plan)
    folder, sent = plan.folder, []
    with folder.locked():
        before, states = _before(folder, order)
        steps = _steps(plan, before, states, stages)
        if all(step.state != "send" for step in steps):
            _tell(steps, say)
            return []
        if any(step.state == "queued" for step in steps):  # its books are open already
            write_text(folder.case, dump(plan.case))
        else:
            open_books(plan, state="queued", executor="slurm", job="", process="")
        live = {  # what ended before says nothing of the run as it goes on
            stage: one for stage, one in before.jobs.items()
            if (state := known(states, one.id, one.name)) and state.live
        }
        book = replace(_book(plan, order), jobs=live)
        after: tuple[str, ...] = ()
        for step, batch in zip(steps, _batches(plan, order, steps), strict=True):
            if step.state == "send":
                _write(batch, order.site, after)
                job = order.slurm.submit(arguments(batch, order.site, after))
                book = book.with_job(step.stage.name, Sent(job, batch.name, step.key))
                book.save(folder)
                sent.append(job)
                need = batch.need
                say(f"  {step.stage.name:<8} job {job}: {need.ranks} rank(s), "
                    f"{need.memory / 1e9:.1f} GB each, {need.seconds / 60:.0f} min at most")
            else:
                job = step.job
                _tell([step], say)
            after = (job,) if job else ()
        audit.note(folder.audit, "submit", jobs=sent, site=order.site_name)
    return sent


def preview(plan: Plan, order: Order, stages: Sequence[Stage] = ()) -> Iterator[str]:
    """The scripts of `submit`, each with its sbatch line; nothing is written or sent.

    A job that is not sent yet stands as <STAGE> in a dependency.
    """
    after: tuple[str, ...] = ()
    steps = _steps(plan, Ledger(), {}, stages)
    for step, batch in zip(steps, _batches(plan, order, steps), strict=True):
        if step.state == "done":
            yield f"# {step.stage.name}: up to date, nothing to send\n"
            continue
        yield f"# ----- {batch.script}\n{render(batch, order.site, after)}"
        after = (f"<{step.stage.name}>",)


def submit_many(plans: Sequence[Plan], order: Order, home: Path, say: Say) -> tuple[str, str]:
    """Send ``plans`` as one array, a task each, and a job that gathers their metrics after all.

    The list, the script and the table are in ``home``. Gives the numbers of both jobs; empty
    where every run is done or in the queue.
    """
    _distinct(plans)
    home.mkdir(parents=True, exist_ok=True)
    (home / ".lock").touch()
    with Folder(home).locked():
        states, waiting = order.slurm.queue(), []
        for plan in plans:
            own(plan)
            with plan.folder.locked():
                if not _settled(plan, states):
                    waiting.append(plan)
        say(f"  {len(waiting)} of {len(plans)} runs to send")
        if not waiting:
            return "", ""
        write_text(home / MEMBERS, _list(plans))
        return _send_array(waiting, order, home)


def array_preview(plans: Sequence[Plan], order: Order, home: Path) -> str:
    """The script of `submit_many` with its sbatch line; nothing is written or sent."""
    _distinct(plans)
    return render(_array(plans, order, home), order.site)


def _list(plans: Sequence[Plan]) -> str:
    return "".join(f"{plan.folder.path.resolve()}\n" for plan in plans)


def _before(folder: Folder, order: Order) -> tuple[Ledger, Mapping[str, JobState]]:
    """What was sent for a run before, and what Slurm has. Jobs that a crash kept out of the
    ledger are found by their names.
    """
    book, states = ledger.load(folder) or Ledger(), order.slurm.queue()
    if book.jobs and book.slurm != order.slurm:
        there = book.slurm.queue()
        for sent in book.jobs.values():
            if (state := known(there, sent.id, sent.name)) and state.live:
                raise JobError(
                    f"this run is in the queue of another cluster ({book.site})",
                    where=str(folder.path), do=f"dvtwin cancel {folder.path}",
                )
    prefix = ledger.name_of(folder, "")
    for job, state in states.items():
        if state.live and state.name.startswith(prefix):
            stage = state.name.removeprefix(prefix)
            if stage not in book.jobs:
                book = book.with_job(stage, Sent(job, state.name, ""))
            elif book.jobs[stage].id != job:
                book = book.with_job(stage, replace(book.jobs[stage], id=job))
    return book, states


def _steps(
    plan: Plan, book: Ledger, states: Mapping[str, JobState], stages: Sequence[Stage]
) -> list[Step]:
    """What has to happen with each stage. Raises `JobError` where another case is queued."""
    planned = chain(plan.case, plan.until, stages)
    wanted = keys(plan.case, digest_inputs(plan.case, plan.base), planned)
    found: list[Step] = []
    for stage in planned:
        key, sent = wanted[stage.name], book.jobs.get(stage.name) or book.jobs.get(ALL)
        state = known(states, sent.id, sent.name) if sent else None
        if sent and state and state.live:
            if sent.key not in ("", key):
                raise JobError(
                    f"the {stage.name} stage of another version of this case is in the queue "
                    f"(job {sent.id})", where=str(plan.folder.path),
                    do=f"end it first: dvtwin cancel {plan.folder.path}",
                )
            found.append(Step(stage, key, "queued", sent.id))
        elif all(one.state == "done" for one in found) and stage.stored(plan.folder) == key:
            found.append(Step(stage, key, "done"))
        else:
            found.append(Step(stage, key, "send"))
    return found


def _batches(plan: Plan, order: Order, steps: Sequence[Step]) -> list[Batch]:
    whole = plan.folder.path.resolve()
    needs = _needs(plan, order, [step.stage for step in steps])
    return [
        Batch(
            ledger.name_of(plan.folder, step.stage.name), (step.stage.name,),
            (step.stage.name,) if step.stage.parallel else (),
            needs[step.stage.name], whole, whole / "slurm",
        )
        for step in steps
    ]


def _needs(plan: Plan, order: Order, stages: Sequence[Stage]) -> dict[str, Need]:
    """What each stage asks for: the estimate, unless the order says otherwise; after a run that
    was killed for its memory, no less than it had asked for in the end.
    """
    cells = order.cells or estimate.cells_of(plan.folder) or estimate.ASSUMED_CELLS
    told = plan.folder.status().get("stages", {})
    return {
        name: Need(
            one.ranks,
            order.memory or max(one.need.memory, 2.0**20 * told.get(name, {}).get("memory", 0)),
            order.seconds or one.need.seconds,
        )
        for name, one in estimate.estimates(plan.case, stages, cells, plan.ranks).items()
    }


def _book(plan: Plan, order: Order) -> Ledger:
    slurm = order.slurm
    return Ledger(order.site_name, slurm.conf, slurm.client, plan.ranks, plan.until)


def _write(batch: Batch, site: Site, after: Sequence[str] = ()) -> None:
    text = render(batch, site, after)
    batch.folder.mkdir(parents=True, exist_ok=True)
    write_text(batch.script, text)


def _tell(steps: Sequence[Step], say: Say) -> None:
    for step in steps:
        text = "up to date" if step.state == "done" else f"in the queue already, job {step.job}"
        say(f"  {step.stage.name:<8} {text}")


# ------------------------------------------------------------------ arrays


def _distinct(plans: Sequence[Plan]) -> None:
    folders: dict[Path, Path] = {}
    for plan in plans:
        other = folders.setdefault(plan.folder.path.resolve(), plan.source)
        if other is not plan.source:
            raise JobError(
                f"{other.name} and {plan.source.name} would share a run folder",
                where=str(plan.folder.path), do="give each case a folder of its own",
            )


_code = cache(digest_code)


def _settled(plan: Plan, states: Mapping[str, JobState]) -> bool:
    """Whether a run is done or in the queue."""
    book = ledger.load(plan.folder)
    if book and any(
        (state := known(states, sent.id, sent.name)) and state.live for sent in book.jobs.values()
    ):
        return True
    planned = chain(plan.case, plan.until)
    if planned[0].stored(plan.folder) is None:
        return False
    wanted = keys(plan.case, digest_inputs(plan.case, plan.base), planned, _code)
    return all(stage.stored(plan.folder) == wanted[stage.name] for stage in planned)


def _array(plans: Sequence[Plan], order: Order, home: Path) -> Batch:
    """One job for each of ``plans``: all stages in a row, with what the hungriest needs."""
    stages = {stage.name: stage for plan in plans for stage in chain(plan.case, plan.until)}
    names = [stage.name for stage in _in_order(plans) if stage.name in stages]
    needs = [list(_needs(plan, order, chain(plan.case, plan.until)).values()) for plan in plans]
    need = Need(
        max(plan.ranks for plan in plans), max(one.memory for each in needs for one in each),
        order.seconds or max(sum(one.seconds for one in each) for each in needs),
    )
    whole = home.resolve()
    # a list of its own: the tasks of an array that is still at work read theirs
    members = whole / f"array-{digest(_list(plans))[:12]}.txt"
    return Batch(
        ledger.name_of(Folder(whole), ALL), tuple(names),
        tuple(name for name in names if stages[name].parallel), need, whole, whole,
        members, len(plans),
    )


def _in_order(plans: Sequence[Plan]) -> list[Stage]:
    """Every stage that one of ``plans`` has, in the order of the chain."""
    return max((chain(plan.case, plan.until) for plan in plans), key=len)


def _send_array(waiting: Sequence[Plan], order: Order, home: Path) -> tuple[str, str]:
    batch = _array(waiting, order, home)
    assert batch.members is not None
    write_text(batch.members, _list(waiting))
    for plan in waiting:
        open_books(plan, state="queued", executor="slurm", job="", process="")
    _write(batch, order.site)
    job = order.slurm.submit(arguments(batch, order.site))
    for number, plan in enumerate(waiting):
        sent = Sent(f"{job}_{number}", batch.name, "")
        _book(plan, order).with_job(ALL, sent).save(plan.folder)
    return job, _send_gather(batch, order, job)


def _send_gather(array: Batch, order: Order, job: str) -> str:
    """The job that makes one table of all runs when the last of the array has ended."""
    need = Need(1, estimate.LEAST_MEMORY, 600.0)
    batch = Batch(f"{array.name}-{GATHER}", (GATHER,), (), need, array.folder, array.folder)
    _write(batch, order.site)
    dependency = [f"--dependency=afterany:{job}"]
    return order.slurm.submit([*dependency, *arguments(batch, order.site)])


def cancel(folder: Folder) -> list[str]:
    """Ask all jobs of a run to end, the last stage first; gives their numbers."""
    book = ledger.load(folder)
    if book is None:
        return []
    states = book.slurm.queue()
    live = [
        sent.id for sent in reversed(list(book.jobs.values()))
        if (state := known(states, sent.id, sent.name)) and state.live
    ]
    if live:
        replace(book, cancelled=getpass.getuser()).save(folder)
        book.slurm.cancel(live)
        audit.note(folder.audit, "cancel", jobs=live)
    return live


__all__ = ["Order", "array_preview", "cancel", "preview", "submit", "submit_many"]
