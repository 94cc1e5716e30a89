"""What is in a run, a mesh file or a results file, in a few lines."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.table import Table
from rich.text import Text

from core.errors import CaseError
from jobs.executors.standing import Standing
from jobs.folder import Folder, find
from jobs.screen import Tail, describe, span

COLOURS = {
    "done": "green", "failed": "red", "running": "cyan", "requeued": "cyan", "queued": "blue",
    "stopped": "yellow", "cancelled": "yellow", "lost": "red", "unknown": "magenta",
}
Lines = list[tuple[str, str]]


def runs(paths: Sequence[Path]) -> list[Folder]:
    """The runs that ``paths`` name or hold; without any, those in and below the current folder."""
    if not paths:
        return _below(Path())
    found = []
    for path in paths:
        near = _below(path) if path.is_dir() else []
        found += near or [find(path)]
    return found


def _below(start: Path) -> list[Folder]:
    near = [start, *sorted(start.glob("*/")), *sorted(start.glob("*/run/"))]
    return [Folder(path) for path in near if (path / "status.json").exists()]


def status_table(standings: Sequence[Standing]) -> Table:
    """One line a run: how it stands, where it is, how long each stage took."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("run", "title", "state", "now", "took"):
        table.add_column(title, overflow="fold")
    for one in standings:
        status, where = one.status, one.why
        if one.state in {"running", "stopped", "requeued"} and "stage" in status:
            at = _at(one.folder, str(status["stage"]))
            where = f"{at}  {where}".strip() if one.state != "stopped" else where or at
        took = ", ".join(
            f"{name} {span(stage['seconds'])}"
            for name, stage in status.get("stages", {}).items() if "seconds" in stage
        )
        shown = Text(one.state, style=COLOURS.get(one.state, ""))
        table.add_row(str(one.folder.path), status.get("title", ""), shown, where, took)
    return table


def _at(folder: Folder, stage: str) -> str:
    entry = Tail(folder.progress, stage, back=65536).read()
    return f"{stage} {100 * float(entry.get('done', 0)):.0f} %  {describe(entry)}".strip()


def is_ours(path: Path) -> bool:
    """Whether ``path`` is a mesh.h5 or results.h5, or no HDF5 file at all: others are foreign."""
    import h5py

    try:
        with h5py.File(path, "r", locking=False) as file:
            return "dvtwin" in file or ("sections" in file and "facet_tags" in file)
    except OSError:
        return True


def summary(path: Path) -> Lines:
    """What the mesh or results file ``path`` holds. Raises `CaseError` for another file."""
    import h5py

    if not path.exists():
        raise CaseError("there is no such file", where=str(path), do="look into a run folder")
    try:
        with h5py.File(path, "r", locking=False) as file:
            if "dvtwin" in file:
                return list(_of_results(path))
            if "sections" in file and "facet_tags" in file:
                return list(_of_mesh(path))
    except OSError:
        pass
    raise CaseError(
        "this is neither a mesh.h5 nor a results.h5, or it is damaged", where=str(path),
        do="both are in the folder of a run",
    )


def _of_mesh(path: Path) -> Iterator[tuple[str, str]]:
    from meshes.build import report
    from meshes.tagged import load

    mesh = load(path)
    size = 1e3 * (mesh.points.max(axis=0) - mesh.points.min(axis=0))
    yield "kind", "tagged mesh"
    for line in report(mesh).splitlines():
        name, _, text = line.partition("  ")
        yield name, text.strip()
    yield "size", " × ".join(f"{length:.1f}" for length in size) + " mm"
    for tag, name in sorted(mesh.names.items()):
        yield f"boundary {tag}", f"{name}, {int((mesh.facet_tags == tag).sum()):,} facets"
    branches = sorted({branch.decode() for branch in mesh.sections.branch})
    if branches:
        yield "sections", f"{len(mesh.sections.arc):,} along {', '.join(branches)}"


def _of_results(path: Path) -> Iterator[tuple[str, str]]:
    from core.store import Results

    with Results(path) as results:
        record = results.record()
        times = results.times()
        yield "kind", "results"
        yield "made", " ".join(str(record.get(key, "?")) for key in ("created", "commit", "user"))
        yield "ranks", str(record.get("ranks", "?"))
        yield "cells", f"{len(results.cells()):,} on {len(results.points()):,} points"
        yield "boundaries", ", ".join(results.names("boundaries"))
        span_of = f", {times[0]:.3g} to {times[-1]:.3g} s" if len(times) else ""
        yield "stored", f"{len(times)} times{span_of}"
        for part in ("flow", "clot"):
            if results.has(part):
                whole = results.attributes(part).get("complete", 0)
                yield part, "complete" if whole else "not complete"
                if results.has(f"{part}/series"):
                    yield f"{part} series", ", ".join(results.names(f"{part}/series"))
