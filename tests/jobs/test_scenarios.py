"""Scenarios: what each intervention makes of a case, what is computed anew, how they compare."""

import json
import math
from pathlib import Path

import pytest

from core.errors import CaseError
from jobs.case import load
from jobs.commands.compare import compare
from jobs.commands.ensemble import ensemble
from jobs.ensemble import work
from jobs.folder import Folder
from jobs.interventions import Base, interventions
from jobs.pipeline import Plan
from jobs.reuse import adopt, wanted
from jobs.scenarios import BASE
from jobs.scenarios import compare as scenarios
from jobs.scenarios.derive import derived, plan_of
from postprocess.reporting import comparison
from postprocess.reporting.comparison import Order
from tests.jobs import fakes
from tests.jobs import played_members as played
from tests.jobs.test_ensemble import crew, plan

HERE = Base("../../run", "k" * 64)
CLOT = """
[clot]
model = { kind = "growth", injury = [{ at = ["0 mm", "0 mm", "0 mm"], radius = "1 cm" }] }
"""


def scenario(folder: Path, *items: str, more: str = "", base: Base = HERE):
    """The case of a scenario with these interventions."""
    head = played.CASE.partition("[ensemble]")[0]
    text = f"{head}{more}\n[scenario.one]\nintervention = [{', '.join(items)}]\n"
    return derived(plan(folder, text).case, "one", base)


def test_every_intervention_says_what_it_does() -> None:
    assert set(interventions.parts()) == {
        "stent", "thrombectomy", "lysis", "drugs", "filter", "exercise", "stocking", "posture",
    }
    assert all(part.__doc__ for part in interventions.parts().values())


def test_overrides_come_before_interventions(tmp_path: Path) -> None:
    text = played.CASE.partition("[ensemble]")[0] + """
[scenario.one]
title = "Walking, thin blood"
set = { "flow.boundary.left.mean" = "200 mL/min", flow = { density = "1050 kg/m^3" } }
intervention = [{ kind = "exercise", factor = 3 }]
"""
    case = derived(plan(tmp_path, text).case, "one", HERE)
    assert case.title == "A confluence: Walking, thin blood"
    assert case.flow.boundary["left"].mean == pytest.approx(600e-6 / 60)
    assert case.flow.boundary["right"].mean == pytest.approx(900e-6 / 60)
    assert case.flow.boundary["left"].waveform.kind == "pump"
    assert (case.flow.density, case.scenario, case.ensemble) == (1050.0, {}, None)


def test_a_stent_changes_the_mesh_and_nothing_else(tmp_path: Path) -> None:
    case = scenario(
        tmp_path, '{ kind = "stent", branch = "left", length = "4 cm", diameter = "16 mm" }',
        '{ kind = "stocking", branches = ["right"], pressure = "20 mmHg" }')
    assert case.mesh.kind == "changed"
    assert case.mesh.of == plan(tmp_path).case.mesh
    assert [one.kind for one in case.mesh.changes] == ["stent", "calibre"]
    assert case.flow == plan(tmp_path).case.flow


def test_a_stocking_follows_the_tube_law_down_to_no_pressure(tmp_path: Path) -> None:
    def share(mmhg: float) -> float:
        return 0.5 + math.atan(2 * (mmhg - 8) / 10) / math.pi

    factors = []
    for pressure in ("5 mmHg", "20 mmHg"):
        item = f'{{ kind = "stocking", branches = ["left"], pressure = "{pressure}" }}'
        factors.append(scenario(tmp_path, item).mesh.changes[0].factor)
    assert factors == pytest.approx(
        [math.sqrt(share(5) / share(10)), math.sqrt(share(0) / share(10))])


def test_standing_widens_veins_and_stands_legs_up(tmp_path: Path) -> None:
    head = 'right = { kind = "flow_rate", mean = "300 mL/min" }'
    text = played.CASE.replace(head, 'right = { kind = "leg" }').partition("[ensemble]")[0]
    text += '\n[scenario.one]\nintervention = [{ kind = "posture", depth = "30 cm" }]\n'
    read = plan(tmp_path, text).case
    case = derived(read, "one", HERE)
    p = 10 + 1060 * 9.80665 * 0.3 / 133.322

    def share(mmhg: float) -> float:
        return 0.5 + math.atan(2 * (mmhg - 8) / 10) / math.pi

    assert case.mesh.changes[0].factor == pytest.approx(math.sqrt(share(p) / share(10)), rel=1e-6)
    assert case.flow.boundary["right"].posture == "standing"
    assert not read.scenario["one"].is_choice


def test_a_thrombectomy_starts_from_the_clot_of_the_base(tmp_path: Path) -> None:
    item = '{ kind = "thrombectomy", removed = "80 %" }'
    start = scenario(tmp_path, item, more=CLOT).clot.start
    assert (start.run, start.key, start.removed) == ("../../run", "k" * 64, 0.8)
    drawn = '[flow.obstacle]\nold = { kind = "thrombus", branch = "left", start = "1 cm", ' \
        'end = "4 cm", occlusion = "60 %" }\n'
    case = scenario(tmp_path, item, more=drawn, base=Base("../run", None))
    assert case.flow.obstacle["old"].occlusion == pytest.approx(0.12)
    with pytest.raises(CaseError, match="no clot to take out"):
        scenario(tmp_path, item, base=Base("../run", None))


def test_lysis_adds_its_rate(tmp_path: Path) -> None:
    item = '{ kind = "lysis", lysed = "75 %", within = "24 h" }'
    case = scenario(tmp_path, item, more=CLOT)
    natural = scenario(tmp_path, more=CLOT).clot.model.lysis
    assert case.clot.model.lysis - natural == pytest.approx(2 * math.log(2) / 86400)
    assert case.clot.start.removed == 0.0
    with pytest.raises(CaseError, match='"growth"'):
        scenario(tmp_path, item, base=Base("../run", None))


def test_a_filter_is_an_obstacle(tmp_path: Path) -> None:
    item = '{ kind = "filter", branch = "cava", start = "1 cm", end = "4 cm", caught = "20 %" }'
    case = scenario(tmp_path, item, item)
    assert list(case.flow.obstacle) == ["filter-1", "filter-2"]
    assert case.flow.obstacle["filter-1"].caught == 0.2


def test_drugs_need_a_clot_they_act_on(tmp_path: Path) -> None:
    drug = '{ kind = "drugs", drug = [{ kind = "rivaroxaban", level = "200 ug/L" }] }'
    with pytest.raises(CaseError, match="drugs need a clot model"):
        scenario(tmp_path, drug, more=CLOT)


def test_names_of_scenarios_are_checked(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no name of a scenario"):
        plan(tmp_path, played.CASE + "\n[scenario.base]\n")
    with pytest.raises(CaseError, match="did you mean"):
        plan(tmp_path, played.CASE.replace('kind = "stent"', 'kind = "stint"', 1))


def test_what_is_the_same_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the stages of `fakes`, whose artefacts are one file each."""
    monkeypatch.setattr("jobs.reuse.STAGES", fakes.STAGES)
    monkeypatch.setattr("jobs.reuse.chain", lambda case, until: list(fakes.STAGES))
    taken: list[str] = []

    def take(stage: str, giver: Folder, folder: Folder, case: object) -> None:
        (folder.path / f"{stage}.out").write_bytes((giver.path / f"{stage}.out").read_bytes())
        taken.append(stage)

    monkeypatch.setattr("jobs.reuse._take", take)
    (tmp_path / "case.toml").write_text(fakes.CASE)
    case, donor = load(tmp_path / "case.toml"), Folder(tmp_path / "run")
    one = Plan(case, tmp_path / "case.toml", donor)
    donor.make()
    for stage, key in wanted(one).items():
        (donor.path / f"{stage}.out").write_text(key)
    same = Plan(case, one.source, Folder(tmp_path / "two"))
    assert adopt(same, [donor]) == ["mesh", "flow"]
    other = load(tmp_path / "case.toml", ["flow.cycles=3"])
    assert adopt(Plan(other, one.source, Folder(tmp_path / "three")), [donor]) == ["mesh"]
    third = load(tmp_path / "case.toml", ["mesh.size=1 mm"])
    assert adopt(Plan(third, one.source, Folder(tmp_path / "four")), [donor]) == []
    assert adopt(one, [donor]) == []


def test_a_scenario_is_measured_where_the_base_was(tmp_path: Path) -> None:
    base = plan(tmp_path)
    runs = scenarios.runs(base, ["stent-14"], crew())
    place = runs["stent-14"].case.measure.lesion
    assert (place.branch, place.arc) == ("left", pytest.approx(0.064))
    assert runs["stent-14"].folder.path == tmp_path / "scenarios/stent-14"
    # and without a base that was measured, it finds its own
    alone = plan_of("stent-14", Plan(base.case, base.source, Folder(tmp_path / "x")), tmp_path)
    assert alone.case.measure.lesion is None


def test_paired_members_decide_the_order_with_reasons(tmp_path: Path) -> None:
    base = plan(tmp_path)
    names = list(base.case.scenario)
    runs = scenarios.runs(base, names, crew())
    work.carry_out(base, [BASE, *names], tmp_path / "ensemble", crew())
    members = work.load(tmp_path / "ensemble", base, [BASE, *names])
    drawn = work.design(base.case, tmp_path)
    ensembles = scenarios.paired_ensembles(members, drawn)
    change = ensembles["stent-14"]["change"]["pressure_gradient"]
    assert (change["count"], change["lower"]) == (40, 40)
    assert change["high"] < 0.0
    duels = scenarios.duels(members, drawn, "pressure_gradient", ["stent-16", "stent-14", BASE])
    assert [duel["lower"] for duel in duels] == [40, 40]
    # between two stents only the flow differs: the lead grows with it
    assert duels[0]["driver"]["path"] == "flow.boundary.left.mean"
    assert duels[0]["driver"]["rises"]
    titles = scenarios.titles(base, names)
    page = comparison.write(
        {titles[name]: run.folder.metrics for name, run in runs.items()},
        tmp_path / "out", title="Options", created="2026-11-22T09:12:00Z",
        patient={"pseudonym": "SYN-0001"},
        ensembles={titles[name]: one for name, one in ensembles.items()},
        order=Order("pressure_gradient", [
            {**duel, "ahead": titles[duel["ahead"]], "behind": titles[duel["behind"]]}
            for duel in duels], [titles["walking"]]),
    )
    assert page.stat().st_size > 10_000
    table = json.loads((tmp_path / "out/report.json").read_text())
    first, second, third, condition, who = table["ranking"]
    assert first.startswith("1. Stent 16 mm: pressure gradient")
    assert "better in 40 of 40 pairs" in first
    assert "flow.boundary.left.mean" in first
    assert second.startswith("2. Stent 14 mm")
    assert third.startswith("3. A confluence")
    assert condition.endswith("no choice: Walking.")
    assert who.startswith("Who decides: the treating clinician")
    cell = table["tables"][0]["rows"][2]["cells"][1]
    assert "past the limit" in cell["beyond"]
    assert " to " in cell["change"]


def test_the_commands_refuse_what_cannot_be_before_computing(tmp_path: Path) -> None:
    case = tmp_path / "case.toml"
    case.write_text(played.CASE.partition("[ensemble]")[0])
    with pytest.raises(CaseError, match="no \\[ensemble\\]"):
        ensemble(case)
    with pytest.raises(CaseError, match="no scenarios"):
        compare(case)
    case.write_text(played.CASE)
    with pytest.raises(CaseError, match="nothing says whether more or less"):
        compare(case, by="minimum_area")
    with pytest.raises(CaseError, match="there is no scenario 'stent-99'"):
        compare(case, scenario=["stent-99"])
    broken = 'intervention = [{ kind = "thrombectomy", removed = 1 }]'
    case.write_text(f"{played.CASE}\n[scenario.last]\n{broken}\n")
    with pytest.raises(CaseError, match="no clot to take out"):
        compare(case)
    assert not (tmp_path / "run").exists()
