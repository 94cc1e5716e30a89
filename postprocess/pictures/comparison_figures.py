"""The plots of a comparison: a metric by run with its interval and limit, clots over time."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.units import from_si
from postprocess.findings import Findings, Row
from postprocess.pictures import look
from postprocess.pictures.figures import Plot, colours, named, numbers, save, volume_bands
from postprocess.reporting.words import Words
from postprocess.thresholds import thresholds

WIDTH, WHOLE = 3.4, 7.0
"""Width of a plot [inch]: half of the page, and all of it."""
MOST = 3
"""Most metrics that are drawn by run."""
Runs = Sequence[tuple[str, Findings]]


def plots(runs: Runs, folder: Path, words: Words) -> list[Plot]:
    """What these runs have data for."""
    made = []
    sound = [(name, found) for name, found in runs if not found.failed]
    names = [
        name for name in thresholds()
        if sum((row := found.row(name)) is not None and row.is_shown for _, found in sound) >= 2
    ]
    if names:
        made.append(_by_run(sound, names[:MOST], folder, words))
    grown = [(name, found) for name, found in sound if found.clot]
    if grown:
        made.append(_clots(grown, folder, words))
    return made


def _by_run(runs: Runs, metrics: Sequence[str], folder: Path, words: Words) -> Plot:
    """A panel for each metric: a dot for each run, its interval where one was computed, and the
    commonly used limit.
    """
    said = []
    with look.style():
        figure = Figure(figsize=(WHOLE, 0.75 + 0.24 * len(runs)), layout="constrained")
        panels = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
        for axes, metric in zip(panels, metrics, strict=True):
            rows = [(name, found.row(metric)) for name, found in runs]
            said.append(_panel(axes, metric, rows, words))
        panels[0].set_yticks(range(len(runs)), [_short(name) for name, _ in runs])
        panels[0].invert_yaxis()
        figure.supxlabel(
            words("dashed: commonly used limit; bars: 95 % of an ensemble"), fontsize=6.6
        )
        save(figure, folder / "by_run.svg", words, values=("x",))
    return Plot("by_run.svg", words("Options side by side"), " ".join(said))


def _panel(axes: Axes, metric: str, rows: Sequence[tuple[str, Row | None]], words: Words) -> str:
    """One metric; gives its numbers in words."""
    known, said, title = thresholds()[metric], [], ""
    for place, (name, row) in enumerate(rows):
        if row is None or not row.is_shown or row.value is None:
            said.append(f"{name}: –")
            continue
        unit = row.shown_unit.replace("²", "^2").replace("³", "^3") or "1"
        number = from_si(row.value, row.unit, unit)
        if row.low is not None and row.high is not None:
            ends = [from_si(end, row.unit, unit) for end in (row.low, row.high)]
            axes.plot(ends, [place, place], color=look.MID, lw=5, solid_capstyle="butt")
        axes.plot(number, place, "o", color=look.ACCENT, ms=4, zorder=3)
        axes.axvline(
            from_si(known.limit, row.unit, unit), color=look.WARN, lw=0.8, ls=(0, (4, 2))
        )
        title = words(row.label) + (f" ({row.shown_unit})" if row.shown_unit else "")
        said.append(f"{name}: {words(row.text)}")
    axes.set_xlim(left=0)
    named(axes, title)
    return f"{title}: {'; '.join(said)}."


def _short(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"


def _clots(grown: Runs, folder: Path, words: Words) -> Plot:
    """Clot volume of each run; a band only where a run is an ensemble."""
    said = []
    with look.style():
        figure = Figure(figsize=(WIDTH, 1.6), layout="constrained")
        axes = figure.subplots()
        for (name, found), colour in zip(grown, colours(len(grown)), strict=True):
            hours = numbers(found.clot["time"]) / 3600
            volume = 1e6 * numbers(found.clot["volume"])
            band = volume_bands(found.clot)
            if band is not None:
                axes.fill_between(hours, *(1e6 * band[[0, -1]]), color=colour, alpha=0.15, lw=0)
            style = "o-" if found.clot.get("resolved") else "o:"
            axes.plot(hours, volume, style, color=colour, ms=2.5, label=_short(name))
            said.append(f"{name}: {words(f'{volume[-1]:.2g} mL')}")
        axes.set_ylim(bottom=0)
        axes.set_xlabel(words("simulated growth (h)"))
        named(axes, words("Clot volume (mL); dotted: not resolved"))
        axes.legend(frameon=False, fontsize=6.2)
        save(figure, folder / "clots.svg", words)
    return Plot("clots.svg", words("Over time: clot volume"), "; ".join(said) + ".")

