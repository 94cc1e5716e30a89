"""Options in the order of one metric, with reasons: how sure, what would change it, who decides.

Never a score of its own, never a dose: an order of one number, whose limit studies have used.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import CaseError
from postprocess.ensemble import beyond, withheld
from postprocess.findings import Findings, Row, shown
from postprocess.gates import CLOT, WARN
from postprocess.thresholds import HIGH, thresholds

LESS_CLOT = frozenset({"clot_volume_0.5", "max_occlusion"})
"""Metrics without a limit of which less is better."""
SURE = 0.95
"""Share of the pairs that have to agree before one option is said to be ahead of another."""
MESH = 0.05
"""Relative difference below which one mesh does not tell two options apart."""
WHO = (
    "Who decides: the treating clinician with the patient. The model knows no bleeding, no "
    "patency over years and no comfort; it advises no treatment, drug or dose."
)
SINGLE = "How sure the order is: not known, each option was computed once."


@dataclass(frozen=True)
class Option:
    """One option: what readers call it, its own run, and its ensemble, if there is one."""

    title: str
    found: Findings
    ensemble: Mapping[str, Any] | None = None

    @property
    def sound(self) -> bool:
        """Whether its ensemble may speak."""
        return self.ensemble is not None and not withheld(self.ensemble)


def sign(metric: str) -> int:
    """1 where less of ``metric`` is better, −1 where more is. Raises `CaseError` for neither."""
    if metric in LESS_CLOT:
        return 1
    known = thresholds().get(metric)
    if known is None:
        raise CaseError(
            f"nothing says whether more or less of {metric!r} is better", where="--by",
            do=f"decide by {', '.join([*thresholds(), *sorted(LESS_CLOT)])}",
        )
    return 1 if known.direction == HIGH else -1


def order(options: Mapping[str, Option], metric: str) -> list[str]:
    """The options that have ``metric``, best first, by the median of their members, else by their
    own run. Raises `CaseError`.
    """
    best = sign(metric)
    levels = {name: _level(one, metric) for name, one in options.items()}
    there = {name: level for name, level in levels.items() if level is not None}
    return sorted(there, key=lambda name: best * there[name])


def _level(option: Option, metric: str) -> float | None:
    row = _row(option, metric)
    if row is None:
        return None
    if option.sound and option.ensemble and metric in option.ensemble["intervals"]:
        return float(option.ensemble["intervals"][metric]["median"])
    return row.value


def _row(option: Option, metric: str) -> Row | None:
    row = None if option.found.failed else option.found.row(metric)
    return row if row is not None and row.is_shown else None


def lines(
    options: Mapping[str, Option], metric: str, duels: Sequence[Mapping[str, Any]]
) -> list[str]:
    """The order in words, best first, each step with its reasons; then what stays unsaid."""
    names = order(options, metric)
    said = [] if names else ["No option has the metric that decides."]
    against = {(duel["ahead"], duel["behind"]): duel for duel in duels}
    for number, name in enumerate(names, 1):
        said.append(f"{number}. {_standing(options[name], metric)}")
        if number < len(names):
            step = _step(options, name, names[number], metric, against)
            said[-1] += f" {step}"
    if len(names) > 1:
        said += _others(options, names, metric)
        if not any(option.sound for option in options.values()):
            said.append(SINGLE)
    return [*said, *_unsaid(options), WHO]


def _standing(option: Option, metric: str) -> str:
    row = _row(option, metric)
    assert row is not None
    text = f"{option.title}: {row.label[:1].lower() + row.label[1:]} {row.text}"
    if not (option.sound and option.ensemble):
        return f"{text}."
    known = option.ensemble["intervals"].get(metric)
    if known:
        text += f" (95 % of {known['count']} members: {_span(row, known)})"
    counted = beyond(metric, option.ensemble["values"].get(metric, []))
    if counted:
        text += f"; {counted[0]} of {counted[1]} past the limit ({thresholds()[metric].text})"
    return f"{text}."


def _span(row: Row, known: Mapping[str, float]) -> str:
    unit = _unit(row)
    low, high = (shown(known[end], row.unit, unit)[0] for end in ("low", "high"))
    return f"{low} to {high} {row.shown_unit}".strip()


def _unit(row: Row) -> str:
    return row.shown_unit.replace("²", "^2").replace("³", "^3") or "1"


def _step(
    options: Mapping[str, Option], name: str, behind: str, metric: str,
    against: Mapping[tuple[str, str], Mapping[str, Any]],
) -> str:
    """How sure ``name`` is ahead of the next, and what would change that."""
    first, second = _level(options[name], metric), _level(options[behind], metric)
    assert first is not None
    assert second is not None
    after = options[behind].title
    if abs(second - first) <= MESH * max(abs(first), abs(second)):
        return (
            f"Not told apart from {after}: they differ by less than {100 * MESH:.0f} %, which one "
            "mesh cannot tell."
        )
    duel = against.get((name, behind))
    if duel is None or not (options[name].sound and options[behind].sound):
        return ""
    agree = duel["lower"] if sign(metric) > 0 else duel["count"] - duel["lower"]
    row = _row(options[name], metric)
    assert row is not None
    sure = agree >= SURE * duel["count"]
    text = "Ahead of" if sure else "Not told apart from"
    text = f"{text} {after}: better in {agree} of {duel['count']} pairs of members"
    text += f", difference {_span(row, duel['difference'])}."
    driver = duel["driver"]
    if driver:
        way = "low" if driver["rises"] == (sign(metric) > 0) else "high"
        text += (
            f" What would change it: {driver['meaning'] or driver['path']} "
            f"({driver['path']}), {100 * driver['share']:.0f} % of the difference's ranks; the "
            f"lead is least where it is {way}."
        )
    return text


def _others(options: Mapping[str, Option], names: Sequence[str], metric: str) -> list[str]:
    """Metrics by which the first two stand the other way round."""
    first, second = options[names[0]], options[names[1]]
    turned = []
    for other in (*thresholds(), *sorted(LESS_CLOT)):
        one, two = _level(first, other), _level(second, other)
        row = _row(first, other)
        if other == metric or one is None or two is None or row is None:
            continue
        if sign(other) * (two - one) < -MESH * max(abs(one), abs(two)):
            turned.append(row.label[:1].lower() + row.label[1:])
    if not turned:
        return []
    return [f"By {', '.join(turned)}, {second.title} is ahead of {first.title}."]


def _unsaid(options: Mapping[str, Option]) -> list[str]:
    """What a gate forbids to say, and of which option."""
    said = []
    for option in options.values():
        said += [
            f"No statement on {option.title}: {gate.label}: {gate.text}."
            for gate in option.found.failed
        ]
        if option.ensemble is not None and (reason := withheld(option.ensemble)):
            said.append(f"{option.title}: {reason[:1].lower() + reason[1:]}.")
        said += [
            f"No statement on the clot of {option.title}: {gate.text}."
            for gate in option.found.gates if gate.name == CLOT and gate.state == WARN
        ]
    return said
