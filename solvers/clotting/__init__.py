"""Clot models at work on a mesh: what a model is given, and what it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from solvers.chemistry.drugs import Drug
from solvers.diagnostics.averages import Averages
from solvers.elements.edge import ClotEdge
from solvers.elements.facets import Facets
from solvers.flow import Flow

Array = NDArray[Any]


@dataclass(frozen=True)
class Vein:
    """Where a clot grows: the flow's problem, the wall's facets (wall and flow extensions), the
    clot's edge, which holds φ, the largest change of φ in a step, the end of growth [s], drugs.
    """

    flow: Flow
    wall: Facets
    edge: ClotEdge
    largest_change: float
    until: float
    drugs: Sequence[Drug] = ()


class Clotting:
    """A clot model at work. It changes ``vein.edge.fraction``; what else it has to remember it
    packs. A subclass writes `renew` and `advance`, and the rest where it needs it.
    """

    columns: tuple[str, ...] = ()
    """Names of its own history."""

    def renew(self, averages: Averages, age: Array) -> None:
        """The flow is another one: cycle means, and age of blood [s] at the points. Collective."""
        raise NotImplementedError

    def advance(self, time: float, longest: float) -> float:
        """Grow from ``time`` [s] by one step, no longer than ``longest`` [s]; gives its length.
        Collective.
        """
        raise NotImplementedError

    def history(self) -> tuple[float, ...]:
        """Values of `columns` now. Collective."""
        return ()

    def said(self) -> dict[str, Any]:
        """What the log says of the last step."""
        return {}

    def fields(self) -> dict[str, Array]:
        """Values at the points to store at the end."""
        return {}

    def pack(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Arrays "points/…" (owned points, …) and facts that the next step depends on."""
        return {}, {}

    def unpack(self, arrays: dict[str, Array], facts: dict[str, Any]) -> None:
        """Go on from what `pack` gave."""


__all__ = ["Clotting", "Vein"]
