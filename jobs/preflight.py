"""What can be known to be wrong before hours are spent: files, boundaries, resolution, memory."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from core.errors import CaseError
from jobs.folder import Folder
from jobs.stages import STAGES, digest_inputs, keys

if TYPE_CHECKING:
    from jobs.case import Case

WALLS = {"wall", "wall_ext"}
BYTES_PER_CELL = {"P1/P1": 1.5e3, "P2/P1": 6e3}
BYTES_PER_RANK = 0.2e9
"""Memory of the same discretisations in oasisx, on dolfinx too (50,000 to 800,000 cells)."""


@dataclass(frozen=True)
class Finding:
    """One line of a preflight."""

    kind: Literal["good", "note", "bad"]
    about: str
    text: str


def inspect(case: "Case", base: Path, folder: Folder) -> list[Finding]:
    """What is known of ``case`` before it runs. Raises `CaseError` for what would stop it."""
    inputs = case.mesh.inputs(base)
    key = keys(case, digest_inputs(case, base), STAGES[:1])["mesh"]
    fresh = STAGES[0].stored(folder) == key
    found = [
        Finding("good", "input", f"{name} {path.name}, {path.stat().st_size / 1e6:,.1f} MB")
        for name, path in inputs.items()
    ]
    flow = case.flow
    opens = ", ".join(f"{name} ({condition.kind})" for name, condition in flow.boundary.items())  # type: ignore[attr-defined]
    found.append(Finding("good", "openings", opens))
    found.append(Finding(
        "good", "flow", f"{flow.scheme.element}, up to {flow.cycles} cycles of "
        f"{flow.steps_per_cycle} steps, step {1e3 * flow.dt:.3g} ms",
    ))
    if case.clot:
        found.append(Finding("good", "clot", f"growth over {case.clot.until / 3600:.3g} h"))
    if not fresh:
        return [*found, Finding("note", "mesh", "not made yet: then its openings are compared")]
    match_boundaries(case, folder.mesh)
    return [*found, *_of_mesh(case, _figures(folder.mesh))]


def match_boundaries(case: "Case", mesh: Path) -> None:
    """Raises `CaseError` unless the case sets each opening of the mesh, and no other."""
    import h5py

    with h5py.File(mesh, "r", locking=False) as file:
        there = set(json.loads(file.attrs["names"]).values()) - WALLS
    asked = set(case.flow.boundary)
    have = f"the mesh has {', '.join(sorted(there)) or 'no openings'}"
    for name in sorted(asked - there):
        raise CaseError(
            f"the mesh has no opening called {name!r}", where=f"flow.boundary.{name}", do=have,
        )
    for name in sorted(there - asked):
        raise CaseError(
            f"the mesh's opening {name!r} has no condition", where="flow.boundary",
            do=f'add [flow.boundary.{name}] with kind = "flow_rate" or "pressure"; {have}',
        )


def _figures(mesh: Path) -> dict[str, float]:
    import h5py

    with h5py.File(mesh, "r", locking=False) as file:
        return {name: float(value) for name, value in file["quality"].attrs.items()}


def _of_mesh(case: "Case", figures: Mapping[str, float]) -> list[Finding]:
    cells = figures["cells"]
    need = cells * BYTES_PER_CELL[case.flow.scheme.element] + case.run.ranks * BYTES_PER_RANK
    found = [Finding("good", "mesh", f"{cells:,.0f} cells, about {need / 1e9:.1f} GB of memory")]
    courant = _courant(case, figures)
    if courant is not None:
        text = f"about {courant:.1f} cells in a step at the narrowest place"
        good = courant < 4
        found.append(Finding("good" if good else "note", "CFL", text + (
            "" if good else "; a smaller flow.scheme.dt is safer"
        )))
    across = figures.get("cells_across_narrowest")
    if across is not None:
        found.append(Finding(
            "good" if across >= 8 else "note", "narrowest", f"{across:.1f} cells across"
        ))
    return found


def _courant(case: "Case", figures: Mapping[str, float]) -> float | None:
    """2 U Δt / h: U the highest inflow in the cycle through the narrowest place or opening."""
    into, areas = 0.0, []
    times = [case.flow.period * step / 32 for step in range(32)]
    for name, condition in case.flow.boundary.items():
        if condition.profile is not None:
            rate = max(abs(condition.inflow(time, case.flow.period)) for time in times)
            into = max(into, rate)
            if area := figures.get(f"area.{name}"):
                areas.append(rate / area)
    if radius := figures.get("narrowest_radius"):
        areas.append(into / (math.pi * radius**2))
    edge: Any = figures.get("edge_median")
    return 2 * max(areas) * case.flow.dt / edge if areas and edge else None
