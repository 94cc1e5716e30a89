"""How a clot's drag enters the projection scheme: mobility, handed-over pressure force, friction.

Where a cell of height H cannot resolve the Brinkman layer √K (S = H²/K ≫ 1; b = S⁴/(S⁴ + 6⁴)),
θ = b/(m d), b ≤ m d, hands the pressure force to the projection: the projected velocity is
Darcy's −K∇p/μ by cell, and the nodal velocity only has to know the friction μ/√K that the layer
exerts on open blood. A row of nodes H apart exerts just that with the drag 2d/(1 + √(1+S)), which
replaces d.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.elements.cells import Geometry

Array = NDArray[Any]

UNRESOLVED = 6.0
"""S = H²/K at which half of the pressure force is handed to the projection."""
HANDOVER = 50.0
"""How sharply the nodal drag turns to the layer's friction as b nears m d."""
HEIGHT = np.sqrt(2.0 / 3.0)
"""Height of the regular tetrahedron of edge 1."""


@dataclass(frozen=True)
class Medium:
    """What the clot makes of each cell (c): mobility m [m³ s/kg], drag d and nodal ``friction``
    [Pa s/m²], share ``open`` of open lumen, and the share θ of the pressure force that the
    projection carries. ``clear`` is the mobility of all cells where there is no clot at all.
    """

    mobility: Array
    drag: Array
    friction: Array
    open: Array
    theta: Array
    clear: float | None


def medium(geometry: Geometry, degree: int, lead: float, drag: Array, viscosity: float) -> Medium:
    """The medium of ``drag`` d = μ/K for m = 1/(``lead`` + d), lead = 3ρ/2Δt, and the viscosity
    [Pa s] of what permeates the clot.
    """
    mobility = 1.0 / (lead + drag)
    height = HEIGHT * geometry.size / degree
    stiff = drag * height**2 / viscosity
    unresolved = stiff**4 / (stiff**4 + UNRESOLVED**4)
    # more than m d would push against the pressure force that the nodes still feel
    carried = np.minimum(unresolved, mobility * drag)
    excess = 0.5 * (np.sqrt(1.0 + stiff) - 1.0)
    # only where the projection carries all of the force the nodes need not have Darcy's velocity
    excess = excess / (1.0 + HANDOVER * (1.0 - carried) * excess)
    return Medium(
        mobility,
        np.ascontiguousarray(drag, dtype=float),
        drag / (1.0 + unresolved * excess),
        1.0 - unresolved,
        carried / np.where(drag > 0.0, mobility * drag, 1.0),
        None if drag.any() else 1.0 / lead,
    )
