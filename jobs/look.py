"""What is in a run, a mesh file or a results file, in a few lines."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from core.errors import CaseError
from jobs.folder import Folder, find
from jobs.screen import Tail, describe, span

COLOURS = {"done": "green", "failed": "red", "running": "cyan", "stopped": "yellow", "lost": "red"}
Lines = list[tuple[str, str]]


def runs(paths: Sequence[Path]) -> list[Folder]:
    """The runs that ``paths`` name; without any, those in and just below the current folder."""
    if paths:
        return [find(path) for path in paths]
    here = Path()
    near = [here, *sorted(here.glob("*/")), *sorted(here.glob("*/run/"))]
    return [Folder(path) for path in near if (path / "status.json").exists()]


def status_table(folders: Sequence[Folder]) -> Table:
    """One line a run: how it stands, where it is, how long each stage took."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("run", "title", "state", "now", "took"):
        table.add_column(title, overflow="fold")
    for folder in folders:
        status = folder.status()
        state = state_of(status)
        at = _at(folder, status) if state in {"running", "stopped"} else status.get("reason", "")
        took = ", ".join(
            f"{name} {span(stage['seconds'])}"
            for name, stage in status.get("stages", {}).items() if "seconds" in stage
        )
        shown = Text(state, style=COLOURS.get(state, ""))
        table.add_row(str(folder.path), status.get("title", ""), shown, at, took)
    return table


def state_of(status: dict[str, Any]) -> str:
    """The state, "lost" for a run whose process is gone without a word."""
    state = str(status.get("state", "new"))
    if state == "running" and not _alive(status):
        return "lost"
    return state


def _alive(status: dict[str, Any]) -> bool:
    if status.get("host") not in (None, os.uname().nodename):
        return True
    return Path(f"/proc/{status.get('process', 0)}").exists()


def _at(folder: Folder, status: dict[str, Any]) -> str:
    stage = str(status.get("stage", ""))
    tail = Tail(folder.progress, stage)
    tail._at = max(0, tail._at - 65536)
    entry = tail.read()
    return f"{stage} {100 * float(entry.get('done', 0)):.0f} %  {describe(entry)}".strip()


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
