"""From images and foreign files to meshes: look, segment, start a case, refine."""

from pathlib import Path
from typing import Annotated

import typer

from core.errors import CaseError
from jobs.commands import CASE, DEBUG, LOOK, OUT, SET, START, WORK

ANY = Annotated[Path, typer.Argument(metavar="FILE", help="image, surface, mesh or results")]
UNIT = Annotated[
    str | None, typer.Option(metavar="UNIT", help="of the file's coordinates: mm, cm, m")
]
SERIES = Annotated[str, typer.Option(metavar="NAME", help="which DICOM series of a folder")]
LABEL = Annotated[
    list[int] | None, typer.Option(metavar="N", help="a label of the vein, of several")
]
PNG = Annotated[Path | None, typer.Option(metavar="PNG", help="also draw a picture")]
SEEDS = Annotated[
    list[str], typer.Option(metavar="X,Y,Z", help="a point in the vein [mm, LPS]; at each end")
]


def add(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command(rich_help_panel=START)(new)
    app.command(rich_help_panel=LOOK)(inspect)
    app.command(rich_help_panel=WORK)(segment)
    app.command(rich_help_panel=WORK)(mesh)


def new(
    template: Annotated[str, typer.Argument(help="an example's name, or DIR with --from")] = "",
    folder: Annotated[Path | None, typer.Argument(metavar="DIR", help="where")] = None,
    listed: Annotated[bool, typer.Option("--list", metavar="", help="show the templates")] = False,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="your own image or mesh")
    ] = None,
    unit: UNIT = None,
    series: SERIES = "",
    label: LABEL = None,
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """Write a commented case to start from: an example's, or one for your own file.

    Example: dvtwin new own-mesh my-vein

    Example: dvtwin new --from veins.nii.gz my-vein
    """
    from jobs import examples, from_file

    if source is not None:
        place = folder or Path(template or source.name.split(".")[0])
        case = from_file.write(source, place, unit, series, label or ())
        typer.echo(f"{case}\nConfirm the lines that begin with #?, then: dvtwin check {case}")
        return
    if listed or not template:
        for name, title in examples.titles().items():
            typer.echo(f"{name:<20} {title}")
        return
    case = examples.copy(template, folder or Path(template))
    examples.prepare(case.parent)
    typer.echo(f"{case}\nEdit it, then: dvtwin check {case}")


def inspect(
    file: ANY,
    unit: UNIT = None,
    series: SERIES = "",
    label: LABEL = None,
    png: PNG = None,
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """What an image, surface, mesh or results file holds, and the lines of a case for it.

    Example: dvtwin inspect veins.nii.gz --png look.png
    """
    from jobs import from_file, look

    if file.suffix == ".h5" and look.is_ours(file):
        for name, text in look.summary(file):
            typer.echo(f"{name:<22} {text}")
        return
    from meshes.inspection import inspected

    found = inspected(file, unit, series, label or ())
    for name, text in found.lines:
        typer.echo(f"{name:<14} {text}")
    for end in found.ends:
        place = ", ".join(f"{x:.1f}" for x in end.centre)
        typer.echo(f"{'opening?':<14} {end.name} at ({place}) mm, {end.area:.4g} mm²")
    if png:
        from meshes import picture
        from meshes.images import image

        if found.surface is not None:
            picture.surface(found.surface, found.ends, png)
        else:
            picture.slices(image.read(file, series=series), None, png)
        typer.echo(f"{'picture':<14} {png}")
    if found.kind != "scan":
        typer.echo("\n# for a case (proposals are marked #?):")
        typer.echo(from_file.mesh_table(found, file, Path.cwd()))


def segment(
    file: Annotated[Path, typer.Argument(metavar="SCAN", help="an image, or a DICOM folder")],
    seed: SEEDS,
    out: Annotated[Path, typer.Option(metavar="FILE", help="labels")] = Path("veins.nii.gz"),
    low: Annotated[float | None, typer.Option(help="least value of the lumen")] = None,
    high: Annotated[float | None, typer.Option(help="largest value of the lumen")] = None,
    series: SERIES = "",
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """Draw a vein in a scan, grown from points at its ends; look at the picture before use.

    Stops where it would leak into its surroundings or the vein has handles.

    Example: dvtwin segment venogram.nii.gz --seed -7,-24,-365 --seed 45,-22,-480
    """
    from meshes.images.segmentation import Limits, segmented

    result = segmented(file, [_point(text) for text in seed], Limits(low, high), series)
    result.write(out)
    picture = out.with_name(out.name.split(".")[0] + ".png")
    result.draw(picture)
    for name, text in result.lines:
        typer.echo(f"{name:<14} {text}")
    typer.echo(f"{'label map':<14} {out}\n{'picture':<14} {picture}: look at it before you go on")
    typer.echo(f"Then: dvtwin new --from {out} DIR")


def mesh(
    case: CASE,
    study: Annotated[
        int, typer.Option(metavar="N", min=1, max=5, help="so many meshes, each finer")
    ] = 1,
    ratio: Annotated[float, typer.Option(help="edge length of one over the next", min=1.1)] = 1.5,
    settings: SET = None,
    out: OUT = None,
    debug: DEBUG = False,  # noqa: ARG001
) -> None:
    """Make a case's mesh only, or a family of meshes for a study of convergence.

    Mesh 1 is the case's own; each further one has edges shorter by the ratio.

    Example: dvtwin mesh case.toml --study 3
    """
    from jobs.case import load
    from meshes.build import build, report
    from meshes.family import members

    read = load(case, settings or ())
    folder = out or case.parent / "meshes"
    folder.mkdir(parents=True, exist_ok=True)
    for number, source in enumerate(members(read.mesh, study, ratio), start=1):
        made = build(source, case.resolve().parent)
        path = folder / f"mesh-{number}.h5"
        made.save(path)
        typer.echo(f"{path}\n{report(made)}")


def _point(text: str) -> tuple[float, float, float]:
    try:
        x, y, z = (float(part) for part in text.split(","))
    except ValueError as error:
        raise CaseError(
            f"cannot read the seed {text!r}", where="--seed", do="write it like -7.5,-24,-365"
        ) from error
    return x, y, z
