"""Conditions on the openings of a vessel; one file a condition.

A condition is a frozen spec of one of three sorts. It imposes the flow rate into the vessel (it
has a `profile`), or the pressure as a function of time, or it says what stands behind the opening
(a `Load`), whose pressure answers to the flow; `solvers.coupling` solves for that pressure.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from core.registry import Registry
from core.settings import Settings
from solvers.waveforms import Waveform

Profile = Literal["parabolic", "flat", "womersley"]


@dataclass(frozen=True)
class Step:
    """The time step that a load is asked about: its end, its length, the cycle's length [s], and
    the sum of the imposed flow rates into the vessel at its end [m³/s].
    """

    time: float
    dt: float
    period: float
    inflow: float


class Load:
    """What stands behind an opening: one equation between pressure and flow in each time step.

    ``flow`` is positive out of the vessel, into the load.
    """

    def equation(self, pressure: float, flow: float, step: Step) -> tuple[float, float, float]:
        """Residual at the end of ``step``, and its derivatives by pressure and by flow."""
        raise NotImplementedError

    def accept(self, pressure: float, flow: float, step: Step) -> None:
        """``step`` ended with ``pressure`` and ``flow``: what has a memory takes it in."""

    def memory(self) -> list[Any]:
        """All that the next step depends on, as plain numbers."""
        return []

    def restore(self, memory: list[Any]) -> None:
        """Take back what `memory` gave."""


class Boundary(Settings):
    """A condition on one opening: exactly one of `inflow`, `pressure_at` and `load` answers.

    ``sets_level`` says whether it ties the vessel's pressure to a pressure elsewhere.
    """

    sets_level: ClassVar[bool] = True

    @property
    def profile(self) -> Profile | None:
        """The shape of the velocity profile where the flow rate is imposed, else None."""
        return None

    def inflow(self, time: float, period: float) -> float:
        """Flow rate into the vessel [m³/s]."""
        raise NotImplementedError

    def pressure_at(self, time: float, period: float) -> float:
        """Pressure [Pa]."""
        raise NotImplementedError

    def load(self) -> Load | None:
        """A new load where the pressure depends on the flow, else None."""
        return None

    def waveforms(self) -> tuple[Waveform, ...]:
        """Its shapes in time, also those of its parts."""
        waveform = getattr(self, "waveform", None)
        return () if waveform is None else (waveform,)


class Scaled(Boundary):
    """A condition with one number that a waveform multiplies."""

    @model_validator(mode="after")
    def _waveform_has_something_to_multiply(self) -> Self:
        (waveform,) = self.waveforms()
        if self.scale() == 0.0 and waveform.kind != "constant":  # type: ignore[attr-defined]
            raise ValueError(
                "the waveform multiplies zero; write the unit of the waveform's values instead, "
                'as in "1 mL/s" or "1 mmHg", with mean = "keep" of a table or a Fourier series'
            )
        return self

    def scale(self) -> float:
        """The number that the waveform multiplies."""
        raise NotImplementedError


conditions = Registry("boundary condition", __name__, Boundary)


def kinds(*, level: bool = False) -> str:
    """The kinds of condition that exist, for messages; with ``level``, those that set it."""
    parts = conditions.parts().items()
    return ", ".join(f'"{kind}"' for kind, part in parts if part.sets_level or not level)
