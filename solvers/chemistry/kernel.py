"""What a set of reactions gives to the integrator, from rate laws written once."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from solvers.chemistry.conditions import taken
from solvers.chemistry.dual import jacobian, variables

Array = NDArray[Any]


class Kernel:
    """Reactions on a state (names, points). A subclass writes `names`, `scale` and `laws`."""

    names: tuple[str, ...]

    @property
    def scale(self) -> Array:
        """Amounts (names) below which nothing depends on a species."""
        raise NotImplementedError

    def laws(self, rows: Sequence[Any]) -> list[Any]:
        """Rates of the rows, arrays or `Dual`; more than the state has are running integrals."""
        raise NotImplementedError

    def rates(self, state: Array) -> Array:
        """Rates (rows, points) [1/s]."""
        return np.array([np.broadcast_to(x, state.shape[1]) for x in self.laws(list(state))])

    def jacobian(self, state: Array) -> tuple[Array, Array]:
        """Rates (rows, points) and their slopes (points, rows, names)."""
        return jacobian(self.laws(variables(state)), *state.shape)

    def take(self, points: Any) -> Self:
        """The kernel of some of the points: indices or a slice."""
        return taken(self, points)
