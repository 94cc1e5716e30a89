"""Coagulation chemistry from the command line: the thrombin-generation assay."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import CaseError
from jobs import terminal
from jobs.commands import DEBUG, SET, WORK

if TYPE_CHECKING:
    from solvers.chemistry.assay import Assay
    from solvers.chemistry.tga import Curve

FILE = Annotated[
    Path | None, typer.Argument(metavar="FILE.toml", help="factor levels, drugs, tissue factor")
]
EXAMPLE = Annotated[
    bool, typer.Option("--example", metavar="", help="print a commented file to start from")
]
PLACE = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="where; default: beside the file")
]
EVERY = 10
"""Of the computed points, one in so many is written: one a second."""
DRUGS = """
# Drugs, one [[drug]] table each: the level that was measured …
# [[drug]]
# kind = "rivaroxaban"          # or apixaban, dabigatran: total level in plasma
# level = "120 ug/L"

# … or the doses, with `drawn` above as the time of the blood sample:
# [[drug]]
# kind = "enoxaparin"           # or heparin: in anti-Xa units
# doses = [{ amount = "8000 IU", at = "0 h", every = "12 h" }]

# [[drug]]
# kind = "warfarin"
# doses = [{ amount = "5 mg", every = "24 h" }]
"""


def add(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command(rich_help_panel=WORK)(tga)


def tga(
    file: FILE = None,
    settings: SET = None,
    out: PLACE = None,
    example: EXAMPLE = False,
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """Thrombin-generation curve of a patient's plasma: lag, peak, ETP; with the drugs in it.

    Writes NAME.tga.json and NAME.tga.png. Start: dvtwin tga --example > patient.toml
    """
    from jobs.case import load_as
    from solvers.chemistry.assay import Assay, summary

    if example:
        typer.echo(_example(Assay()), nl=False)
        return
    if file is None:
        raise CaseError(
            "which file?",
            where="dvtwin tga",
            do="write one with: dvtwin tga --example > patient.toml",
        )
    assay = load_as(Assay, file, settings or ())
    curves = assay.curves()
    figures = {name: summary(curve) for name, curve in curves.items()}
    terminal.show(_table(figures))
    if not curves["patient"].peaked:
        typer.echo(f"No peak within {assay.duration / 60:g} min: peak and ETP are lower bounds.")
    place = (out or file.parent) / file.stem
    _write(place, assay, curves, figures)
    typer.echo(f"{place}.tga.json\n{place}.tga.png")
    typer.echo("A model's curve, for research use; no laboratory assay.")


def _table(figures: dict[str, dict[str, Any]]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("")
    rows = (
        ("lag", "lag_s", 60.0, "min"),
        ("peak", "peak_nM", 1.0, "nM"),
        ("time to peak", "time_to_peak_s", 60.0, "min"),
        ("ETP", "etp_nM_s", 60.0, "nM min"),
        ("velocity index", "velocity_index_nM_per_s", 1.0 / 60.0, "nM/min"),
    )
    for name in figures:
        table.add_column(name, justify="right")
    table.add_column("")
    for title, key, unit, shown in rows:
        values = [figure[key] for figure in figures.values()]
        texts = ["none" if value is None else f"{value / unit:.4g}" for value in values]
        table.add_row(title, *texts, shown)
    return table


def _write(
    place: Path, assay: "Assay", curves: dict[str, "Curve"], figures: dict[str, dict[str, Any]]
) -> None:
    """The JSON file and the figure."""
    from core.record import commit
    from core.settings import effective

    told = {
        "title": assay.title,
        "program": f"dvtwin {commit()}",
        "settings": effective(assay),
        "figures": figures,
        "curves": {
            name: {
                "time_s": [round(float(t), 3) for t in curve.times[::EVERY]],
                "thrombin_nM": [round(float(c), 4) for c in curve.thrombin[::EVERY]],
            }
            for name, curve in curves.items()
        },
    }
    place.parent.mkdir(parents=True, exist_ok=True)
    place.with_name(f"{place.name}.tga.json").write_text(json.dumps(told, indent=1) + "\n")
    _draw(place.with_name(f"{place.name}.tga.png"), assay, curves)


def _draw(path: Path, assay: "Assay", curves: dict[str, "Curve"]) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from postprocess.pictures.look import ACCENT, UNSURE, style

    lines = {
        "patient": (ACCENT, "-"),
        "patient, full model": (ACCENT, ":"),
        "normal plasma": (UNSURE, "-"),
    }
    with style():
        figure = Figure(figsize=(4.6, 2.8), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        for name, curve in curves.items():
            colour, dash = lines[name]
            axes.plot(curve.times / 60.0, curve.thrombin, dash, color=colour, label=name)
        axes.set(xlabel="time [min]", ylabel="active thrombin [nM]", title=assay.title)
        axes.set_xlim(0.0, assay.duration / 60.0)
        axes.set_ylim(bottom=0.0)
        axes.legend(frameon=False)
        figure.savefig(path, dpi=200)


def _example(assay: "Assay") -> str:
    """A file with every setting, its meaning and its default."""
    from core.settings import unit_of

    lines = ["# Thrombin generation: dvtwin tga patient.toml", 'title = "my patient"']
    for prefix, part in (("", assay), ("factors", assay.factors)):
        if prefix:
            lines += ["", f"[{prefix}]"]
        for name, field in type(part).model_fields.items():
            if unit_of(field) is None or not isinstance(field.json_schema_extra, dict):
                continue
            text = json.dumps(field.json_schema_extra["default_text"])
            lines.append(f"{f'{name} = {text}':<28}# {field.description}")
    return "\n".join(lines) + "\n" + DRUGS
