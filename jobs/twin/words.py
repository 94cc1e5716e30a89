"""How numbers of a twin are written for people."""

from collections.abc import Mapping
from typing import Any

from core.units import from_si


def amount(row: Mapping[str, Any], span: Mapping[str, float]) -> str:
    """The median and interval of ``span`` [SI], as in "53 (41 to 68) mL/min".

    ``row`` has the units; without an interval only the median is written.
    """
    known = [span[name] for name in ("median", "low", "high") if name in span]
    values = [from_si(value, row["unit"], row["shown"]) for value in known]
    texts = [f"{value:.3g}" if abs(value) < 1e3 else f"{value:.0f}" for value in values]
    unit = "" if row["shown"] == "1" else f" {row['shown']}"
    if len(texts) == 1:
        return texts[0] + unit
    return f"{texts[0]} ({texts[1]} to {texts[2]}){unit}"


def verdict(row: Mapping[str, Any]) -> str:
    """The probability of a quantity beyond the limit that studies use, as in "92% beyond 2.5"."""
    beyond = row.get("beyond")
    if not beyond:
        return ""
    limit = amount(row, {"median": beyond["limit"]})
    return f"{beyond['probability']:.0%} beyond {limit}"
