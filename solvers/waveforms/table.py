"""Measured values over one cycle, from the case or from a CSV file."""

import csv
from collections.abc import Mapping
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import model_validator

from core.errors import CaseError
from core.settings import quantity
from solvers.waveforms import Waveform

CLOSED = 1e-6
"""Share of the period within which the last time counts as the end of the cycle."""
WIDEST = 2.5
"""How much wider the gap from the last point to the next cycle may be than the others."""


class Table(Waveform):
    """Values at ascending times, joined by monotone cubics (PCHIP): no overshoot between points.

    The cycle may be closed by a last point at T with the first value; otherwise the last point is
    joined to the first. ``mean = "normalise"`` divides by the cycle mean; "keep" takes the values
    as they are, so that a flow rate of mean "1 mL/s" has a table in mL/s. A ``file`` has two
    columns, time in seconds and value, separated by comma, semicolon or space, with at most one
    line of titles; its path starts at the folder of the case file.
    """

    kind: Literal["table"] = "table"
    times: tuple[float, ...] | None = quantity(
        "s", None, "times of the points", optional=True, source="the case"
    )
    values: tuple[float, ...] | None = quantity(
        "1", None, "values at these times", optional=True, source="the case"
    )
    file: str | None = None
    mean: Literal["normalise", "keep"] = "normalise"

    @model_validator(mode="after")
    def _points_are_a_function(self) -> Self:
        if self.file is not None:
            if self.times is not None or self.values is not None:
                raise ValueError("give either a file or times and values, not both")
            return self
        times, values = self._points
        if len(times) != len(values):
            raise ValueError(f"{len(times)} times but {len(values)} values")
        if len(times) < 3:
            raise ValueError("a table needs a file, or times and values of at least 3 points")
        late = [b for a, b in pairwise(times) if not b > a]
        if late:
            raise ValueError(f"times must ascend; {late[0]:g} s comes too late in the table")
        if times[0] < 0.0:
            raise ValueError(f"times start at {times[0]:g} s; they lie between 0 and the period")
        return self

    @property
    def _points(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return self.times or (), self.values or ()

    def check(self, period: float) -> None:
        """The points fill one period, a closed cycle ends where it began, and the mean can be
        taken.
        """
        if self.file is not None:
            return
        times, values = self._points
        size, last = max(map(abs, values)), times[-1]
        if last > period * (1.0 + CLOSED):
            raise ValueError(f"the table ends at {last:g} s, after the period of {period:g} s")
        if times[0] + period - last > WIDEST * max(np.diff(times)):
            raise ValueError(
                f"the table covers {times[0]:g} to {last:g} s of a period of {period:g} s"
            )
        if self._is_closed(period) and abs(values[-1] - values[0]) > CLOSED * size:
            raise ValueError(
                f"the table starts with {values[0]:g} but ends, one period later, "
                f"with {values[-1]:g}"
            )
        if self.mean == "normalise" and abs(self._curve(period)[1]) <= CLOSED * size:
            raise ValueError('the mean of the table is zero; use mean = "keep"')

    def at(self, time: float, period: float) -> float:
        """w at ``time``."""
        if self.file is not None:
            raise CaseError(
                f"the table {self.file!r} was not read",
                where="waveform.file",
                do="start from a case file, or give times and values",
            )
        curve, mean = self._curve(period)
        return float(curve(time % period)) / (mean if self.mean == "normalise" else 1.0)

    def _is_closed(self, period: float) -> bool:
        times, _ = self._points
        return times[-1] - times[0] > period * (1.0 - CLOSED)

    @cached_property
    def _curves(self) -> dict[float, tuple[Any, float]]:
        return {}

    def _curve(self, period: float) -> tuple[Any, float]:
        """Interpolant and cycle mean for one length of the cycle."""
        if period not in self._curves:
            # loaded here: reading a case must be quick
            from scipy.interpolate import PchipInterpolator

            times, values = (np.array(column) for column in self._points)
            if self._is_closed(period):
                times, values = times[:-1], values[:-1]
            # three periods, so that the slopes at both ends know their neighbours
            whole = np.concatenate([times - period, times, times + period])
            curve = PchipInterpolator(whole, np.tile(values, 3))
            self._curves[period] = curve, float(curve.integrate(0.0, period)) / period
        return self._curves[period]


def with_points(table: Any, folder: Path) -> Any:
    """A case's ``table`` in which the CSV files of waveforms are replaced by what stands in them.

    Raises `CaseError`.
    """
    if isinstance(table, Mapping):
        table = {key: with_points(value, folder) for key, value in table.items()}
        file = table.get("file")
        if (
            table.get("kind") == "table"
            and isinstance(file, str)
            and not {"times", "values"} & set(table)
        ):
            times, values = _columns(folder / file)
            del table["file"]
            table |= {"times": [f"{t!r} s" for t in times], "values": values}
    elif isinstance(table, list):
        table = [with_points(item, folder) for item in table]
    return table


def _columns(path: Path) -> tuple[list[float], list[float]]:
    """The two columns of a text file. Raises `CaseError` with the line that cannot be read."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "this is no text file in UTF-8"
        raise CaseError(
            f"cannot read the table: {reason.lower()}",
            where=str(path),
            do="correct the path; relative paths start at the folder of the case file",
        ) from error
    rows: list[list[float]] = []
    for number, line in enumerate(lines, 1):
        cells = _split(line)
        if not cells:
            continue
        try:
            row = [float(cell) for cell in cells]
        except ValueError:
            row = []
        if not rows and not row and number == 1:
            continue  # the titles
        if len(row) != 2 or not np.isfinite(row).all():
            raise CaseError(
                f"expected a time and a value, found {line.strip()[:60]!r}",
                where=f"{path}:{number}",
                do='write lines like "0.25, 1.3" (seconds, value)',
            )
        rows.append(row)
    columns: Any = list(zip(*rows, strict=True)) or ([], [])
    return list(columns[0]), list(columns[1])


def _split(line: str) -> list[str]:
    mark = next((m for m in (";", ",") if m in line), None)
    cells = next(csv.reader([line], delimiter=mark)) if mark else line.split()
    return [cell for cell in cells if cell.strip()]
