"""An ensemble carried out: the runs of its members, of the case and of its scenarios.

    ensemble/design.csv          the values, a row a member
    ensemble/OPTION/0001/ …      runs up to their measurements; OPTION is "base" or a scenario
    ensemble/OPTION.json         what they say (`postprocess.ensemble`)
    ensemble/cheap/, cheap-more/ the cheap version, where the case asks for one

Members of all options share their values: number 7 is the same patient under every treatment.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.errors import CaseError, GateFailed, JobError
from jobs.case import Case
from jobs.crowd import Say, Start, start, together
from jobs.ensemble import gather
from jobs.ensemble.design import Design, design
from jobs.ensemble.gather import Member
from jobs.fields import changed
from jobs.folder import Folder, write_json
from jobs.pipeline import Plan
from jobs.reuse import adopt, is_done, wanted
from jobs.scenarios import BASE
from jobs.scenarios.derive import check, plan_of
from postprocess import findings
from postprocess.findings import plain

CHEAP, MORE = "cheap", "cheap-more"
UNTIL = "measure"
"""The last stage of a member: a report is made of all of them together."""
Send = Callable[[Sequence[Plan], Path], bool]
"""Sends plans to a queue; whether there was something to send."""


@dataclass(frozen=True)
class Crew:
    """How runs are carried out: here, so many ``at_once``, or by ``send``; or not at all, where
    only what there is shall be gathered.
    """

    at_once: int
    say: Say
    begin: Start = start
    done: Callable[[Plan], bool] = is_done
    send: Send | None = None
    compute: bool = True
    sent: list[str] = field(default_factory=list)
    """Options that are in the queue now."""

    def carry_out(self, plans: Sequence[Plan], home: Path, donors: Sequence[Folder] = ()) -> bool:
        """Compute ``plans``; False where they went to a queue. Failures are told by `gather`."""
        if not self.compute or all(map(self.done, plans)):
            return True
        if self.send is not None:
            for plan in plans:
                adopt(plan, donors)
            self.send(plans, home)
            self.sent.append(home.name)
            return False
        together(
            plans, self.at_once, self.say, donors=donors, begin=self.begin, done=self.done
        )
        return True


def bare(case: Case) -> Case:
    """``case`` without ensemble and scenarios: what a single run of it is."""
    return case.model_copy(update={"ensemble": None, "scenario": {}})


def plans(base: Plan, option: str, chosen: Design, home: Path) -> list[Plan]:
    """The runs of ``option``: "base", or a scenario derived from each member of the base."""
    found = []
    for number in range(len(chosen.values)):
        case = chosen.member(base.case, number)
        member = replace(
            base, case=case, folder=Folder(home / BASE / f"{number + 1:04d}"), until=UNTIL
        )
        if option == BASE:
            found.append(replace(member, case=bare(case)))
        else:
            found.append(plan_of(option, member, home / option / member.folder.path.name))
    return found


def nominal(base: Plan, crew: Crew, home: Path) -> bool:
    """The run of the case itself, up to its measurements; False where it went to a queue.

    Raises `JobError` where it fails, `GateFailed` where its numbers may not be shown: those of
    its members might not either.
    """
    plan = replace(base, until=UNTIL)
    if crew.done(plan):
        return _sound(base.folder)
    crew.say(f"{base.case.title}  →  {base.folder.path}/")
    if not crew.carry_out([plan], home / "nominal"):
        return False
    if not crew.done(plan):
        raise JobError(
            f"the case itself is not computed: {base.folder.status().get('reason', '')}",
            where=str(base.folder.path), do="see its logs; then run the same command again",
        )
    return _sound(base.folder)


def _sound(folder: Folder) -> bool:
    for gate in findings.load(folder.metrics).failed:
        raise GateFailed(
            f"the case itself has no result: {gate.label}: {gate.text}", where=str(folder.path),
            do="mend that first: its members and scenarios would be refused too",
        )
    return True


def carry_out(base: Plan, options: Sequence[str], home: Path, crew: Crew) -> dict[str, Any]:
    """Compute all members of ``options`` and gather them: what `ensemble/OPTION.json` holds.

    Options that went to a queue are left out.
    """
    chosen = design(base.case, base.base)
    check(base, [option for option in options if option != BASE])
    ready = nominal(base, crew, home)
    home.mkdir(parents=True, exist_ok=True)
    chosen.save(home / "design.csv")
    found: dict[str, Any] = {}
    for option in options:
        crew.say(f"{option}: {len(chosen.values)} members  →  {home / option}/")
        runs = plans(base, option, chosen, home)
        if not crew.carry_out(runs, home / option, [base.folder]) or not ready:
            break  # scenarios are derived from runs that have been measured
        members = gather.members(runs)
        found[option] = gather.summary(members, chosen, _key(base, option, runs))
        if option == BASE and base.case.ensemble and base.case.ensemble.cheap:
            found[option] = _controlled(base, chosen, members, found[option], home, crew)
        write_json(home / f"{option}.json", plain(found[option]))
    return found


def _key(base: Plan, option: str, runs: Sequence[Plan]) -> str:
    """The key of the nominal run's measurements; of a scenario, of its first member's."""
    return wanted(base if option == BASE else runs[0])["measure"]


def _controlled(
    base: Plan, chosen: Design, dear: Sequence[Member], summary: Mapping[str, Any], home: Path,
    crew: Crew,
) -> dict[str, Any]:
    """``summary`` with the cheap version as control variate."""
    assert base.case.ensemble is not None
    assert base.case.ensemble.cheap is not None
    cheap = base.case.ensemble.cheap
    cheaper = replace(base, case=changed(base.case, cheap.set, "ensemble.cheap.set"))
    more = design(base.case, base.base, more=cheap.members)
    sets = []
    for name, values in ((CHEAP, chosen), (MORE, more)):
        crew.say(f"{name}: {len(values.values)} members  →  {home / name}/")
        runs = [
            replace(plan, folder=Folder(home / name / plan.folder.path.name))
            for plan in plans(cheaper, BASE, values, home)
        ]
        if not crew.carry_out(runs, home / name):
            return dict(summary)
        sets.append(gather.members(runs))
    return gather.with_control(summary, gather.controlled(dear, *sets))


def load(home: Path, base: Plan, options: Sequence[str]) -> dict[str, list[Member]]:
    """The members of ``options`` as they stand. Raises `CaseError` without any."""
    if base.case.ensemble is None or not (home / BASE).is_dir():
        raise CaseError(
            "there is no ensemble of this case", where=str(home),
            do="compute one: dvtwin ensemble CASE.toml --all",
        )
    chosen = design(base.case, base.base)
    return {
        option: gather.members(plans(base, option, chosen, home))
        for option in options if (home / option).is_dir()
    }
