"""What can be known to be wrong before hours are spent: files, boundaries, resolution, memory."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from core.errors import CaseError
from jobs import estimate
from jobs.folder import Folder
from jobs.screen import span
from jobs.stages import STAGES, chain, digest_inputs, keys
from solvers.boundaries import kinds

if TYPE_CHECKING:
    from jobs.case import Case

WALLS = {"wall", "wall_ext"}
LARGE_COURANT = 4
"""Convection is extrapolated in time: much larger steps than a cell's may grow."""


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
        return [*found, Finding("note", "mesh", "not made yet, or out of date: `run` makes it")]
    match_boundaries(case, folder.mesh)
    return [*found, *_of_mesh(case, _sizes(folder.mesh))]


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
            do=f"add [flow.boundary.{name}] with a kind out of {kinds()}; {have}",
        )


@dataclass(frozen=True)
class Sizes:
    """What a finished mesh says of itself: its figures, and inscribed radii by branch [m]."""

    figures: Mapping[str, float]
    narrowest: Mapping[str, float]


def _sizes(mesh: Path) -> Sizes:
    import h5py

    with h5py.File(mesh, "r", locking=False) as file:
        figures = {name: float(value) for name, value in file["quality"].attrs.items()}
        branches = [branch.decode() for branch in file["sections/branch"][()]]
        radii = file["sections/radius"][()]
    narrowest: dict[str, float] = {}
    for branch, radius in zip(branches, radii, strict=True):
        narrowest[branch] = min(float(radius), narrowest.get(branch, math.inf))
    return Sizes(figures, narrowest)


def _of_mesh(case: "Case", sizes: Sizes) -> list[Finding]:
    cells = int(sizes.figures["cells"])
    costs = estimate.estimates(case, chain(case), cells, case.run.ranks).values()
    memory = max(cost.ranks * cost.memory for cost in costs) / 1e9
    likely, upper = sum(cost.seconds for cost in costs), sum(cost.upper for cost in costs)
    found = [
        Finding("good", "mesh", f"{cells:,} cells, up to {memory:.1f} GB of memory"),
        Finding("good", "walltime", f"about {span(likely)} on {case.run.ranks} rank(s), mostly "
                f"within {span(upper)}: `dvtwin estimate`"),
    ]
    courant = _courant(case, sizes)
    if courant is not None:
        text = f"blood crosses at most about {courant:.1f} cells in a step"
        if courant > LARGE_COURANT:
            found.append(Finding("note", "CFL", text + "; a smaller flow.scheme.dt is safer"))
        else:
            found.append(Finding("good", "CFL", text))
    across = sizes.figures.get("cells_across_narrowest")
    if across is not None:
        kind: Literal["good", "note"] = "good" if across >= 6 else "note"
        found.append(Finding(kind, "narrowest", f"{across:.1f} cells across"))
    return found


def _courant(case: "Case", sizes: Sizes) -> float | None:
    """2 U Δt / h where it is largest, for the highest inflow of the cycle.

    U is the mean speed in a branch's narrowest inscribed circle (a flat lumen is larger, so this
    is an upper bound), h the length of the cells there.
    """
    times = [case.flow.period * step / 32 for step in range(32)]
    rates = {
        name: max(abs(condition.inflow(time, case.flow.period)) for time in times)
        for name, condition in case.flow.boundary.items() if condition.profile is not None
    }
    edge = sizes.figures.get("edge_median")
    across = sizes.figures.get("cells_across_narrowest")
    if not sizes.narrowest or not edge or not rates:
        return None
    least = min(sizes.narrowest.values())
    found = []
    for branch, radius in sizes.narrowest.items():
        speed = rates.get(branch, sum(rates.values())) / (math.pi * radius**2)
        cell = 2 * radius / across if across and radius == least else edge
        found.append(2 * speed * case.flow.dt / cell)
    return max(found)
