"""The list of metrics: what `dvtwin metrics` prints and docs/metrics.md holds."""

from collections.abc import Iterator

from postprocess.metrics import Metric, metrics
from postprocess.reporting.tables import GROUPS
from postprocess.thresholds import NO_RANGE, sources, thresholds

HEAD = """# Metrics

Written by `dvtwin metrics --markdown > docs/metrics.md`; a test holds it to the code. Every
metric is a function of arrays in `postprocess/metrics/`; a limit is one that studies have used,
not a proof of disease. Where a label holds `{part}`, there is a number for each branch or opening.
"""


def by_group() -> Iterator[tuple[str, list[Metric]]]:
    """Groups in the order of the report, with their metrics."""
    for group in GROUPS:
        yield group, [m for m in metrics().values() if m.group == group]


def markdown() -> str:
    """The page docs/metrics.md."""
    lines = [HEAD]
    for group, members in by_group():
        lines += [f"## {group.capitalize()}", "", "| name | what | unit | limit | source |",
                  "|---|---|---|---|---|"]
        lines += [_row(m) for m in members] + [""]
    lines += ["## Sources", ""] + [f"- **{key}**: {text}" for key, text in sources().items()]
    return "\n".join(lines) + "\n"


def _row(m: Metric) -> str:
    known = thresholds().get(m.name)
    limit = f"{known.text}, else {known.direction}" if known else NO_RANGE
    source = ", ".join(dict.fromkeys(filter(None, (known.source if known else "", m.source))))
    what = f"**{m.label}.** {m.definition}".replace("|", "\\|")
    return f"| `{m.name}` | {what} | {m.shown_unit} | {limit} | {source or '–'} |"
