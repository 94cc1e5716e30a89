"""Drugs: how much is in the blood, and what it does to the chemistry; one file a drug."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from core.errors import CaseError
from core.registry import Registry
from core.settings import Settings, quantity
from solvers.chemistry.conditions import Conditions

Array = NDArray[Any]


class Schedule(Settings):
    """When doses are given; a dose without duration is swallowed, injected or pushed at once."""

    at: float = quantity("s", "0 h", "time of the first dose", at_least="0 s")
    duration: float = quantity("s", "0 s", "time over which each dose runs in", at_least="0 s")
    every: float | None = quantity(
        "s", None, "time between doses; one dose without it", above="0 s", optional=True
    )
    until: float | None = quantity("s", None, "no dose from this time on", optional=True)

    def times(self, end: float) -> Array:
        """Times of the doses given up to ``end`` [s]."""
        last = end if self.until is None else min(end, np.nextafter(self.until, 0.0))
        if self.every is None or last < self.at:
            return np.array([self.at] if self.at <= last else [])
        return np.asarray(self.at + self.every * np.arange(1 + int((last - self.at) / self.every)))


class Dose(Schedule):
    """A dose by mass, such as "20 mg"."""

    amount: float = quantity("kg", None, "drug in one dose", above="0 mg")


class UnitDose(Schedule):
    """A dose by activity, such as "5000 IU"."""

    amount: float = quantity("IU", None, "units in one dose", above="0 IU")


class Drug(Settings):
    """A drug given in ``doses``, or known by its ``level`` in plasma, which then stays."""

    @model_validator(mode="after")
    def _given(self) -> Self:
        if bool(self.given()) == (self.measured() is not None):
            raise ValueError("give either doses or the level in plasma")
        return self

    def given(self) -> Sequence[Schedule]:
        """The doses."""
        return getattr(self, "doses", ())

    def measured(self) -> float | None:
        """The level in plasma, where it is known."""
        return getattr(self, "level", None)

    def concentration(self, times: Array) -> Array:
        """Total concentration in plasma at ``times`` [s]: [kg/m³] or [IU/m³]."""
        raise NotImplementedError

    def at(self, time: float) -> float:
        """Total concentration in plasma at ``time`` [s]."""
        level = self.measured()
        return float(self.concentration(np.array([time]))[0]) if level is None else level

    def on(self, conditions: Conditions, time: float) -> Conditions:  # noqa: ARG002
        """``conditions`` with this drug in the blood at ``time`` [s]."""
        return conditions

    def tpa(self, time: float) -> float:  # noqa: ARG002
        """Plasminogen activator in plasma at ``time`` [s] [mol/m³]."""
        return 0.0


def treated(drugs: Sequence[Drug], conditions: Conditions, time: float) -> Conditions:
    """``conditions`` under all of ``drugs`` at ``time`` [s]. Raises `CaseError`."""
    for drug in drugs:
        conditions = drug.on(conditions, time)
    return conditions


def only_one(present: object, what: str) -> None:
    """Raises `CaseError` where a second direct inhibitor of the same enzyme is given."""
    if present is not None:
        raise CaseError(
            f"two drugs bind {what} directly",
            where="drugs",
            do="leave one out: their competition for the enzyme is not modelled",
        )


registry = Registry("drug", __name__, Drug)
