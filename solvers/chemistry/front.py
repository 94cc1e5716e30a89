"""The clotting front in still or slowly renewed blood, in one dimension, many columns at once.

    ∂C/∂t = D ∂²C/∂x² + R(C) − k_w (1 − s) (C − C_blood),   s = F/(F + F_gel)

on 0 ≤ x ≤ L with tissue factor on the wall x = 0. Fibrin stays where it is made; the front is
where it reaches half of the fibrinogen. k_w [1/s] is the renewal of blood by flow, which gelled
blood is spared. Strang splitting: half a step of reactions, diffusion (backward Euler in two
halves, extrapolated), half a step of reactions.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_banded

from solvers.chemistry.amounts import surface
from solvers.chemistry.conditions import Conditions, taken
from solvers.chemistry.integrate import Log, advance
from solvers.chemistry.reduced import Reduced
from solvers.chemistry.species import BY_NAME, DIFFUSIVITY, chosen

Array = NDArray[Any]

GRADING = 0.35
"""Size of the cell at the wall over the mean size."""
GEL = 1000.0
"""Fibrin [nM] that gels blood: 1 µM."""


@dataclass
class Fronts:
    """Columns of blood over a wall. ``tissue_factor`` (columns) [molecules/m²] on the wall.

    ``removal`` (columns) is k_w [1/s]. Arrays in ``conditions`` hold a value for each column.
    """

    tissue_factor: Array
    conditions: Conditions = field(default_factory=Conditions)
    removal: Any = 0.0
    length: float = 3e-3
    cells: int = 120
    held: tuple[str, ...] = ()
    """Species that keep their level in plasma."""

    def __post_init__(self) -> None:
        q, columns = self.conditions, len(self.tissue_factor)
        s = np.linspace(0.0, 1.0, self.cells + 1)
        faces = self.length * (GRADING * s + (1.0 - GRADING) * s**2)
        self.x = 0.5 * (faces[1:] + faces[:-1])
        self.h = np.diff(faces)
        names = chosen(
            wall=True,
            xa_drug=q.xa_drug is not None,
            iia_drug=q.iia_drug is not None,
            brake=bool(np.any(q.thrombomodulin)),
            feedback=bool(np.any(q.feedback)),
            held=self.held,
        )
        self.kernel = Reduced(taken(q, np.repeat(np.arange(columns), self.cells)), names)
        self.blood = np.repeat(q.plasma.state(names, columns), self.cells, axis=1)
        self.state = self.blood.copy()
        wall = self.state.reshape(len(names), columns, self.cells)
        wall[names.index("TF"), :, 0] = surface(self.tissue_factor) / self.h[0]
        self.moving = np.array([BY_NAME[name].mobile for name in names])
        self.washing = np.repeat(np.broadcast_to(self.removal, columns), self.cells)
        self.time, self.log = 0.0, Log()

    def advance(self, until: float, dt: float, rtol: float = 1e-3) -> None:
        """Move all columns to time ``until`` [s] in steps of about ``dt`` [s]."""
        steps = max(1, round((until - self.time) / dt))
        dt = (until - self.time) / steps
        self._react(0.5 * dt, rtol)
        for left in range(steps, 0, -1):
            self._diffuse(dt)
            self._react(dt if left > 1 else 0.5 * dt, rtol)
        self.time = until

    def front(self) -> Array:
        """Where fibrin is half of the fibrinogen of blood (columns) [m]; 0 before it is."""
        fresh = self.blood[self.kernel.names.index("Fg")].reshape(-1, self.cells)[:, 0]
        places = np.zeros(len(fresh))
        for row, (fibrin, half) in enumerate(zip(self.of("F"), 0.5 * fresh, strict=True)):
            if fibrin[0] > half:
                falling = np.maximum.accumulate(fibrin[::-1])[::-1]
                places[row] = np.interp(-half, -falling, self.x)
        return places

    def of(self, name: str) -> Array:
        """A species (columns, cells) [nM]."""
        row = self.state[self.kernel.names.index(name)]
        return row.reshape(-1, self.cells)

    def _react(self, dt: float, rtol: float) -> None:
        self.state, _, log = advance(self.kernel, self.state, dt, rtol=rtol)
        self.log.add(log)

    def _diffuse(self, dt: float) -> None:
        """Diffusion and renewal over dt; Richardson's extrapolation of backward Euler.

        It is not positive by construction: a trace below zero at a steep foot is cut off.
        """
        names = self.kernel.names
        rows = np.flatnonzero(self.moving)
        fibrin = self.state[names.index("F")]
        wash = self.washing * GEL / (GEL + fibrin)
        old = self.state[rows] - self.blood[rows]
        new = 2.0 * self._euler(self._euler(old, 0.5 * dt), 0.5 * dt) - self._euler(old, dt)
        amount = np.maximum(new + self.blood[rows], 0.0) - self.blood[rows]
        self.state[rows] = self.blood[rows] + amount * np.exp(-wash * dt)

    def _euler(self, excess: Array, dt: float) -> Array:
        """One implicit step of diffusion of (rows, columns × cells)."""
        flux = DIFFUSIVITY["protein"] * dt / np.diff(self.x)
        band = np.zeros((3, self.cells))
        band[0, 1:] = -flux / self.h[:-1]
        band[2, :-1] = -flux / self.h[1:]
        band[1] = 1.0
        band[1, :-1] += flux / self.h[:-1]
        band[1, 1:] += flux / self.h[1:]
        right = excess.reshape(-1, self.cells).T
        return np.asarray(solve_banded((1, 1), band, right).T.reshape(excess.shape))
