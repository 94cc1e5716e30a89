"""A finished report as an export sees it, and how its values are coded."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from core.errors import TwinError
from core.units import from_si
from postprocess.findings import Findings, Row

CODES = Path(__file__).with_name("codes.toml")
DRAFT, SIGNED, SUPERSEDED = "DRAFT", "SIGNED", "SUPERSEDED"
NOTICE = "Research use only: not for diagnosis or treatment decisions."
METHOD = "In-silico prediction (finite-element blood-flow model); not a measurement"


@dataclass(frozen=True)
class Signature:
    """One step of a report on its way: the state it reached, by whom, why, when (UTC)."""

    state: str
    role: str
    who: str
    organisation: str
    reason: str
    time: str


@dataclass(frozen=True)
class LabelMap:
    """Voxels (x, y, z) that are lumen, and the map (4, 4) of their indices to mm (LPS)."""

    lumen: NDArray[Any]
    affine: NDArray[Any]


@dataclass(frozen=True)
class Report:
    """What was found and who answers for it.

    ``document`` is report.json, ``record`` the provenance of results.h5, ``patient`` the case's
    table, ``sums`` the digest of SHA256SUMS, ``source`` the UIDs (study, frame) of a DICOM image
    that the run came from.
    """

    document: Mapping[str, Any]
    pdf: bytes
    found: Findings
    record: Mapping[str, Any]
    patient: Mapping[str, Any]
    segment: str = ""
    signatures: Sequence[Signature] = ()
    sums: str = ""
    imaged: bool = False
    labels: LabelMap | None = None
    source: Mapping[str, str] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """How it stands."""
        return self.signatures[-1].state if self.signatures else DRAFT

    @property
    def name(self) -> str:
        """Its number, as printed."""
        return str(self.document["report"])

    @property
    def subject(self) -> str:
        """The pseudonym."""
        return str(self.patient.get("pseudonym", "unknown"))

    @property
    def created(self) -> str:
        """When the run began (UTC, ISO 8601)."""
        return str(self.record["created"])

    @property
    def software(self) -> str:
        """Which program it was: the commit, which tells more than a version's number."""
        return str(self.record.get("commit", "unknown"))

    @property
    def issued(self) -> str:
        """When it reached its state."""
        return self.signatures[-1].time if self.signatures else self.created

    @property
    def studied(self) -> str:
        """The day of the study, or else when the run began."""
        return str(self.patient.get("date") or self.created)

    @property
    def version(self) -> str:
        """What tells this content from any other: run, state, steps."""
        return f"{self.document['key']}/{self.state}/{self.issued}/{len(self.signatures)}"

    @property
    def rows(self) -> Sequence[Row]:
        """All measurements."""
        return self.found.rows

    def site(self, row: Row) -> Mapping[str, str] | None:
        """The code of the vein that ``row`` was measured in, where the case names it."""
        at_lesion = row.site and row.site == self.found.lesion.get("text")
        return codes()["segment"].get(self.segment) if at_lesion else None


@dataclass(frozen=True)
class Value:
    """A number as it is printed: with "<" or ">" where it is too small to be, and its unit."""

    number: float
    comparator: str
    unit: str
    ucum: str
    low: float | None = None
    high: float | None = None


def value_of(row: Row) -> Value | None:
    """The value of ``row`` with its UCUM unit; None where it may not be shown.

    It is the printed one, so that page, FHIR and DICOM say the same. Raises `TwinError` for a
    unit that `codes.toml` does not know.
    """
    if not row.is_shown:
        return None
    ucum = codes()["ucum"].get(row.shown_unit)
    if ucum is None:
        raise TwinError(
            f"the unit {row.shown_unit!r} has no UCUM code here",
            where=f"metric {row.name}",
            do="add it to the table [ucum] of postprocess/exports/codes.toml",
        )
    text = row.shown_value.replace("−", "-")
    comparator = text[0] if text[0] in "<>" else ""
    plain = row.shown_unit.replace("²", "^2").replace("³", "^3") or "1"
    low, high = (
        None if bound is None else float(f"{from_si(bound, row.unit, plain):.3g}")
        for bound in (row.low, row.high)
    )
    number = float(text.lstrip("<> "))
    return Value(number, comparator, row.shown_unit or "1", ucum, low, high)


@cache
def codes() -> Mapping[str, Any]:
    """`codes.toml`."""
    return tomllib.loads(CODES.read_text(encoding="utf-8"))
