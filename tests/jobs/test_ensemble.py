"""Ensembles with played members: same samples everywhere, failures told, intervals as they are."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import CaseError, GateFailed, TryAgain
from jobs.case import dump, load
from jobs.crowd import together
from jobs.ensemble import work
from jobs.ensemble.design import design
from jobs.fields import changed, field
from jobs.folder import Folder
from jobs.pipeline import Plan
from jobs.scenarios import BASE
from postprocess.ensemble import with_intervals, withheld
from postprocess.findings import load as load_findings
from tests.jobs import played_members as played


def plan(folder: Path, text: str = played.CASE) -> Plan:
    (folder / "case.toml").write_text(text)
    case = folder / "case.toml"
    return Plan(load(case), case, Folder(folder / "run"))


def crew(said: list[str] | None = None) -> work.Crew:
    return work.Crew(2, (said if said is not None else []).append, played.play, played.is_done)


def smaller(count: int) -> str:
    return played.CASE.replace("members = 40", f"members = {count}")


def test_members_have_the_values_of_the_design(tmp_path: Path) -> None:
    base = plan(tmp_path)
    drawn = design(base.case, tmp_path)
    assert drawn.names == ("mesh.stenosis", "flow.boundary.left.mean")
    assert drawn.values.shape == (40, 2)
    stenosis, flow = drawn.values.T
    assert 0.6 < stenosis.min() < stenosis.max() < 0.85
    assert flow.mean() == pytest.approx(300e-6 / 60, rel=0.01)
    assert flow.min() >= 80e-6 / 60
    member = drawn.member(base.case, 7)
    assert member.mesh.stenosis == pytest.approx(stenosis[7], rel=1e-12)
    assert member.flow.boundary["left"].mean == pytest.approx(flow[7], rel=1e-12)
    np.testing.assert_array_equal(drawn.values, design(base.case, tmp_path).values)


def test_an_effective_case_reads_back(tmp_path: Path) -> None:
    case = plan(tmp_path).case
    (tmp_path / "again.toml").write_text(dump(case))
    assert load(tmp_path / "again.toml") == case


def test_posterior_samples_come_in_any_unit(tmp_path: Path) -> None:
    rows = "\n".join(f"{200 + k},{0.6 + k / 1000}" for k in range(50))
    (tmp_path / "post.csv").write_text(
        f"flow.boundary.left.mean [mL/min],mesh.stenosis [1]\n{rows}\n")
    head, _, rest = played.CASE.partition("[ensemble]")
    text = f'{head}[ensemble]\nmembers = 40\ndesign = "posterior"\nsamples = "post.csv"\n'
    base = plan(tmp_path, text + rest[rest.index("[scenario") :])
    drawn = design(base.case, tmp_path)
    assert drawn.values.shape == (40, 2)
    for flow, stenosis in drawn.values:
        assert flow * 6e7 == pytest.approx(200 + 1000 * (stenosis - 0.6), abs=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("flow.boundary.left.mean", "flow.boundary.left.maen", "did you mean"),
        ('low = "60 %"', 'low = "60 mm"', "wrong dimension"),
        ('low = "60 %", high = "85 %"', 'low = "85 %", high = "60 %"', "not above"),
        ('sd = "60 mL/min"', "", "normal takes mean and sd"),
        ("members = 40", 'members = 40\ndesign = "sobol"', "power of two"),
        ("members = 40", 'members = 40\nsamples = "x.csv"', "samples are for"),
        ("[ensemble]", "[ensembel]", "did you mean 'ensemble'"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(CaseError) as caught:
        design(plan(tmp_path, played.CASE.replace(old, new)).case, tmp_path)
    assert words in f"{caught.value}"


def test_intervals_are_the_quantiles_of_the_members(tmp_path: Path) -> None:
    base = plan(tmp_path)
    found = work.carry_out(base, [BASE], tmp_path / "ensemble", crew())[BASE]
    drawn = design(base.case, tmp_path)
    exact = [played.gradient(drawn.member(base.case, k))[0] for k in range(40)]
    np.testing.assert_allclose(found["values"]["pressure_gradient"], exact, rtol=1e-12)
    known = found["intervals"]["pressure_gradient"]
    assert (known["low"], known["high"]) == pytest.approx(np.quantile(exact, [0.025, 0.975]))
    assert (found["members"], found["sound"], known["count"]) == (40, 40, 40)
    # the played vein's calibre hangs on the stenosis alone, the gradient on both
    area = found["sensitivity"]["minimum_area"]["effects"]
    assert area[0]["name"] == "mesh.stenosis"
    assert (area[0]["share"], area[0]["rises"]) == (pytest.approx(1.0, abs=0.02), False)
    assert found["sensitivity"]["pressure_gradient"]["explained"] > 0.9


def test_the_report_gets_intervals_of_its_own_run_only(tmp_path: Path) -> None:
    base = plan(tmp_path)
    found = work.carry_out(base, [BASE], tmp_path / "ensemble", crew())[BASE]
    nominal = load_findings(base.folder.metrics)
    assert found["key"] == nominal.key
    row = with_intervals(nominal, found).row("pressure_gradient")
    assert row.low < row.value < row.high
    # 3 mmHg lies inside: borderline, though the value alone is within
    assert (nominal.row("pressure_gradient").flag, row.flag) == ("within", "borderline")


def test_a_member_that_fails_is_tried_again_and_told(tmp_path: Path) -> None:
    base = plan(tmp_path)
    (tmp_path / "behave.json").write_text(json.dumps(
        {"base/0003": "once", "base/0005": "always", "base/0009": "gate"}))
    said: list[str] = []
    found = work.carry_out(base, [BASE], tmp_path / "ensemble", crew(said))[BASE]
    tries = {
        name: len((tmp_path / f"ensemble/base/{name}/tries.txt").read_text())
        for name in ("0001", "0003", "0005", "0009")
    }
    assert tries == {"0001": 1, "0003": 2, "0005": 2, "0009": 1}
    assert found["sound"] == 38
    assert found["missing"] == [
        {"member": 5, "reason": "the pressure solve failed"},
        {"member": 9, "reason": "Mass balance error: 3 %, at most 0.1 % is allowed"},
    ]
    assert found["intervals"]["pressure_gradient"]["count"] == 38
    assert any("tried once more" in line for line in said)
    # again: only what is missing is computed
    (tmp_path / "behave.json").unlink()
    found = work.carry_out(base, [BASE], tmp_path / "ensemble", crew())[BASE]
    assert (tmp_path / "ensemble/base/0001/tries.txt").read_text() == "x"
    assert found["missing"][0]["member"] == 9
    assert len(found["missing"]) == 1


def test_few_members_or_many_missing_give_no_interval(tmp_path: Path) -> None:
    base = plan(tmp_path, smaller(8))
    found = work.carry_out(base, [BASE], tmp_path / "ensemble", crew())[BASE]
    assert "30 are needed" in withheld(found)
    nominal = load_findings(base.folder.metrics)
    assert with_intervals(nominal, found) == nominal
    assert "5 of 40 members have no result" in withheld({**found, "members": 40, "sound": 35})
    assert not withheld({**found, "members": 40, "sound": 36})


def test_a_sobol_design_gives_sobol_indices(tmp_path: Path) -> None:
    text = played.CASE.replace("members = 40", 'members = 16\ndesign = "sobol"')
    base = plan(tmp_path, text)
    found = work.carry_out(base, [BASE], tmp_path / "ensemble", crew())[BASE]
    assert found["members"] == 16 * 4
    known = found["sensitivity"]["velocity_ratio"]
    assert "Sobol" in known["measure"]
    assert [one["name"] for one in known["effects"]] == list(design(base.case, tmp_path).names)
    # the flow does nothing to the played ratio: exactly nothing
    assert known["effects"][1]["share"] == 0.0
    assert known["effects"][0]["share"] == pytest.approx(1.0, abs=0.15)


def test_a_cheap_version_narrows_the_error_of_the_mean(tmp_path: Path) -> None:
    cheap = '[ensemble.cheap]\nmembers = 60\nset = { "mesh.left_area" = "200 mm^2" }\n'
    text = smaller(12).replace("[scenario.stent-14]", f"{cheap}\n[scenario.stent-14]")
    base = plan(tmp_path, text)
    found = work.carry_out(base, [BASE], tmp_path / "ensemble", crew())[BASE]
    control = found["control"]["pressure_gradient"]
    assert (control["dear"], control["cheap"]) == (12, 60)
    assert control["correlation"] > 0.99
    assert control["error"] < 0.6 * control["plain_error"]
    assert not withheld(found)
    # the whole population's mean, from many draws of the same distributions
    many = design(base.case, tmp_path, more=2000)
    truth = np.mean([played.gradient(many.member(base.case, k))[0] for k in range(0, 2000, 10)])
    assert abs(control["mean"] - truth) < 2 * control["error"]


def test_an_interruption_can_be_gone_on_from(tmp_path: Path) -> None:
    base = plan(tmp_path, smaller(4))
    runs = work.plans(base, BASE, design(base.case, tmp_path), tmp_path / "ensemble")

    def interrupted(one: Plan) -> played.Done:
        if one.folder.path.name == "0002":
            raise KeyboardInterrupt
        return played.play(one)

    with pytest.raises(TryAgain, match="stopped on request"):
        together(runs, 1, print, begin=interrupted, done=played.is_done)
    assert [played.is_done(one) for one in runs] == [True, False, False, False]
    assert together(runs, 1, print, begin=played.play, done=played.is_done) == []


def test_a_field_is_found_and_changed_by_its_path(tmp_path: Path) -> None:
    case = plan(tmp_path).case
    assert field(case, "flow.rheology.mu_inf", "x").unit == "Pa s"
    new = changed(case, {"flow.rheology": {"kind": "newtonian", "mu": "4 mPa s"}}, "x")
    assert new.flow.rheology.mu == pytest.approx(4e-3)
    merged = changed(case, {"flow.rheology": {"mu_inf": "4 mPa s"}}, "x")
    assert merged.flow.rheology.kind == "carreau"
    with pytest.raises(CaseError, match="leads to no setting"):
        changed(case, {"title.short": "x"}, "x")


def test_runs_go_to_a_queue_where_one_is_asked_for(tmp_path: Path) -> None:
    base = plan(tmp_path, smaller(4))
    sent: list[tuple[int, str]] = []
    queue = replace(
        crew(), send=lambda plans, home: bool(sent.append((len(plans), home.name)) or True))
    assert work.carry_out(base, [BASE, "stent-14"], tmp_path / "ensemble", queue) == {}
    # scenarios are derived from members that have been measured: they wait
    assert sent == [(1, "nominal"), (4, "base")]
    work.carry_out(base, [BASE], tmp_path / "ensemble", crew())
    found = work.carry_out(base, [BASE, "stent-14"], tmp_path / "ensemble", queue)
    assert list(found) == [BASE]
    assert sent[2:] == [(4, "stent-14")]


def test_what_is_there_is_gathered_without_computing(tmp_path: Path) -> None:
    base = plan(tmp_path, smaller(6))
    work.carry_out(base, [BASE], tmp_path / "ensemble", crew())
    (tmp_path / "ensemble/base/0002/metrics.json").unlink()
    idle = replace(crew(), begin=None, compute=False)
    found = work.carry_out(base, [BASE], tmp_path / "ensemble", idle)[BASE]
    assert (found["members"], found["sound"]) == (6, 5)
    assert found["missing"][0]["member"] == 2


def test_no_members_of_a_case_that_a_gate_refuses(tmp_path: Path) -> None:
    base = plan(tmp_path, smaller(4))
    name = f"{tmp_path.name}/run"
    (tmp_path / "behave.json").write_text(json.dumps({name: "gate"}))
    for _ in range(2):
        with pytest.raises(GateFailed, match="the case itself has no result: Mass balance"):
            work.carry_out(base, [BASE], tmp_path / "ensemble", crew())
    assert not (tmp_path / "ensemble/base").exists()
