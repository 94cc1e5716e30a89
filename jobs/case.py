"""A case: the settings of all layers composed, read from one TOML file."""

import datetime
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from core.errors import CaseError
from core.settings import Settings, effective, quantity, read
from jobs.ensemble import EnsembleSettings
from jobs.hospital.context import DRUGS, merge
from jobs.scenarios import BASE, NAME, Scenario
from jobs.toml import dumps, line_of
from meshes.sources import MeshSource, sources
from postprocess.settings import MeasureSettings, ReportSettings
from solvers.settings import ClotSettings, FlowSettings, TherapySettings
from solvers.waveforms.table import with_points

PLAIN = (
    ("^Input should be", "must be"),
    ("^this key is missing|^Field required", "this setting is missing"),
    ("String should have at least 1 character", "must not be empty"),
    ("String should have at most", "must have at most"),
)
"""What pydantic says, and how we say it."""


class Patient(Settings):
    """Who the twin is of, as far as a report needs it: a pseudonym, never a name."""

    pseudonym: str = Field(
        default="unknown", max_length=32,
        description="made-up label; never a name or a hospital number",
    )
    side: Literal["left", "right", "both", "unknown"] = "unknown"
    sex: Literal["female", "male", "other", "unknown"] = "unknown"
    age_band: str = Field(default="unknown", description='a decade, e.g. "40-49", or "90+"')
    study: str = Field(default="", max_length=80, description="what was imaged, or the trial")
    date: datetime.date | None = Field(default=None, description="day of the study")
    context: str | None = Field(
        default=None, description="FHIR file to take facts from; read once, only facts are kept"
    )
    haematocrit: float | None = quantity(
        "1", meaning="share of red cells, as measured", optional=True, at_least=0.1, at_most=0.8
    )
    d_dimer: float | None = quantity(
        "kg/m^3", meaning="D-dimer in plasma, as measured", optional=True, at_least="0 mg/L"
    )
    d_dimer_units: Literal["FEU", "DDU"] | None = None
    drugs: tuple[str, ...] = Field(default=(), description="drugs against clotting")
    context_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")

    @field_validator("drugs")
    @classmethod
    def _are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := set(names) - set(DRUGS.values()):
            known = ", ".join(DRUGS.values())
            raise ValueError(f"{unknown.pop()!r} is none of the drugs that are told: {known}")
        return names

    @field_validator("pseudonym")
    @classmethod
    def _is_a_label(cls, text: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9._-]+", text):
            raise ValueError("must be one made-up word (letters, digits, . _ -), never a name")
        return text

    @field_validator("age_band")
    @classmethod
    def _is_a_band(cls, text: str) -> str:
        if not re.fullmatch(r"\d{1,2}-\d{1,2}|90\+|unknown", text):
            raise ValueError('must be a decade such as "40-49", "90+" or "unknown"')
        return text


class Run(Settings):
    """How a case is computed; nothing here changes a result."""

    ranks: int = Field(default=2, ge=1, le=100_000, description="MPI processes of flow and clot")
    checkpoint: float = quantity(
        "s", "10 min", "wall time between checkpoints inside a cycle of the flow", above="0 s"
    )


class Case(Settings):
    """A whole case file. Each part is owned by the package that computes it."""

    title: str = Field(min_length=1, max_length=120)
    patient: Patient = Patient()
    mesh: Annotated[MeshSource, *sources.field()]
    flow: FlowSettings
    clot: ClotSettings | None = None
    therapy: TherapySettings = TherapySettings()
    measure: MeasureSettings = MeasureSettings()
    report: ReportSettings = ReportSettings()
    run: Run = Run()
    ensemble: EnsembleSettings | None = None
    scenario: dict[str, Scenario] = Field(default={}, description="what could be done, by name")

    @field_validator("scenario")
    @classmethod
    def _have_names(cls, scenarios: dict[str, Scenario]) -> dict[str, Scenario]:
        for name in scenarios:
            if not NAME.fullmatch(name) or name == BASE:
                raise ValueError(
                    f"{name!r} is no name of a scenario: letters, digits, - and _, not {BASE!r}"
                )
        return scenarios

    @model_validator(mode="after")
    def _times_ascend(self) -> Self:
        if self.clot and self.clot.until / self.clot.stored <= self.flow.period:
            raise ValueError(
                "clot.until: the first stored growth time must be later than one cycle"
            )
        return self

    @model_validator(mode="after")
    def _drugs_have_a_model(self) -> Self:
        if self.therapy.drug and not (self.clot and self.clot.model.treatable):
            raise ValueError(
                'therapy: drugs need a clot model on which they act, such as '
                'clot.model.kind = "coagulation"'
            )
        return self


def load(path: Path, overrides: Sequence[str] = ()) -> Case:
    """The case in the TOML file ``path`` with ``overrides`` ("flow.density=1060 kg/m^3") applied.

    Raises `CaseError` with the line and the key that need mending.
    """
    text, table = _table(path, overrides)
    if isinstance(person := table.get("patient"), dict) and person.get("context"):
        table["patient"] = merge(person, path.parent)
    return _checked(Case, table, path, text, overrides)


def load_as[S: Settings](model: type[S], path: Path, overrides: Sequence[str] = ()) -> S:
    """Another TOML file as a ``model``, with `load`'s checks and messages."""
    text, table = _table(path, overrides)
    return _checked(model, table, path, text, overrides)


def _table(path: Path, overrides: Sequence[str]) -> tuple[str, dict[str, Any]]:
    text = _text(path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax(path, text, error) from error
    for override in overrides:
        _apply(table, override)
    return text, with_points(table, path.parent)


def _checked[S: Settings](
    model: type[S], table: Mapping[str, Any], path: Path, text: str, overrides: Sequence[str]
) -> S:
    try:
        return read(model, table, path.name)
    except CaseError as error:
        raise _placed(error, path, text, overrides) from error


def dump(case: Case) -> str:
    """The effective case as TOML, defaults included; `load` gives the same case from it."""
    return dumps(effective(case))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CaseError(
            f"there is no case file {path.name!r}", where=str(path.absolute().parent),
            do="correct the path, or write a case with `dvtwin new`",
        ) from error
    except IsADirectoryError as error:
        raise CaseError(
            "this is a folder, not a case file", where=str(path),
            do=f"did you mean {path}/case.toml?",
        ) from error
    except UnicodeDecodeError as error:
        raise CaseError(
            "this is no text file in UTF-8", where=str(path),
            do="a case is a TOML file: `dvtwin new --list` shows examples",
        ) from error
    except OSError as error:
        raise CaseError(f"cannot read the case: {error.strerror}", where=str(path)) from error


def _syntax(path: Path, text: str, error: tomllib.TOMLDecodeError) -> CaseError:
    place = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
    what = str(error).split(" (at ")[0]
    line = int(place[1]) if place else len(text.splitlines())
    shown = text.splitlines()[line - 1].strip() if 0 < line <= len(text.splitlines()) else ""
    return CaseError(
        f"this is not TOML: {what[:1].lower() + what[1:]}",
        where=f"{path.name}:{line}" + (f": {shown[:60]}" if shown else ""),
        do='write tables as [name] and settings as key = value; text and quantities in "quotes"',
    )


def _apply(table: dict[str, Any], override: str) -> None:
    """Set the value that ``override`` gives, as TOML or, failing that, as text."""
    path, equals, value = override.partition("=")
    *steps, last = (step.strip() for step in path.split("."))
    if not equals or not last or not all(steps):
        raise CaseError(
            f"cannot understand --set {override!r}", where="command line",
            do='write it like --set flow.boundary.left.mean="250 mL/min"',
        )
    for step in steps:
        table = table.setdefault(step, {})
        if not isinstance(table, Mapping):
            raise CaseError(f"{step!r} in --set {path} is no table", where="command line")
    try:
        table[last] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        table[last] = value.strip()


def _placed(error: CaseError, path: Path, text: str, overrides: Sequence[str]) -> CaseError:
    """``error`` with its keys in one dotted path and the line of the file."""
    what, keys = error.what, error.where.removeprefix(path.name).lstrip(": ").split(".")
    while named := re.match(r"([a-z][\w.]*): (.+)", what, re.DOTALL):
        keys, what = [*keys, *named[1].split(".")], named[2]
    if unknown := re.match(r"unknown key '([^']+)'", what):
        keys.append(unknown[1])
    dotted = ".".join(key for key in keys if key)
    for pattern, plain in PLAIN:
        what = re.sub(pattern, plain, what)
    asked = [item.partition("=")[0].strip() for item in overrides]
    if dotted and any(dotted.startswith(item) or item.startswith(dotted) for item in asked):
        return CaseError(what, where=f"--set: {dotted}", do="mend this setting")
    line = line_of(text, dotted) if dotted else None
    place = f"{path.name}:{line}" if line else path.name
    return CaseError(what, where=f"{place}: {dotted}" if dotted else place, do=error.do)
