"""The members of an ensemble as cases: sampled values put into the case."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.designs import (
    NUMBERS,
    Distribution,
    chosen,
    latin_hypercube,
    posterior,
    saltelli,
)
from core.errors import CaseError
from core.settings import Row
from core.units import UnitError, to_si
from jobs.case import Case
from jobs.ensemble import EnsembleSettings, Varied
from jobs.fields import changed, field
from jobs.folder import write_text

Array = NDArray[Any]


@dataclass(frozen=True)
class Design:
    """What is varied and the values (members, fields) in SI; ``shares`` are the quantiles behind
    them (NaN for posterior samples).
    """

    kind: str
    fields: tuple[Row, ...]
    values: Array
    shares: Array

    @property
    def names(self) -> tuple[str, ...]:
        """The paths of what is varied."""
        return tuple(row.path for row in self.fields)

    def member(self, case: Case, number: int) -> Case:
        """``case`` with the values of member ``number``. Raises `CaseError`."""
        where = f"ensemble, member {number + 1}"
        return changed(case, self.changes(number), where)

    def changes(self, number: int) -> Mapping[str, Any]:
        """The settings of member ``number`` as text with a unit."""
        return {
            row.path: float(value) if row.unit == "1" else f"{float(value)!r} {row.unit}"
            for row, value in zip(self.fields, self.values[number], strict=True)
        }

    def save(self, path: Path) -> None:
        """Write the values as CSV, a row a member, heads "field [unit]": readable as samples."""
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow([f"{row.path} [{row.unit}]" for row in self.fields])
        table.writerows([[repr(float(value)) for value in row] for row in self.values])
        write_text(path, text.getvalue())


def design(case: Case, base: Path, *, more: int = 0) -> Design:
    """The members that the case asks for; ``base`` is the folder that samples are relative to.

    With ``more`` so many others, of the same distributions and another seed. Raises `CaseError`.
    """
    settings = _settings(case)
    if settings.design == "posterior":
        return _of_samples(case, settings, base, more)
    fields = tuple(field(case, path, "ensemble.vary") for path in settings.vary)
    count, seed = (more, settings.seed + 1) if more else (settings.members, settings.seed)
    if settings.design == "sobol":
        shares = saltelli(count, len(fields), seed)
    else:
        shares = latin_hypercube(count, len(fields), seed)
    values = np.empty_like(shares)
    for column, (row, spec) in enumerate(zip(fields, settings.vary.values(), strict=True)):
        values[:, column] = _values(row, spec, shares[:, column])
    return Design(settings.design, fields, values, shares)


def _settings(case: Case) -> EnsembleSettings:
    if case.ensemble is None:
        raise CaseError(
            "this case has no [ensemble]", where="[ensemble]",
            do='add one: [ensemble.vary] "flow.boundary.left.mean" = { kind = "normal", '
            'mean = "300 mL/min", sd = "75 mL/min" }',
        )
    return case.ensemble


def _values(row: Row, spec: Varied, shares: Array) -> Array:
    """The values of one field. Raises `CaseError`."""
    where = f'ensemble.vary."{row.path}"'

    def number(name: str) -> float:
        return to_si(getattr(spec, name), "1" if name == "factor" else row.unit)

    try:
        ends = [
            number(name) if getattr(spec, name) is not None else other
            for name, other in (("least", -np.inf), ("most", np.inf))
        ]
        numbers = {name: number(name) for name in NUMBERS[spec.kind]}
        return Distribution(spec.kind, numbers, *ends).values(shares)
    except (UnitError, ValueError) as error:
        raise CaseError(str(error), where=where, do="correct the distribution") from error


def _of_samples(case: Case, settings: EnsembleSettings, base: Path, more: int) -> Design:
    path = base / settings.samples
    heads, values = posterior(path)
    fields = tuple(field(case, name, settings.samples) for name, _ in heads)
    for column, (row, (name, unit)) in enumerate(zip(fields, heads, strict=True)):
        try:
            factor = to_si(f"1 {unit}" if unit != "1" else "1", row.unit)
        except UnitError as error:
            raise CaseError(
                f"{name} is given in {unit!r}: {error}", where=str(path), do="correct the head"
            ) from error
        values[:, column] *= factor
    try:
        # the first draw and the further ones share no row
        every = chosen(values, settings.members + more, settings.seed) if more else values
        drawn = chosen(values, settings.members, settings.seed)
    except ValueError as error:
        raise CaseError(str(error), where=str(path), do="ask for fewer members") from error
    if more:
        known = {row.tobytes() for row in drawn}
        drawn = np.array([row for row in every if row.tobytes() not in known])
    return Design("posterior", fields, drawn, np.full(drawn.shape, np.nan))
