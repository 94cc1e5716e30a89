"""What must hold before a number is shown. A gate that fails forbids every number of the run.

The clot has a gate of its own: where the clot is not resolved, its rows are marked so and kept out
of the findings, and all that was measured before growth still stands.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from core.store import Results
from postprocess.findings import Gate
from postprocess.inputs import Inputs
from postprocess.ranges import in_range
from postprocess.sites import NotAssessable

PERIODICITY = 0.02
"""Largest relative change from cycle to cycle."""
MASS = 1e-3
"""Largest mass imbalance, as a share of the throughput."""
NODAL_WARN, NODAL_FAIL = 1e-2, 5e-2
"""The same for the velocity at the points: planes and velocity ratios are read from it."""
ACROSS_WARN, ACROSS_FAIL = 8, 4
"""Cells across the narrowest lumen: fewer than the first warns, fewer than the second fails."""
MESHES = 0.05
"""Largest difference of the clot between two meshes."""
WIDTHS = 2.0
"""Least growth width in edge lengths."""
CLOT = "clot_resolved"
GRID_WARN, GRID_FAIL = 0.05, 0.20
"""Grid-convergence index beyond which is warned, and beyond which no number is shown: our choice.
"""
PASS, WARN, FAIL, NOT_ASSESSED = "pass", "warn", "fail", "not assessed"


def gates(inputs: Inputs) -> list[Gate]:
    """All gates of a run, those that failed first."""
    results = inputs.results
    flow = _attributes(results, "flow")
    found = [
        complete(results), periodicity(flow), mass_balance(inputs), nodal_balance(inputs),
        resolution(_attributes(results, "mesh")), grid(flow), finite(results),
    ]
    if not any(gate.state == FAIL for gate in found):
        found.append(in_range(inputs))
    if results.has("clot/fraction"):
        found.append(clot(_attributes(results, "clot")))
    return sorted(found, key=lambda gate: (FAIL, WARN, NOT_ASSESSED, PASS).index(gate.state))


def _attributes(results: Results, group: str) -> Mapping[str, Any]:
    return results.attributes(group) if results.has(group) else {}


def complete(results: Results) -> Gate:
    """Every stage that wrote into the file has come to its end."""
    name, label = "complete", "Computation finished"
    if not results.has("flow"):
        return Gate(name, label, FAIL, "the flow was not computed")
    for stage in ("flow", "clot"):
        if int(_attributes(results, stage).get("complete", 1)) != 1:
            return Gate(name, label, FAIL, f"the {stage} stage did not come to its end")
    return Gate(name, label, PASS, "yes")


def periodicity(flow: Mapping[str, Any]) -> Gate:
    """The last two cycles agree within 2 %."""
    label, value = "Change from cycle to cycle", flow.get("periodicity")
    return _limited("periodicity", label, value, PERIODICITY, _percent)


def mass_balance(inputs: Inputs) -> Gate:
    """What flows in flows out at every step of the last cycle, within a thousandth."""
    name, label = "mass_balance", "Mass balance error"
    try:
        value = inputs.get("worst_imbalance")
    except (NotAssessable, KeyError):
        return Gate(name, label, WARN, "not recorded")
    return _limited(name, label, value, MASS, _percent)


def nodal_balance(inputs: Inputs) -> Gate:
    """The velocity at the points, which planes are read from, balances within 5 %, better 1 %."""
    name, label = "nodal_balance", "Mass balance of the velocity at points"
    try:
        value = float(inputs.get("worst_nodal_imbalance"))
    except (NotAssessable, KeyError):
        return Gate(name, label, WARN, "not recorded")
    if not value <= NODAL_FAIL:
        return Gate(name, label, FAIL, f"{_percent(value)}, at most {_percent(NODAL_FAIL)}")
    if value > NODAL_WARN:
        return Gate(name, label, WARN, f"{_percent(value)}, {_percent(NODAL_WARN)} is wanted")
    return Gate(name, label, PASS, _percent(value))


def resolution(mesh: Mapping[str, Any]) -> Gate:
    """At least 4 cells across the narrowest lumen, better 8."""
    name, label = "resolution", "Cells across the narrowest lumen"
    across = mesh.get("cells_across_narrowest")
    if across is None:
        return Gate(name, label, WARN, "not recorded")
    text = f"{float(across):.1f}"
    if not float(across) >= ACROSS_FAIL:
        return Gate(name, label, FAIL, f"{text}, at least {ACROSS_FAIL} are needed")
    if float(across) < ACROSS_WARN:
        return Gate(name, label, WARN, f"{text}, {ACROSS_WARN} or more are wanted")
    return Gate(name, label, PASS, text)


def grid(flow: Mapping[str, Any]) -> Gate:
    """The grid-convergence index of the flow, where it was computed on two meshes or more.

    Attributes of `dvtwin/flow` in the results: ``gci``, relative, and ``gci_of``, the quantity it
    was computed for. Whoever computes the flow on a second mesh sets both before the run is
    measured; a plain run leaves them out.
    """
    name, label = "grid", "Grid-convergence index"
    value = flow.get("gci")
    if value is None:
        return Gate(name, label, NOT_ASSESSED, "not assessed: computed on one mesh")
    text = f"{_percent(float(value))} of the {flow.get('gci_of', 'solution')}"
    if not float(value) <= GRID_FAIL:
        return Gate(name, label, FAIL, f"{text}, at most {_percent(GRID_FAIL)} is allowed")
    if float(value) > GRID_WARN:
        return Gate(name, label, WARN, f"{text}, {_percent(GRID_WARN)} is wanted")
    return Gate(name, label, PASS, text)


def finite(results: Results) -> Gate:
    """Every field that was written holds numbers."""
    name, label = "finite", "All fields hold numbers"
    for field in ("flow/mean/velocity", "flow/mean/pressure", "flow/wall/tawss", "clot/fraction"):
        if results.has(field) and not np.isfinite(results.array(field)).all():
            return Gate(name, label, FAIL, f"{field} holds values that are not numbers")
    for field in ("flow/mean/velocity", "flow/mean/pressure"):
        if not results.has(field):
            return Gate(name, label, FAIL, f"{field} is missing")
    return Gate(name, label, PASS, "yes")


def clot(attributes: Mapping[str, Any]) -> Gate:
    """The growth width spans two edges, and two meshes agree on the clot within 5 %."""
    label = "Clot resolved by the mesh"
    width, size = attributes.get("growth_width"), attributes.get("mesh_size")
    if width is None or size is None or not float(size) > 0.0:
        return Gate(CLOT, label, WARN, "not resolved: growth width or edge length not recorded")
    widths = float(width) / float(size)
    if not widths >= WIDTHS * (1 - 1e-9):
        text = f"not resolved: growth width is {widths:.2g} edges, 2 needed"
        return Gate(CLOT, label, WARN, text)
    difference = attributes.get("second_mesh_difference")
    if difference is None:
        return Gate(CLOT, label, WARN, "not resolved: not compared with a second mesh")
    text = f"{100 * float(difference):.2g} % between two meshes"
    if not float(difference) <= MESHES:
        return Gate(CLOT, label, WARN, f"not resolved: {text}, 5 % allowed")
    return Gate(CLOT, label, PASS, f"{text}; growth width {widths:.2g} edges")


def clot_resolved(found: list[Gate]) -> bool:
    """Whether numbers of the clot may be spoken of as findings."""
    return any(gate.name == CLOT and gate.state == PASS for gate in found)


def _percent(value: float) -> str:
    return f"{100 * value:.2g} %" if not value < 1e-5 else "< 0.001 %"


def _limited(
    name: str, label: str, value: Any, limit: float, show: Callable[[float], str]
) -> Gate:
    if value is None:
        return Gate(name, label, WARN, "not recorded")
    number = float(value)
    # written so that NaN fails
    if not number <= limit:
        return Gate(name, label, FAIL, f"{show(number)}, at most {show(limit)} is allowed")
    return Gate(name, label, PASS, show(number))
