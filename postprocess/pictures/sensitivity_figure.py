"""Which uncertain input a result hangs on: a ranked bar for each metric."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from postprocess.findings import Findings
from postprocess.pictures import look
from postprocess.pictures.figures import Plot, named, save
from postprocess.reporting.words import Words

WIDTH = 7.0
MOST_METRICS, MOST_INPUTS = 3, 6
FIRST = ("pressure_gradient", "velocity_ratio", "clot_volume_0.5", "area_stenosis")
"""Metrics whose bars come first."""
EXPLAINED = 0.5
"""Least R² of a rank regression whose bars are drawn."""


def bars(
    found: Findings, ensemble: Mapping[str, Any], folder: Path, words: Words
) -> Plot | None:
    """The bars of at most three metrics that are shown; None where there is nothing to rank."""
    chosen = _chosen(found, ensemble["sensitivity"])
    if not chosen:
        return None
    said = []
    count = max(len(known["effects"][:MOST_INPUTS]) for _, known in chosen)
    with look.style():
        figure = Figure(figsize=(WIDTH, 0.62 + 0.2 * count), layout="constrained")
        panels = figure.subplots(1, len(chosen), squeeze=False)[0]
        for axes, (label, known) in zip(panels, chosen, strict=True):
            effects = known["effects"][:MOST_INPUTS]
            places = range(len(effects))
            axes.barh(
                places, [100 * one["share"] for one in effects], color=look.MID, height=0.62,
                xerr=[100 * one["error"] for one in effects],
                error_kw={"lw": 0.8, "ecolor": look.ACCENT},
            )
            axes.set_yticks(places, [_short(one["name"], one["rises"]) for one in effects])
            axes.invert_yaxis()
            axes.set_xlim(0, 100)
            named(axes, words(label))
            said.append(f"{label}: " + ", ".join(
                f"{one['name']} {100 * one['share']:.0f} %" for one in effects))
        measure = chosen[0][1]["measure"]
        figure.supxlabel(
            words(f"% of the spread ({measure}); + rises with it, − falls"), fontsize=6.6
        )
        save(figure, folder / "sensitivity.svg", words, values=("x",))
    return Plot("sensitivity.svg", words("What the result hangs on"), "; ".join(said) + ".")


def _chosen(
    found: Findings, known: Mapping[str, Any]
) -> Sequence[tuple[str, Mapping[str, Any]]]:
    """Label and sensitivity of the metrics to draw, those that matter most first."""
    names = [*FIRST, *(row.name for row in found.rows if row.brief)]
    made = []
    for name in dict.fromkeys(names):
        row, one = found.row(name), known.get(name)
        if row is None or not row.is_shown or row.low is None or one is None:
            continue
        if one["explained"] is None or one["explained"] >= EXPLAINED:
            made.append((row.label, one))
    return made[:MOST_METRICS]


def _short(path: str, rises: bool) -> str:
    """The last two steps of a path, and which way the result goes."""
    tail = ".".join(path.split(".")[-2:])
    return f"{tail[:26]} {'+' if rises else '−'}"
