"""What a version of a twin holds on disk, and reading it back."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calibration.observations import Visit
from calibration.versions import Version, versions
from core.errors import CaseError
from core.settings import effective
from jobs.case import load_as
from jobs.folder import unwritable, write_text
from jobs.toml import dumps
from jobs.twin import spec as twins
from jobs.twin.fit import Ensembles
from jobs.twin.model import Twin, build

TWIN, POSTERIOR, ENSEMBLE, VISIT, SAMPLES, FIELDS = (
    "twin.toml",
    "posterior.json",
    "ensemble.npz",
    "visit.toml",
    "samples.csv",
    "ensemble.csv",
)
REFUSED = "refused"


@dataclass(frozen=True)
class Kept:
    """A version read back: its visit, what was told of it, its ensembles."""

    version: Version
    visit: Visit
    told: Mapping[str, Any]
    ensembles: Ensembles


def visit_of(path: Path) -> Visit:
    """The visit in ``path``, with the observations of its FHIR file. Raises `CaseError`."""
    visit = load_as(Visit, path)
    if visit.fhir is not None:
        from jobs.twin.fhir import observations

        more = observations(path.parent / visit.fhir)
        visit = visit.model_copy(update={"fhir": None, "observation": visit.observation + more})
    return visit


def vacant(folder: Path) -> None:
    """Raises `CaseError` where there is a twin."""
    if (folder / TWIN).exists() or list(folder.glob("version-*")):
        raise CaseError(
            "there is a twin already",
            where=str(folder),
            do="take a new visit in with `dvtwin update`, or choose another --out DIR",
        )


def start(folder: Path, twin: Twin) -> None:
    """Make the folder of a twin, its veins and learned priors written out. Raises `JobError`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(error, folder) from error
    write_text(folder / TWIN, dumps(effective(twin.spec.model_copy(update={"run": None}))))


def opened(folder: Path) -> tuple[Twin, list[Kept]]:
    """The twin in ``folder`` and its versions. Raises `CaseError`."""
    path = folder / TWIN
    if not path.exists():
        raise CaseError(
            "there is no twin here",
            where=str(folder),
            do="start one with `dvtwin calibrate TWIN.toml VISIT.toml`",
        )
    twin = build(twins.load(path), folder, path.name)
    kept = [_kept(version) for version in versions(folder)]
    if not kept:
        raise CaseError("this twin has no version", where=str(folder), do="calibrate it anew")
    known = [row["name"] for row in kept[-1].told["unknowns"]]
    names = [name for model in twin.models for name in model.space.names]
    if known != names:
        other = sorted(set(known) ^ set(names)) or ["their order"]
        raise CaseError(
            f"this twin has other unknowns than this program and {TWIN} give it: {other[0]}",
            where=str(folder),
            do=f"use the program that made it ({kept[-1].told['program']}), or calibrate anew",
        )
    return twin, kept


def _kept(version: Version) -> Kept:
    folder = version.folder
    with np.load(folder / ENSEMBLE) as file:
        ensembles = {name: file[name] for name in file.files}
    told = json.loads((folder / POSTERIOR).read_text(encoding="utf-8"))
    return Kept(version, load_as(Visit, folder / VISIT), told, ensembles)


def write(
    folder: Path, twin: Twin, visit: Visit, told: Mapping[str, Any], ensembles: Ensembles
) -> None:
    """The files of one version into ``folder``."""
    write_text(folder / POSTERIOR, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    write_text(folder / VISIT, dumps(effective(visit.model_copy(update={"signal": ()}))))
    np.savez(folder / ENSEMBLE, **ensembles)  # type: ignore[arg-type]
    columns = {
        p.name: (p.unit, model.space.values(ensembles[model.name])[:, i])
        for model in twin.models
        for i, p in enumerate(model.space.parameters)
    }
    _table(folder / SAMPLES, [(name, *columns[name]) for name in columns])
    chosen = [(field, *columns[name]) for name, field in twin.spec.field.items()]
    if chosen:
        _table(folder / FIELDS, chosen)


def _table(path: Path, columns: Sequence[tuple[str, str, Any]]) -> None:
    """A CSV file, head "name [unit]", a row for each member: what `dvtwin ensemble` reads."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([f"{name} [{unit}]" for name, unit, _ in columns])
        for row in zip(*(values for *_, values in columns), strict=True):
            writer.writerow([f"{value:.8g}" for value in row])


def refuse(folder: Path, visit: Visit, told: Mapping[str, Any]) -> Path:
    """Keep a visit that was not taken in, and why."""
    place = folder / REFUSED
    place.mkdir(exist_ok=True)
    path = place / f"{visit.date}-{len(list(place.iterdir())) + 1}.json"
    write_text(path, json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    return path


def refusals(folder: Path) -> list[dict[str, Any]]:
    """The visits that were not taken in, in order."""
    return [
        json.loads(path.read_text(encoding="utf-8"))
        for path in sorted((folder / REFUSED).glob("*.json"))
    ]
