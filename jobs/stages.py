"""The stages of a run, what each is made from, and whether its artefact still is."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import CaseError
from core.record import digest, digest_code, digest_file
from core.settings import effective
from jobs import work
from jobs.folder import Folder

if TYPE_CHECKING:
    from jobs.case import Case


@dataclass(frozen=True)
class Stage:
    """One step of the chain, run by a process of its own.

    ``settings`` are the parts of the case that change its result, ``code`` the packages that do;
    with its input files and the keys of what it ``needs`` they make its key. ``stored`` is the
    key that its artefact carries, None where there is no whole artefact.
    """

    name: str
    needs: tuple[str, ...]
    gives: tuple[str, ...]
    code: tuple[str, ...]
    settings: Callable[["Case"], Any]
    stored: Callable[[Folder], str | None]
    work: Callable[[work.Task], None]
    parallel: bool = False
    applies: Callable[["Case"], bool] = lambda _: True


def keys(
    case: "Case", inputs: Mapping[str, str], stages: Sequence[Stage],
    code: Callable[[tuple[str, ...]], str] | None = None,
) -> dict[str, str]:
    """The key that each stage's artefact has when it is up to date, from the case, the digests of
    its input files, and the program. ``code`` stands in for `digest_code`, for many cases at once.
    """
    found: dict[str, str] = {}
    for stage in stages:
        found[stage.name] = digest({
            "stage": stage.name,
            "settings": stage.settings(case),
            "inputs": {} if stage.needs else dict(inputs),
            "needs": {name: found[name] for name in stage.needs if name in found},
            "code": (code or digest_code)(stage.code),
        })
    return found


def digest_inputs(case: "Case", base: Path) -> dict[str, str]:
    """SHA-256 of each file that the case's mesh is made from. Raises `CaseError`."""
    found = {}
    for name, path in case.mesh.inputs(base).items():
        try:
            found[name] = digest_file(path)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise CaseError(
                f"cannot read the {name} {path.name!r}: {reason}", where=str(path),
                do="correct the path; relative paths start at the case file's folder",
            ) from error
    return found


def chain(case: "Case", until: str | None = None, stages: Sequence[Stage] = ()) -> list[Stage]:
    """The stages of ``case`` in order, up to ``until``."""
    chosen = [stage for stage in stages or STAGES if stage.applies(case)]
    names = [stage.name for stage in chosen]
    if until is None:
        return chosen
    if until not in names:
        raise CaseError(
            f"there is no stage {until!r} in this case", where="--until",
            do=f"stages are {', '.join(names)}",
        )
    return chosen[: names.index(until) + 1]


def _in_hdf5(path: Path, group: str) -> str | None:
    if not path.exists():
        return None
    import h5py

    try:
        with h5py.File(path, "r", locking=False) as file:
            attributes = file[group].attrs
            whole = group == "/" or bool(attributes.get("complete", 0))
            return str(attributes["key"]) if whole else None
    except (OSError, KeyError):
        return None


def _of_flow(folder: Folder) -> str | None:
    """A clot starts from the periodic flow: where that is damaged, it is recorded anew."""
    begun = _in_hdf5(folder.results, "/dvtwin/clot") or (folder.checkpoint / "clot.h5").exists()
    if not begun and _is_damaged(folder.checkpoint / "periodic.h5"):
        return None
    return _in_hdf5(folder.results, "/dvtwin/flow")


def _is_damaged(path: Path) -> bool:
    """Whether HDF5 finds an array of the file at ``path`` other than its checksum says."""
    if not path.exists():
        return False
    import h5py

    def look(_: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            item[()]

    try:
        with h5py.File(path, "r", locking=False) as file:
            file.visititems(look)
    except (OSError, KeyError, RuntimeError):
        return True
    return False


def _in_json(path: Path) -> str | None:
    try:
        return str(json.loads(path.read_text())["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _of_report(folder: Folder) -> str | None:
    return _in_json(folder.report) if folder.pdf.exists() else None


def _flow_settings(case: "Case") -> Any:
    """The flow's settings, and the clot's times, for which its results file sets room aside."""
    return [effective(case.flow), [case.clot.until, case.clot.stored] if case.clot else None]


STAGES = (
    Stage(
        "mesh", (), ("mesh.h5",), ("core", "meshes"),
        lambda case: effective(case.mesh), lambda folder: _in_hdf5(folder.mesh, "/"), work.mesh,
    ),
    Stage(
        "flow", ("mesh",), ("results.h5",), ("core", "meshes", "solvers"),
        _flow_settings, _of_flow, work.flow, parallel=True,
    ),
    Stage(
        "clot", ("flow",), ("results.h5",), ("core", "meshes", "solvers"),
        lambda case: [effective(case.clot), effective(case.therapy)] if case.clot else None,
        lambda folder: _in_hdf5(folder.results, "/dvtwin/clot"),
        work.clot, parallel=True, applies=lambda case: case.clot is not None,
    ),
    Stage(
        "measure", ("flow", "clot"), ("metrics.json",), ("core", "postprocess"),
        lambda case: effective(case.measure), lambda folder: _in_json(folder.metrics),
        work.measure,
    ),
    Stage(
        "report", ("measure",), ("report.json", "report.pdf", "report.html", "figures"),
        ("core", "postprocess"),
        lambda case: [case.title, effective(case.patient), effective(case.report)], _of_report,
        work.report,
    ),
)
