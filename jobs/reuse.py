"""Artefacts of one run taken over by another that would compute the same: equal keys."""

import os
import shutil
from collections.abc import Iterable
from functools import cache

from core.record import digest_code, digest_file
from jobs.case import Case, dump
from jobs.folder import Folder
from jobs.pipeline import Plan
from jobs.stages import STAGES, chain, digest_inputs, keys

_code = cache(digest_code)
_digest = cache(digest_file)
SHARED = ("mesh", "flow")
"""Stages whose artefacts are worth taking over: the others take seconds."""


def wanted(plan: Plan) -> dict[str, str]:
    """The key of each stage of ``plan`` when it is up to date.

    Code and inputs are read once for all plans of a process.
    """
    stages = [stage for stage in STAGES if stage.applies(plan.case)]
    return keys(plan.case, _inputs(plan), stages, _code)


def _inputs(plan: Plan) -> dict[str, str]:
    paths = plan.case.mesh.inputs(plan.base)
    if all(path.is_file() for path in paths.values()):
        return {name: _digest(path) for name, path in paths.items()}
    return digest_inputs(plan.case, plan.base)


def is_done(plan: Plan) -> bool:
    """Whether every stage up to ``plan.until`` is up to date."""
    key = wanted(plan)
    return all(
        stage.stored(plan.folder) == key[stage.name] for stage in chain(plan.case, plan.until)
    )


def adopt(plan: Plan, donors: Iterable[Folder]) -> list[str]:
    """Take mesh and flow from the first of ``donors`` that has them; gives what was taken.

    Whatever differs is computed; the clot goes on from the flow's checkpoint.
    """
    key, taken = wanted(plan), []
    folder, others = plan.folder, [one for one in donors if one.path != plan.folder.path]
    for stage in chain(plan.case, plan.until):
        if stage.name not in SHARED:
            break
        if stage.stored(folder) == key[stage.name]:
            continue
        giver = next((one for one in others if stage.stored(one) == key[stage.name]), None)
        if giver is None:
            break
        folder.make()
        _take(stage.name, giver, folder, plan.case)
        taken.append(stage.name)
    return taken


def _take(stage: str, giver: Folder, folder: Folder, case: Case) -> None:
    if stage == "mesh":  # it is replaced when it changes, never written in place
        folder.mesh.unlink(missing_ok=True)
        try:
            os.link(giver.mesh, folder.mesh)
        except OSError:
            shutil.copyfile(giver.mesh, folder.mesh)
        return
    for name in ("periodic.h5", "flow.h5"):
        source = giver.checkpoint / name
        if source.exists():
            shutil.copyfile(source, folder.checkpoint / name)
    partial = folder.results.with_suffix(".partial")
    shutil.copyfile(giver.results, partial)
    _own_case(partial, case)
    partial.replace(folder.results)
    wall = giver.path / "wall.vtkhdf"
    if wall.exists():
        shutil.copyfile(wall, folder.path / wall.name)


def _own_case(results: "os.PathLike[str]", case: Case) -> None:
    """Say in a copied results file which case it now belongs to."""
    import h5py

    with h5py.File(results, "r+") as file:
        file["dvtwin"].attrs["case"] = dump(case)


__all__ = ["adopt", "is_done", "wanted"]
