"""The plots of a report, as SVG with outlined text: along the vein, over the cycle, clot."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import NDArray

from postprocess.pictures import look
from postprocess.reporting.words import Words

Array = NDArray[Any]
MMHG = 133.322
LEAST_MEMBERS = 30
"""Fewest runs that make an ensemble whose band is drawn."""
WIDTH = 4.4
"""Width of a plot [inch]: that of the right column of the page."""


@dataclass(frozen=True)
class Plot:
    """A figure's file name, its heading on the page, and its content in words."""

    file: str
    heading: str
    alt: str


def save(
    figure: Figure, path: Path, words: Words, values: Sequence[str] = ("x", "y")
) -> None:
    """Write ``figure`` as SVG; ``values`` are the axes that carry numbers."""
    FigureCanvasSVG(figure)
    for axes in figure.axes:
        for name in values:
            getattr(axes, f"{name}axis").set_major_formatter(look.Decimals(words))
    # no date in the file: the same numbers give the same bytes
    figure.savefig(path, format="svg", metadata={"Date": None})


def along(curves: Mapping[str, Any], lesion: Mapping[str, Any], clot: Mapping[str, Any],
          folder: Path, height: float, words: Words) -> Plot:
    """Pressure and lumen area along the lesion's branch."""
    on = np.array(curves["branch"]) == lesion["branch"]
    order = np.argsort(numbers(curves["arc"])[on])
    arc, pressure, area, free = (
        numbers(curves[name])[on][order] * factor for name, factor in
        (("arc", 1e3), ("pressure", 1 / MMHG), ("area", 1e6), ("open_area", 1e6))
    )
    name = str(lesion["branch"]).replace("_", " ")
    with look.style():
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        upper, lower = figure.subplots(1, 2)
        upper.plot(arc, pressure, color=look.ACCENT)
        named(upper, words("Pressure (mmHg)"))
        name_of_area = "Lumen area (mm²)"
        if clot and np.nanmax((area - free) / area) > 0.01:
            resolved = bool(clot.get("resolved"))
            colour = look.CLOT if resolved else look.UNSURE
            lower.plot(arc, free, color=colour, ls=(0, (3, 1)), lw=1.0)
            dashed = "with clot" if resolved else "unresolved clot"
            name_of_area = f"Lumen (mm²); dashed: {dashed}"
        lower.plot(arc, area, color=look.ACCENT)
        lower.set_ylim(0, 1.15 * float(np.nanmax(area)))
        named(lower, words(name_of_area))
        figure.supxlabel(
            words(f"distance along {name} (mm), heart to the right →"), fontsize=7.2
        )
        for axes in (upper, lower):
            _mark_sites(axes, lesion)
        _name_sites(upper, lesion, words)
        save(figure, folder / "along.svg", words)
    low, high = float(np.nanmin(pressure)), float(np.nanmax(pressure))
    alt = (
        f"Pressure and lumen area along {name}: pressure from {high:.2f} to {low:.2f} mmHg; "
        f"lumen area between {np.nanmin(area):.0f} and {np.nanmax(area):.0f} square millimetres, "
        f"narrowest at {1e3 * float(lesion['arc']):.0f} mm."
    )
    return Plot("along.svg", words("Along the vein: pressure and lumen area"), words(alt))


def _mark_sites(axes: Axes, lesion: Mapping[str, Any]) -> None:
    axes.axvline(1e3 * float(lesion["arc"]), color=look.WARN, lw=0.8, ls=(0, (4, 2)))
    if "reference" in lesion:
        span = lesion["reference"]
        axes.axvspan(1e3 * span["from"], 1e3 * span["to"], color=look.PALE, lw=0, zorder=0)


def named(axes: Axes, text: str) -> None:
    """What the panel shows, above its axis: upright text is read faster than turned text."""
    axes.set_title(text, loc="left", fontsize=6.8, color=look.INK, pad=3)


def _name_sites(axes: Axes, lesion: Mapping[str, Any], words: Words) -> None:
    """Names the narrowest point and the reference, and marks where the gradient is taken."""
    name = words("named" if lesion.get("named") else "narrowest")
    axes.annotate(
        name, (1e3 * float(lesion["arc"]), 1.0), (2, -1),
        xycoords=("data", "axes fraction"), textcoords="offset points", fontsize=6.4,
        color=look.WARN, va="top",
    )
    for plane in lesion.get("planes", {}).values():
        if plane.get("branch") == lesion["branch"]:
            axes.plot(
                1e3 * plane["arc"], 0.0, "^", color=look.SECOND, ms=3.5, clip_on=False,
                transform=axes.get_xaxis_transform(), zorder=5,
            )
    if "reference" in lesion:
        middle = 500 * (lesion["reference"]["from"] + lesion["reference"]["to"])
        axes.annotate(
            words("reference"), (middle, 0.0), (0, 2), xycoords=("data", "axes fraction"),
            textcoords="offset points", fontsize=6.4, color=look.SECOND, ha="center", va="bottom",
            rotation=90,
        )


def cycle(time: Array, flows: Mapping[str, Array], gradient: Array, folder: Path,
          height: float, words: Words) -> Plot:
    """Flow rates of the openings and the pressure loss of the model over the last cycle."""
    with look.style():
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(1, 0.85))
        for flow, colour in zip(flows.values(), colours(len(flows)), strict=True):
            left.plot(time, flow * 6e7, color=colour)
        named(left, words("Flow rate (mL/min)"))
        left.set_ylim(*_from_zero(np.concatenate(list(flows.values())) * 6e7))
        _name_lines(left, time, flows, words)
        right.plot(time, gradient / MMHG, color=look.ACCENT)
        named(right, words("Pressure loss (mmHg)"))
        right.set_ylim(*_from_zero(gradient / MMHG))
        figure.supxlabel(words("time in the cycle (s)"), fontsize=7.2)
        save(figure, folder / "cycle.svg", words)
    means = ", ".join(f"{n.replace('_', ' ')} {6e7 * f.mean():.0f}" for n, f in flows.items())
    alt = (
        f"Flow rate over the last cycle, means in mL/min: {means}. Pressure loss of the model "
        f"between {gradient.min() / MMHG:.2f} and {gradient.max() / MMHG:.2f} mmHg."
    )
    return Plot("cycle.svg", words("Over the cycle: flow rates and pressure loss"), words(alt))


def _name_lines(
    axes: Axes, time: Array, flows: Mapping[str, Array], words: Words
) -> None:
    """Writes each opening and its mean at the right end of its line, apart from one another."""
    low, high = axes.get_ylim()
    gap = 0.2 * (high - low)
    names = sorted(flows, key=lambda name: float(flows[name][-1]))
    heights = [6e7 * float(flows[name][-1]) for name in names]
    middle = float(np.mean(heights)) if heights else 0.0
    for i in range(1, len(heights)):
        heights[i] = max(heights[i], heights[i - 1] + gap)
    shift = max(0.0, float(np.mean(heights)) - middle) if heights else 0.0
    tones = dict(zip(flows, colours(len(flows)), strict=True))
    for name, height in zip(names, heights, strict=True):
        text = words(f"{name.replace('_', ' ')}, mean {6e7 * flows[name].mean():.0f}")
        axes.annotate(
            text, (time[-1], height - shift), (4, 0), textcoords="offset points", fontsize=6.2,
            color=tones[name], va="center", annotation_clip=False,
        )


def volume_bands(clot: Mapping[str, Any]) -> Array | None:
    """2.5, 25, 50, 75 and 97.5 % of an ensemble's clot volumes (5, K); None without an ensemble.

    ``members`` (M, K) are the volumes of its runs; fewer than 30 make no band.
    """
    members = np.atleast_2d(np.asarray(clot.get("members", []), dtype=float))
    if len(members) < LEAST_MEMBERS:
        return None
    return np.asarray(np.quantile(members, [0.025, 0.25, 0.5, 0.75, 0.975], axis=0))


def growth(clot: Mapping[str, Any], folder: Path, height: float, words: Words) -> Plot:
    """Clot volume over the growth clock, and a band.

    Of an ensemble the band holds 50 and 95 % of its members. Of one run it is another limit of
    what counts as clot, which says nothing of how sure the volume is.
    """
    hours = numbers(clot["time"]) / 3600
    volume, low, high = (1e6 * numbers(clot[n]) for n in ("volume", "volume_low", "volume_high"))
    resolved, ensemble = bool(clot["resolved"]), volume_bands(clot)
    colour = look.CLOT if resolved else look.UNSURE
    title = "Clot volume (mL); band: clot fraction > 0.7 to > 0.3, not an uncertainty"
    if ensemble is not None:
        title = "Clot volume (mL); bands: 50 % and 95 % of the ensemble"
        low, inner_low, volume, inner_high, high = 1e6 * ensemble
    with look.style():
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        axes = figure.subplots()
        axes.fill_between(hours, low, high, color=colour, alpha=0.18, lw=0)
        if ensemble is not None:
            axes.fill_between(hours, inner_low, inner_high, color=colour, alpha=0.25, lw=0)
        axes.plot(hours, volume, "o-", color=colour, ms=3)
        axes.set_ylim(0, 1.15 * max(float(high.max()), 1e-3))
        axes.set_xlim(0, 1.02 * max(float(hours[-1]), 1e-3))
        axes.set_xlabel(words("simulated growth (h)"))
        named(axes, words(title))
        save(figure, folder / "growth.svg", words)
    note = "" if resolved else " Not resolved by the mesh: not a finding."
    alt = (
        f"Clot volume from {volume[0]:.2f} mL to {volume[-1]:.2f} mL after {hours[-1]:.0f} h "
        f"of simulated growth.{note}"
    )
    heading = "Over time: clot volume" + ("" if resolved else " (not resolved)")
    return Plot("growth.svg", words(heading), words(alt))


def numbers(values: Sequence[Any]) -> Array:
    """Numbers of a JSON list, NaN for null."""
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def colours(count: int) -> list[str]:
    """A colour for each of ``count`` lines."""
    return [look.LINES[i % len(look.LINES)] for i in range(count)]


def _from_zero(values: Array) -> tuple[float, float]:
    """Axis limits that hold zero and leave room for a legend below the curves."""
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    room = 0.12 * max(high - low, 1e-6)
    return low - (room if low < 0 else 0.0), high + room
