"""Pictures of a twin: how a fit explains a visit, and all visits over time."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from numpy.typing import NDArray

from core.units import from_si
from postprocess.pictures.look import ACCENT, CLOT, INK, MID, PALE, SECOND, UNSURE, style

Array = NDArray[Any]
COLUMNS = 3
Row = Mapping[str, Any]


def draw_fit(told: Mapping[str, Any], path: Path) -> None:
    """Measurements beside forecast and fit, and the unknowns' posteriors over their priors."""
    rows, unknowns = told["measurements"], told["unknowns"]
    with style():
        height = 0.9 + 0.24 * max(len(rows), len(unknowns))
        figure = Figure(figsize=(7.4, height), layout="constrained")
        FigureCanvasAgg(figure)
        left, right = figure.subplots(1, 2)
        _measured(left, rows)
        _unknowns(right, unknowns)
        figure.suptitle(f"{told['title']}, visit of {told['visit']['date']}", fontsize=8)
        figure.savefig(path, dpi=200)


def _measured(axes: Axes, rows: Sequence[Row]) -> None:
    """(what is expected − measured)/error for each measurement: bands of 95 %."""
    for i, row in enumerate(rows):
        for name, colour, width in (("forecast", PALE, 7.0), ("fit", MID, 3.0)):
            low, high = (_scaled(row, row[name][end]) for end in ("low", "high"))
            axes.plot([low, high], [i, i], color=colour, lw=width, solid_capstyle="butt")
    axes.axvline(0.0, color=INK, lw=0.8)
    for name, colour, width in (("before the visit", PALE, 7.0), ("fitted", MID, 3.0)):
        axes.plot([], [], color=colour, lw=width, label=name)
    axes.legend(frameon=False, fontsize=6, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    axes.set_xlim(-8.0, 8.0)
    _named(axes, [str(row["name"]) for row in rows], "expected less measured [its errors]")


def _scaled(row: Row, value: float) -> float:
    if row["scale"] == "log":
        ratio = max(value, 1e-12 * abs(row["value"])) / row["value"]
        return float(np.log(ratio)) / float(row["error"])
    return (value - float(row["value"])) / float(row["error"])


def _unknowns(axes: Axes, rows: Sequence[Row]) -> None:
    """Posterior's 95 % within the prior's, from 0 to 1; pale where the data do not inform."""
    for i, row in enumerate(rows):
        low, high = row["prior"]["low"], row["prior"]["high"]
        ends = [(row["posterior"][end] - low) / (high - low) for end in ("low", "high", "median")]
        colour = ACCENT if row["informed"] else UNSURE
        axes.plot([0, 1], [i, i], color=PALE, lw=7.0, solid_capstyle="butt")
        axes.plot(ends[:2], [i, i], color=colour, lw=3.0, solid_capstyle="butt")
        axes.plot(ends[2], i, "o", color=colour, ms=3.5)
    names = [
        str(row["name"]).replace("_", " ") + ("" if row["informed"] else " (not informed)")
        for row in rows
    ]
    _named(axes, names, "posterior within the prior's 95 % interval")


def _named(axes: Axes, names: Sequence[str], label: str) -> None:
    axes.set_yticks(range(len(names)), names, fontsize=6.2)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.tick_params(axis="y", length=0)


def draw_timeline(title: str, panels: Sequence[Mapping[str, Any]], path: Path) -> None:
    """One panel for each measurement: values, forecasts made before them, the way ahead."""
    lines = -(-len(panels) // COLUMNS)
    with style():
        figure = Figure(figsize=(7.4, 0.4 + 1.75 * lines), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.subplots(lines, min(COLUMNS, len(panels)), squeeze=False, sharex=True)
        for axes, panel in zip(grid.flat, panels, strict=False):
            _panel(axes, panel)
        for axes in grid.flat[len(panels) :]:
            axes.set_visible(False)
        figure.suptitle(
            f"{title}: measured (dots), forecast before each visit (bars), now (band)",
            fontsize=7.6,
        )
        figure.savefig(path, dpi=200)


def _panel(axes: Axes, panel: Mapping[str, Any]) -> None:
    unit, shown = panel["unit"], panel["shown"]

    def of(value: float) -> float:
        return from_si(value, unit, shown)

    ahead = panel["ahead"]
    days: Any = [date.fromisoformat(d) for d in ahead["dates"]]
    low, high = ([of(v) for v in ahead[end]] for end in ("low", "high"))
    axes.fill_between(days, low, high, color=PALE, lw=0)
    axes.plot(days, [of(v) for v in ahead["median"]], color=ACCENT)
    for row in panel["visits"]:
        when: Any = date.fromisoformat(row["date"])
        band = row["forecast"]
        if row["number"] > 1 or row["refused"]:
            axes.plot([when, when], [of(band["low"]), of(band["high"])], color=MID, lw=4,
                      solid_capstyle="butt", alpha=0.7)  # fmt: skip
        mark, colour = ("x", CLOT) if row["refused"] else ("o", INK)
        axes.plot([when], [of(row["value"])], mark, color=colour, ms=4)
    axes.set_title(f"{panel['name']} [{shown}]", loc="left", fontsize=6.6, color=SECOND, pad=3)
    axes.xaxis.set_major_locator(AutoDateLocator(minticks=2, maxticks=4))
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
    axes.tick_params(labelsize=6)


def dates(start: date, days: float, count: int) -> list[date]:
    """``count`` dates from ``start`` over ``days``."""
    return [start + timedelta(days=float(d)) for d in np.linspace(0.0, days, count)]
