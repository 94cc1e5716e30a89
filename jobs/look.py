"""What is in a run, a mesh file or a results file, in a few lines."""

import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from core.errors import CaseError
from jobs.folder import Folder, find
from jobs.screen import Tail, describe, span

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
    for title in ("run", "title", "state", "stage", "stages"):
        table.add_column(title, overflow="fold")
    colour = {"done": "green", "failed": "red", "running": "cyan", "stopped": "yellow", "lost": "red"}
    for folder in folders:
        status = folder.status()
        state = state_of(status)
        at = _at(folder, status) if state in {"running", "stopped"} else status.get("reason", "")
        took = ", ".join(
            f"{name} {span(stage['seconds'])}"
            for name, stage in status.get("stages", {}).items() if "seconds" in stage
        )
        table.add_row(
            str(folder.path), status.get("title", ""), f"[{colour.get(state, '')}]{state}[/]" if state in colour else state,
            at, took,
        )
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
        raise CaseError("there is no such file", where=str(path), do="give a mesh.h5 or results.h5")
    try:
        with h5py.File(path, "r", locking=False) as file:
            if "dvtwin" in file:
                return list(_of_results(path))
            if "sections" in file and "facet_tags" in file:
                return list(_of_mesh(file))
    except OSError:
        pass
    raise CaseError(
        "this is neither a mesh.h5 nor a results.h5, or it is damaged", where=str(path),
        do="both are in the folder of a run",
    )


def _of_mesh(file: Any) -> Iterator[tuple[str, str]]:
    points = file["points"][()]
    size = 1e3 * (points.max(axis=0) - points.min(axis=0))
    yield "kind", "tagged mesh"
    yield "cells", f"{len(file['cells']):,} on {len(points):,} points"
    yield "size", " × ".join(f"{length:.1f}" for length in size) + " mm"
    tags = file["facet_tags"][()]
    for tag, name in sorted(json.loads(file.attrs["names"]).items(), key=lambda item: int(item[0])):
        yield name, f"boundary {tag}, {int((tags == int(tag)).sum()):,} facets"
    branches = sorted({branch.decode() for branch in file["sections"]["branch"][()]})
    if branches:
        yield "sections", f"{len(file['sections']['arc']):,} along {', '.join(branches)}"
    for name, value in sorted(file["quality"].attrs.items()):
        yield name, f"{float(value):.4g}"
    yield "key", str(file.attrs["key"])[:12]


def _of_results(path: Path) -> Iterator[tuple[str, str]]:
    from core.store import Results

    with Results(path) as results:
        record = results.record()
        times = results.times()
        yield "kind", "results"
        yield "made", f"{record.get('created', '?')} by {record.get('commit', '?')} on {record.get('ranks', '?')} ranks"
        yield "cells", f"{len(results.cells()):,} on {len(results.points()):,} points"
        yield "boundaries", ", ".join(results.names("boundaries"))
        yield "stored", f"{len(times)} times" + (f", {times[0]:.3g} to {times[-1]:.3g} s" if len(times) else "")
        for part in ("flow", "clot"):
            if results.has(part):
                whole = results.attributes(part).get("complete", 0)
                yield part, "complete" if whole else "not complete"
                if results.has(f"{part}/series"):
                    yield f"{part} series", ", ".join(results.names(f"{part}/series"))
