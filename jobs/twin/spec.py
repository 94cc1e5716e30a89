"""The twin's own file: imaged veins, sites, thrombus, assay, and priors that are known better."""

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from calibration.priors import Known
from core.errors import CaseError
from core.settings import Settings, quantity
from solvers.chemistry.assay import Assay
from solvers.surrogate.anatomy import Anatomy, Line, Site, Thrombus

STANDARD_SITES = ("lesion", "reference", "peripheral", "central")


class VeinTable(Settings):
    """Lumen areas along a vein's centreline, from its peripheral end."""

    into: str = Field(default="", description="the vein it runs into; none: to the heart")
    arc: tuple[float, ...] = quantity("m", meaning="ways from the peripheral end")
    area: tuple[float, ...] = quantity("m^2", meaning="lumen areas there")
    aspect: tuple[float, ...] | None = Field(
        default=None, description="longer over shorter width of the lumen; default: round",
        json_schema_extra={"unit": "1", "default_text": None, "source": "the image"},
    )  # fmt: skip

    def line(self, name: str, where: str) -> Line:
        """The vein. Raises `CaseError`."""
        aspect = self.aspect or (1.0,) * len(self.arc)
        if not len(self.arc) == len(self.area) == len(aspect):
            raise CaseError(
                f"{len(self.arc)} arcs, {len(self.area)} areas and {len(aspect)} aspect ratios",
                where=f"{where}: vein.{name}",
                do="give one of each for every plane",
            )
        return Line(name, np.array(self.arc), np.array(self.area), np.array(aspect), self.into)


class SiteTable(Settings):
    """A measuring site."""

    vein: str
    arc: float = quantity("m", meaning="way from the vein's peripheral end", at_least="0 m")


class ThrombusTable(Settings):
    """Where thrombus lies, and how much of the lumen it closed on the day of the image."""

    vein: str
    start: float = quantity("m", meaning="its peripheral end", at_least="0 m")
    end: float = quantity("m", meaning="its central end", at_least="0 m")
    closed: float = quantity(
        "1", 0.5, "share of the lumen closed on the day of the image", above=0, at_most=0.98,
        source="the image",
    )  # fmt: skip


class TwinSpec(Settings):
    """The file `twin.toml`. Veins come from a finished ``run`` or from tables."""

    title: str = Field(min_length=1, max_length=120)
    pseudonym: str = Field(default="unknown", pattern="^[A-Za-z0-9._-]{1,32}$")
    date: datetime.date = Field(description="day of the image")
    run: str | None = Field(default=None, description="run folder whose centreline areas count")
    corrected_by: tuple[str, ...] = Field(
        default=(), description="run folders of 3D flows that teach what 0D gets wrong"
    )
    vein: dict[str, VeinTable] = Field(default={})
    site: dict[str, SiteTable] = Field(default={})
    thrombus: ThrombusTable | None = None
    reflux: bool = Field(default=False, description="whether valves are among the unknowns")
    assay: Assay | None = Field(default=None, description="thrombin generation, as in dvtwin tga")
    prior: dict[str, Known] = Field(default={})
    field: dict[str, str] = Field(
        default={}, description="unknown → setting of a case, for `dvtwin ensemble`"
    )
    members: int = Field(default=400, ge=100, le=20_000)
    seed: int = Field(default=1, ge=0)

    def anatomy(self, where: str) -> Anatomy:
        """The veins with their sites. Raises `CaseError`."""
        if not self.vein:
            raise CaseError(
                "the twin has no veins",
                where=where,
                do='give run = "RUN", a measured run folder, or [vein.NAME] tables',
            )
        lines = {name: table.line(name, where) for name, table in self.vein.items()}
        sites = {name: Site(table.vein, table.arc) for name, table in self.site.items()}
        clot = self.thrombus
        made = Anatomy(lines, sites, Thrombus(clot.vein, clot.start, clot.end) if clot else None)
        made.check(where)
        return made


def load(path: Path) -> TwinSpec:
    """The twin in ``path``, with veins and sites of its run filled in. Raises `CaseError`."""
    from jobs.case import load_as

    spec = load_as(TwinSpec, path)
    if spec.run is not None:
        if spec.vein:
            raise CaseError("give either `run` or [vein] tables, not both", where=path.name)
        veins, sites = imaged(path.parent / spec.run)
        spec = spec.model_copy(update={"vein": veins, "site": {**sites, **spec.site}})
    spec.anatomy(path.name)
    return spec


def measured(run: Path) -> dict[str, Any]:
    """`metrics.json` of a run folder. Raises `CaseError`."""
    from jobs.folder import find

    path = find(run).metrics
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CaseError(
            "the run has no readable metrics.json",
            where=str(path),
            do="finish it: `dvtwin run CASE.toml --until measure`",
        ) from error
    if not found.get("curves", {}).get("arc") or not found.get("lesion", {}).get("branch"):
        raise CaseError(
            "the run measured no centreline planes",
            where=str(path),
            do="look at its report: a gate may have failed",
        )
    return found


def imaged(run: Path) -> tuple[dict[str, VeinTable], dict[str, SiteTable]]:
    """Veins and standard sites of a measured run: areas of its centreline planes."""
    found = measured(run)
    curves, lesion = found["curves"], found["lesion"]
    branch = np.array(curves["branch"])
    arc, area, aspect = (
        np.array([np.nan if v is None else v for v in curves[name]], dtype=float)
        for name in ("arc", "area", "aspect")
    )
    into = _joins(run)
    veins = {}
    for name in dict.fromkeys(curves["branch"]):
        on = np.flatnonzero((branch == name) & np.isfinite(area))
        if len(on) < 2:
            raise CaseError(f"vein {name!r} has no measured planes", where=str(run))
        on = on[np.argsort(arc[on])]
        columns = (tuple(column[on].tolist()) for column in (arc, area, aspect))
        ways, areas, aspects = columns
        veins[name] = VeinTable.model_construct(
            into=into[name], arc=ways, area=areas, aspect=aspects
        )
    places = {"lesion": (lesion["branch"], lesion["arc"])}
    for name in ("peripheral", "central"):
        plane = lesion["planes"].get(f"plane_{name}", {})
        if "branch" in plane:
            places[name] = (plane["branch"], plane["arc"])
    if "reference" in lesion:
        span = lesion["reference"]
        places["reference"] = (lesion["branch"], 0.5 * (span["from"] + span["to"]))
    sites = {}
    for name, (vein, way) in places.items():
        ends = veins[vein].arc
        sites[name] = SiteTable.model_construct(
            vein=vein, arc=float(np.clip(way, ends[0], ends[-1]))
        )
    return veins, sites


def _joins(run: Path) -> dict[str, str]:
    """The vein that each vein runs into, of a run's results file."""
    from core.store import Results
    from jobs.folder import find
    from postprocess.inputs import Inputs
    from postprocess.settings import MeasureSettings

    with Results(find(run).results) as file:
        tree = Inputs(file, MeasureSettings()).narrowing.tree
        branch = tree.planes.branch
        into = dict.fromkeys(map(str, branch), "")
        for head, ends in tree.joins.items():
            into |= {str(branch[end]): str(branch[head]) for end in ends}
    return into
