"""The arrays that metrics are made of, by name, computed from a results file when asked for."""

from typing import Any

from core.store import Results
from postprocess.inputs.branches import Branches
from postprocess.inputs.clot import Clot
from postprocess.inputs.narrowing import Narrowing
from postprocess.inputs.openings import Openings
from postprocess.inputs.region import Region
from postprocess.inputs.vessel import Vessel
from postprocess.settings import MeasureSettings


class Inputs:
    """Named arrays of one run (SI), from its vessel, narrowing, region, branches and so on."""

    def __init__(self, results: Results, settings: MeasureSettings) -> None:
        self.results = results
        self.vessel = Vessel(results)
        self.narrowing = Narrowing(self.vessel, settings)
        self.region = Region(self.vessel, self.narrowing)
        self.openings = Openings(self.vessel)
        self.clot = Clot(self.vessel, self.narrowing)
        self.branches = Branches(self.vessel, self.narrowing, self.openings)

    def get(self, name: str) -> Any:
        """The input called ``name``. Raises `NotAssessable` with the reason, `KeyError`."""
        for part in (self.vessel, self.narrowing, self.region, self.openings, self.clot,
                     self.branches):
            if hasattr(type(part), name):
                return getattr(part, name)
        raise KeyError(name)

    @classmethod
    def knows(cls, name: str) -> bool:
        """Whether there is an input of this name."""
        parts = (Vessel, Narrowing, Region, Openings, Clot, Branches)
        return any(hasattr(part, name) for part in parts)


__all__ = ["Inputs"]
