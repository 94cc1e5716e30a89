"""Plays the stages of an ensemble's member in no time: metrics in closed form from its case.

`behave.json` beside the case makes members fail: {"base/0003": "once"}, "always", or "gate".
"""

import json
from math import pi

from core.errors import CaseError
from jobs.case import Case
from jobs.pipeline import Plan
from jobs.reuse import wanted
from postprocess.findings import Findings, Gate, Row, shown
from postprocess.findings import load as load_findings
from postprocess.metrics import metrics
from postprocess.thresholds import judge
from tests.jobs.fakes import Done

CASE = """
title = "A confluence"

[mesh]
kind = "confluence"
size = "3 mm"

[flow]
cycles = 2
period = "1 s"
snapshots = 2

[flow.boundary]
left = { kind = "flow_rate", mean = "300 mL/min" }
right = { kind = "flow_rate", mean = "300 mL/min" }
cava = { kind = "pressure", pressure = "6 mmHg" }

[ensemble]
members = 40
seed = 3

[ensemble.vary]
"mesh.stenosis" = { kind = "uniform", low = "60 %", high = "85 %" }
[ensemble.vary."flow.boundary.left.mean"]
kind = "normal"
mean = "300 mL/min"
sd = "60 mL/min"
least = "80 mL/min"

[scenario.stent-14]
title = "Stent 14 mm"
intervention = [{ kind = "stent", branch = "left", length = "40 mm", diameter = "14 mm" }]

[scenario.stent-16]
title = "Stent 16 mm"
intervention = [{ kind = "stent", branch = "left", length = "40 mm", diameter = "16 mm" }]

[scenario.walking]
title = "Walking"
intervention = [{ kind = "exercise", openings = ["left"], factor = 2, contractions = 1 }]
"""


def gradient(case: Case) -> tuple[float, float]:
    """ρ/2 (Q/A)² · 60 [Pa] and A [m²] of the played vein."""
    mesh = case.mesh.of if case.mesh.kind == "changed" else case.mesh
    area = mesh.left_area * (1.0 - mesh.stenosis)
    if case.mesh.kind == "changed":
        area = pi * case.mesh.changes[0].diameter ** 2 / 4
    flow = case.flow.boundary["left"].mean
    return 60 * 530.0 * (flow / area) ** 2, area


def findings(case: Case, key: str) -> Findings:
    """The measurements of a played run."""
    drop, area = gradient(case)
    numbers = {
        "pressure_gradient": drop, "minimum_area": area,
        "velocity_ratio": 1.9e-4 / area, "area_stenosis": max(0.0, 1 - area / 1.9e-4),
    }
    lesion = {"branch": "left", "arc": 0.064, "text": "left, 64 mm", "narrowed": True}
    return Findings(key, rows=[row(name, value) for name, value in numbers.items()],
                    gates=[Gate("finite", "All fields hold numbers", "pass", "yes")],
                    lesion=lesion)


def row(name: str, value: float) -> Row:
    """A row as the measure stage makes it."""
    m = metrics()[name]
    text, unit = shown(value, m.unit, m.shown_unit)
    verdict = judge(name, value)
    return Row(name, m.label, value, m.unit, text, unit, verdict.flag, verdict.reference,
               verdict.source, site="left, 64 mm", group=m.group, brief=m.brief)


def play(plan: Plan) -> Done:
    """Compute one run; the process has ended when this returns."""
    folder, source = plan.folder, plan.source.resolve()
    name = f"{folder.path.parent.name}/{folder.path.name}"
    with (folder.path / "tries.txt").open("a") as file:
        file.write("x")
    how = {}
    if (source.parent / "behave.json").exists():
        how = json.loads((source.parent / "behave.json").read_text())
    tries = len((folder.path / "tries.txt").read_text())
    if how.get(name) == "always" or (how.get(name) == "once" and tries == 1):
        folder.set_status(state="failed", reason="the pressure solve failed")
        return Done(4)
    found = findings(plan.case, wanted(plan)["measure"])
    if how.get(name) == "gate":
        gate = Gate("mass_balance", "Mass balance error", "fail", "3 %, at most 0.1 % is allowed")
        found = Findings(found.key, gates=[gate])
    found.save(folder.metrics)
    folder.set_status(state="done")
    return Done(0)


def is_done(plan: Plan) -> bool:
    """Whether a played run has its measurements."""
    try:
        return load_findings(plan.folder.metrics).key == wanted(plan)["measure"]
    except CaseError:
        return False
