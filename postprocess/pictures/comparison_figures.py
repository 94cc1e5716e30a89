"""The plots of a comparison: a metric by run with its interval and limit, clots over time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from core.units import from_si
from postprocess.findings import Findings
from postprocess.pictures import look
from postprocess.pictures.figures import Plot, colours, named, numbers, save, volume_bands
from postprocess.reporting.words import Words
from postprocess.thresholds import thresholds

WIDTH = 3.4
DECIDING = "pressure_gradient"
"""The metric that is drawn by run."""
Runs = Sequence[tuple[str, Findings]]


def plots(runs: Runs, folder: Path, words: Words) -> list[Plot]:
    """What these runs have data for."""
    made = []
    sound = [(name, found) for name, found in runs if not found.failed]
    rows = [(name, found.row(DECIDING)) for name, found in sound]
    if sum(row is not None and row.is_shown for _, row in rows) >= 2:
        made.append(_by_run(rows, folder, words))
    grown = [(name, found) for name, found in sound if found.clot]
    if grown:
        made.append(_clots(grown, folder, words))
    return made


def _by_run(rows: Sequence[tuple[str, Any]], folder: Path, words: Words) -> Plot:
    """A dot for each run, its interval where one was computed, and the commonly used limit."""
    known, said = thresholds()[DECIDING], []
    with look.style():
        figure = Figure(figsize=(WIDTH, 0.75 + 0.24 * len(rows)), layout="constrained")
        axes = figure.subplots()
        for place, (name, row) in enumerate(rows):
            if row is None or not row.is_shown:
                said.append(f"{name}: –")
                continue
            number = from_si(row.value, row.unit, row.shown_unit)
            if row.low is not None and row.high is not None:
                ends = [from_si(end, row.unit, row.shown_unit) for end in (row.low, row.high)]
                axes.plot(ends, [place, place], color=look.MID, lw=5, solid_capstyle="butt")
            axes.plot(number, place, "o", color=look.ACCENT, ms=4, zorder=3)
            said.append(f"{name}: {words(row.text)}")
        limit = from_si(known.limit, "Pa", "mmHg")
        axes.axvline(limit, color=look.WARN, lw=0.8, ls=(0, (4, 2)))
        axes.set_xlim(left=0)
        axes.set_yticks(range(len(rows)), [_short(name) for name, _ in rows])
        axes.invert_yaxis()
        named(axes, words("mmHg; dashed: commonly used limit"))
        save(figure, folder / "by_run.svg", words, values=("x",))
    return Plot("by_run.svg", words("Pressure gradient by run"), "; ".join(said) + ".")


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

