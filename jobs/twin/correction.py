"""What a handful of 3D runs teach the 0D model of the veins: the factor on their resistance."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from calibration.discrepancy import Discrepancy, learn
from calibration.priors import Known
from core.errors import CaseError
from jobs.twin.spec import imaged, measured
from solvers.surrogate import circuit
from solvers.surrogate.anatomy import Anatomy, Number, Site
from solvers.surrogate.circuit import Condition

Array = NDArray[Any]


def compared(run: Path, viscosity: float, loss: float) -> tuple[float, float, float]:
    """Flow through the narrowing [m³/s], and its pressure gradient in 3D and in 0D [Pa].

    Both in the run's own anatomy with the run's own flow rates. Raises `CaseError`.
    """
    found = measured(run)
    veins, places = imaged(run)
    lines = {name: table.line(name, str(run)) for name, table in veins.items()}
    sites = {name: Site(place.vein, place.arc) for name, place in places.items()}
    if not {"peripheral", "central"} <= set(sites):
        raise CaseError(
            "the run has no gradient across its narrowing",
            where=str(run),
            do="its planes 20 mm peripheral and central are not assessable: leave it out",
        )
    anatomy = Anatomy(lines, sites)
    flows: dict[str, Number] = {leaf: _flow(found, leaf) for leaf in anatomy.leaves}
    gradient = next(row["value"] for row in found["rows"] if row["name"] == "pressure_gradient")
    state = circuit.settle(anatomy, Condition(flows, viscosity, loss=loss))
    lumped = float(state.pressure("peripheral") - state.pressure("central"))
    if gradient is None or gradient <= 0.0 or lumped <= 0.0:
        raise CaseError(
            "the pressure does not fall across the narrowing of this run",
            where=str(run),
            do="it cannot correct the 0D model: leave it out of corrected_by",
        )
    return float(state.flow("lesion")), float(gradient), lumped


def learned(runs: list[Path], viscosity: float, loss: float) -> Discrepancy:
    """The discrepancy that ``runs`` show. Raises `CaseError`."""
    rows = np.array([compared(run, viscosity, loss) for run in runs]).reshape(-1, 3)
    return learn(rows[:, 0], rows[:, 1], rows[:, 2])


def prior(runs: list[Path], flow: float, viscosity: float, loss: float) -> Known:
    """The prior of the unknown `correction` at a limb's ``flow``. Raises `CaseError`."""
    centre, spread = learned(runs, viscosity, loss).factor(flow)
    return Known(
        centre=centre, spread=spread, source=f"learned from {len(runs)} 3D flows of these veins"
    )


def _flow(found: dict[str, Any], vein: str) -> float:
    """Median flow rate on a vein's planes [m³/s]."""
    curves = found["curves"]
    pairs = zip(curves["branch"], curves["flow_rate"], strict=True)
    return float(np.median([q for name, q in pairs if name == vein and q is not None]))
