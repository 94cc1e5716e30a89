"""Values against the limits that studies have used: high, low, borderline or within."""

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from core.units import to_si

FILE = Path(__file__).with_name("thresholds.toml")
NO_RANGE = "no accepted range"

HIGH, LOW, BORDERLINE, WITHIN = "high", "low", "borderline", "within"
NONE, NOT_ASSESSABLE, NOT_RESOLVED = "n/a", "not assessable", "not resolved"


@dataclass(frozen=True)
class Threshold:
    """A limit in SI, the side on which it flags, and where it comes from."""

    limit: float
    direction: str
    inclusive: bool
    text: str
    meaning: str
    population: str
    source: str
    strength: str

    def exceeds(self, value: float) -> bool:
        """Whether ``value`` is on the flagged side; the limit itself counts if ``inclusive``."""
        if value == self.limit:
            return self.inclusive
        return value > self.limit if self.direction == HIGH else value < self.limit


@dataclass(frozen=True)
class Verdict:
    """A flag, the reference to print beside the value, and the key of its source."""

    flag: str
    reference: str
    source: str


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def thresholds() -> dict[str, Threshold]:
    """The limits by the name of their metric."""
    return {name: _threshold(entry) for name, entry in _table()["limit"].items()}


def _threshold(entry: dict[str, Any]) -> Threshold:
    words = {k: entry[k] for k in ("text", "meaning", "population", "source", "strength")}
    if entry["direction"] not in (HIGH, LOW):
        raise ValueError(f"direction must be {HIGH!r} or {LOW!r}, not {entry['direction']!r}")
    return Threshold(
        to_si(entry["value"], entry["unit"]), entry["direction"], bool(entry["inclusive"]), **words
    )


def sources() -> dict[str, str]:
    """The literature behind limits and metrics, by key."""
    return dict(_table()["source"])


def judge(
    name: str, value: float, interval: tuple[float, float] | None = None, *, segment: str = ""
) -> Verdict:
    """What ``value`` [SI] of the metric ``name`` is against its limit.

    Borderline means that an interval was computed and holds both sides of the limit: without an
    interval, or with one that could not be computed, nothing is borderline.
    """
    if not math.isfinite(value):
        return Verdict(NOT_ASSESSABLE, NO_RANGE, "")
    known = thresholds().get(name)
    if known is None:
        return Verdict(NONE, *_median(name, segment))
    if interval is not None and not all(map(math.isfinite, interval)):
        interval = None
    if interval is not None and known.exceeds(interval[0]) != known.exceeds(interval[1]):
        return Verdict(BORDERLINE, known.text, known.source)
    flag = known.direction if known.exceeds(value) else WITHIN
    return Verdict(flag, known.text, known.source)


def median_area(segment: str) -> float | None:
    """The published median lumen area [m²] of ``segment`` ("LCIV"); None where there is none."""
    entry = _table()["median"]["minimum_area"]
    known = segment != "source" and segment != "unit" and segment in entry
    return to_si(entry[segment], entry["unit"]) if known else None


def _median(name: str, segment: str) -> tuple[str, str]:
    entry = _table()["median"].get(name, {})
    if not segment or segment not in entry:
        return NO_RANGE, ""
    value = str(entry[segment]).replace("mm^2", "mm²")
    return f"median {value} ({segment})", str(entry["source"])
