"""calibrate, update, timeline from files: what they write, what they refuse, that they repeat."""

import datetime
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from core.errors import CaseError
from jobs.cli import app
from jobs.twin import files, fit, visits
from jobs.twin.spec import load
from jobs.twin.veins import VeinModel

TWIN = """
title = "test twin"
pseudonym = "SYNTHETIC-09"
date = 2026-01-05
members = 100
[field]
inflow_left = "flow.boundary.left.mean"
[vein.left]
into = "cava"
arc = ["0 mm", "40 mm", "60 mm", "66 mm", "72 mm", "80 mm"]
area = ["150 mm^2", "150 mm^2", "120 mm^2", "30 mm^2", "110 mm^2", "150 mm^2"]
[vein.right]
into = "cava"
arc = ["0 mm", "80 mm"]
area = ["160 mm^2", "160 mm^2"]
[vein.cava]
arc = ["0 mm", "45 mm"]
area = ["260 mm^2", "260 mm^2"]
[site]
lesion = { vein = "left", arc = "66 mm" }
reference = { vein = "left", arc = "10 mm" }
peripheral = { vein = "left", arc = "5 mm" }
central = { vein = "cava", arc = "20 mm" }
[thrombus]
vein = "left"
start = "20 mm"
end = "45 mm"
closed = 0.6
"""
RIGHT = {
    ("velocity", "reference"): "6 cm/s", ("flow", "reference"): "330 mL/min",
    ("diameter", "reference"): "13.6 mm", ("pressure", "central"): "6 mmHg",
    ("thrombus_volume", ""): "2.2 mL",
}  # fmt: skip


def visit(
    folder: Path, date: str, changes: Mapping[Any, str] | None = None, head: str = ""
) -> Path:
    path = folder / f"visit-{date}.toml"
    lines = [f"date = {date}", 'pseudonym = "SYNTHETIC-09"', head]
    for (kind, site), value in (RIGHT | dict(changes or {})).items():
        lines += ["[[observation]]", f'kind = "{kind}"', f'value = "{value}"']
        lines += [f'site = "{site}"'] if site else []
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A twin after its first visit, to copy."""
    folder = tmp_path_factory.mktemp("twin")
    (folder / "twin.toml").write_text(TWIN)
    visits.calibrate(folder / "twin.toml", visit(folder, "2026-01-07"), folder / "twin")
    return folder


@pytest.fixture
def place(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "patient"))


def told(place: Path, number: int) -> dict[str, Any]:
    path = place / "twin" / f"version-{number:03d}" / "posterior.json"
    return dict(json.loads(path.read_text()))


def test_a_version_says_what_was_learned_and_what_was_not(made: Path) -> None:
    rows = {row["name"]: row for row in told(made, 1)["unknowns"]}
    assert rows["inflow_left"]["informed"]
    assert rows["central"]["informed"]
    # nothing was measured of these
    assert not rows["inflow_right"]["informed"]
    assert not rows["lysis"]["informed"]
    assert not rows["collateral"]["informed"]
    folder = made / "twin" / "version-001"
    assert {p.name for p in folder.iterdir()} == {
        "version.json", "posterior.json", "ensemble.npz", "samples.csv", "ensemble.csv",
        "visit.toml", "fit.png",
    }  # fmt: skip
    assert (folder / "fit.png").stat().st_size > 10_000


def test_the_fit_explains_the_measurements(made: Path) -> None:
    for row in told(made, 1)["measurements"]:
        assert row["fit"]["low"] < row["value"] < row["fit"]["high"], row["name"]
        assert row["probability"] > 0.05
        width = [row[name]["high"] - row[name]["low"] for name in ("forecast", "fit")]
        assert width[1] < width[0]


def test_samples_are_read_as_members_of_an_ensemble(made: Path) -> None:
    from calibration.designs import posterior

    columns, values = posterior(made / "twin" / "version-001" / "ensemble.csv")
    assert columns == [("flow.boundary.left.mean", "m^3/s")]
    assert values.shape == (100, 1)
    assert 150e-6 / 60 < np.median(values) < 600e-6 / 60


def test_the_same_seed_gives_the_same_twin(made: Path, tmp_path: Path) -> None:
    again, other = tmp_path / "again", tmp_path / "other"
    first = made / "visit-2026-01-07.toml"
    visits.calibrate(made / "twin.toml", first, again)
    (tmp_path / "twin.toml").write_text(TWIN.replace("members = 100", "members = 100\nseed = 5"))
    visits.calibrate(tmp_path / "twin.toml", first, other)
    texts = [
        (folder / "version-001" / "samples.csv").read_text()
        for folder in (made / "twin", again, other)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_a_visit_on_course_makes_a_linked_version(place: Path) -> None:
    first = told(place, 1)
    second = visit(place, "2026-02-05", {("thrombus_volume", ""): "1.1 mL"})
    done = visits.update(place / "twin", second)
    assert done.told["innovation"]["consistent"]
    assert told(place, 1) == first
    version = json.loads((place / "twin" / "version-002" / "version.json").read_text())
    assert version["number"] == 2
    assert version["parent"]
    rows = {row["name"]: row for row in done.told["unknowns"]}
    # two volumes a month apart tell the rate
    assert rows["lysis"]["informed"]


def test_a_visit_off_course_changes_nothing(place: Path) -> None:
    off = visit(
        place,
        "2026-02-05",
        {("thrombus_volume", ""): "14 mL", ("velocity", "reference"): "1 cm/s"},
    )
    before = {p: p.read_bytes() for p in (place / "twin").rglob("*") if p.is_file()}
    done = CliRunner().invoke(app, ["update", str(place / "twin"), str(off)])
    assert "review the images" in str(done.exception)
    assert getattr(done.exception, "exit_code", None) == 5
    assert "outside" in done.output
    kept = {p: p.read_bytes() for p in before if p.name != "audit.jsonl"}
    assert kept == {p: text for p, text in before.items() if p.name != "audit.jsonl"}
    assert len(files.refusals(place / "twin")) == 1
    assert not (place / "twin" / "version-002").exists()


def test_a_reviewed_visit_is_taken_in_with_its_reason(place: Path) -> None:
    off = visit(place, "2026-02-05", {("thrombus_volume", ""): "9 mL"})
    done = visits.update(place / "twin", off, "new thrombosis, seen on MR")
    assert not done.told["innovation"]["consistent"]
    assert told(place, 2)["reviewed"] == "new thrombosis, seen on MR"


def test_a_change_of_drugs_reopens_the_rate(place: Path) -> None:
    widths = []
    for drugs in ("", 'drugs = ["apixaban"]'):
        folder = place / f"with {drugs[:5]}"
        shutil.copytree(place / "twin", folder)
        twin, kept = files.opened(folder)
        path = visit(place, "2026-03-05", head=drugs)
        start = fit.carried(twin, kept[0].ensembles, kept[0].visit, files.visit_of(path), 2)
        column = twin.models[0].space.names.index("lysis")
        widths.append(
            start["veins"][:, column].std() / kept[0].ensembles["veins"][:, column].std()
        )
    assert widths[0] == 1.0
    assert widths[1] != 1.0


def test_the_timeline_tells_forecasts_and_what_came_true(place: Path) -> None:
    visits.update(place / "twin", visit(place, "2026-02-05", {("thrombus_volume", ""): "1.1 mL"}))
    off = visit(place, "2026-03-05", {("thrombus_volume", ""): "14 mL"})
    assert visits.update(place / "twin", off).folder is None
    done = CliRunner().invoke(app, ["timeline", str(place / "twin"), "--days", "30"],
                              catch_exceptions=False)  # fmt: skip
    assert done.exit_code == 0
    assert "refused" in done.output
    assert (place / "twin" / "timeline.png").stat().st_size > 10_000
    found = json.loads((place / "twin" / "timeline.json").read_text())
    assert found["scores"]["forecasts"] == len(RIGHT)
    assert found["scores"]["crps"] < found["scores"]["crps_of_prior"]
    volume = next(panel for panel in found["panels"] if panel["name"] == "thrombus volume")
    assert [one["refused"] for one in volume["visits"]] == [False, False, True]
    assert volume["ahead"]["median"][-1] < volume["ahead"]["median"][0]


def test_a_twin_that_was_changed_is_not_built_on(place: Path) -> None:
    path = place / "twin" / "version-001" / "posterior.json"
    path.write_text(path.read_text().replace("true", "false"))
    with pytest.raises(CaseError, match="not as they were made"):
        visits.update(place / "twin", visit(place, "2026-02-05"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('site = "reference"', 'site = "refrence"'), "no site 'refrence'"),
        (("SYNTHETIC-09", "SYNTHETIC-10"), "may be two patients"),
        (("date = 2026-02-05", "date = 2026-01-07"), "not later than the last"),
        (("date = 2026-02-05", "date = 2025-12-01"), "not later than the last"),
        (('kind = "flow"', 'kind = "tga_lag"'), "needs no site|wrong dimension|assay"),
        (('kind = "flow"', 'kind = "flwo"'), "no measurement"),
        (("[[observation]]", "[[observations]]"), "did you mean"),
        (('value = "6 cm/s"', 'value = "6 cm"'), "wrong dimension"),
        (('value = "6 cm/s"', "value = 6"), "has no unit"),
    ],
)
def test_a_wrong_visit_is_refused_in_words(
    place: Path, change: tuple[str, str], said: str
) -> None:
    path = visit(place, "2026-02-05")
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(CaseError, match=said):
        visits.update(place / "twin", path)
    assert not (place / "twin" / "version-002").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('into = "cava"', 'into = "caav"'), "which is no vein"),
        (('arc = "66 mm"', 'arc = "166 mm"'), "does not lie on"),
        (('"30 mm^2"', '"-30 mm^2"'), "above 0"),
        (('"30 mm^2", ', ""), "give one of each"),
        (("[field]", '[prior.viscosty]\ncentre = "4 mPa s"\nspread = 0.1\nsource = "x"\n[field]'),
         "no unknown 'viscosty'"),
        (("inflow_left =", "inflow_lft ="), "no unknown 'inflow_lft'"),
        (("members = 100", "members = 5"), "100"),
        (("members = 100", 'run = "elsewhere"'), "either"),
    ],
)  # fmt: skip
def test_a_wrong_twin_is_refused_in_words(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    path = tmp_path / "twin.toml"
    path.write_text(TWIN.replace(*change))
    with pytest.raises(CaseError, match=said):
        visits.calibrate(path, visit(tmp_path, "2026-01-07"), tmp_path / "twin")
    assert not (tmp_path / "twin").exists()


def test_a_twin_of_other_unknowns_is_not_built_on(place: Path) -> None:
    path = place / "twin" / "twin.toml"
    path.write_text(path.read_text().replace("reflux = false", "reflux = true"))
    with pytest.raises(CaseError, match=r"other unknowns .* leak"):
        visits.update(place / "twin", visit(place, "2026-02-05"))


def test_a_second_calibration_does_not_overwrite_the_first(place: Path) -> None:
    with pytest.raises(CaseError, match="there is a twin already"):
        visits.calibrate(place / "twin.toml", place / "visit-2026-01-07.toml", place / "twin")


def test_fhir_observations_are_measurements(place: Path) -> None:
    from postprocess.exports.document import codes

    own = codes()["system"]["local"]

    def quantity(value: float, unit: str) -> dict[str, Any]:
        return {"value": value, "system": "http://unitsofmeasure.org", "code": unit}

    def observation(system: str, code: str, amount: dict[str, Any], site: str) -> dict[str, Any]:
        return {
            "resourceType": "Observation", "status": "final", "valueQuantity": amount,
            "code": {"coding": [{"system": system, "code": code}]},
            "effectiveDateTime": "2026-02-05T10:00:00Z",
            "bodySite": {"coding": [{"system": own, "code": site}]},
        }  # fmt: skip

    loinc = "http://loinc.org"
    entries = [
        observation(loinc, "33878-0", quantity(310, "mL/min"), "reference"),
        observation(own, "pressure", quantity(6, "mm[Hg]"), "central"),
        observation(loinc, "99999-9", quantity(1, "m"), "reference"),
        observation(loinc, "11692-1", quantity(7, "cm/s"), "reference")
        | {"status": "preliminary"},
    ]
    path = place / "bundle.json"
    bundle: dict[str, Any] = {
        "resourceType": "Bundle",
        "entry": [{"resource": one} for one in entries],
    }
    path.write_text(json.dumps(bundle))
    (place / "v.toml").write_text('date = 2026-02-05\nfhir = "bundle.json"\n')
    found = files.visit_of(place / "v.toml").observation
    assert [(o.kind, o.site, round(o.measured, 8)) for o in found] == [
        ("flow", "reference", round(310e-6 / 60, 8)), ("pressure", "central", 799.93432449),
    ]  # fmt: skip
    assert {o.date for o in found} == {datetime.date(2026, 2, 5)}
    for change, said in (
        ({"effectiveDateTime": "2026-02-31"}, "cannot be used"),
        ({"valueQuantity": quantity(310, "mm")}, "cannot be used"),
        ({"valueQuantity": quantity(True, "mL/min")}, "cannot be used"),
    ):
        bundle["entry"][0]["resource"] = entries[0] | change
        path.write_text(json.dumps(bundle))
        with pytest.raises(CaseError, match=said):
            files.visit_of(place / "v.toml")
    bundle["entry"] = [{"resource": {"resourceType": "Patient"}}] * 2
    path.write_text(json.dumps(bundle))
    with pytest.raises(CaseError, match="more than one patient"):
        files.visit_of(place / "v.toml")


def test_a_signal_becomes_a_waveform_of_a_case(place: Path) -> None:
    times = np.arange(0.0, 60.0, 0.02)
    np.savetxt(place / "envelope.csv", np.stack([times, 20 + 6 * np.cos(1.6 * times)], axis=1),
               delimiter=",", header="time, velocity", comments="")  # fmt: skip
    head = '[[signal]]\nfile = "envelope.csv"\n'
    done = visits.update(place / "twin", visit(place, "2026-02-05", head=head))
    assert done.folder is not None
    from solvers.waveforms.table import Table, with_points

    table = {"kind": "table", "file": "waveform-1.csv"}
    wave = Table.model_validate(with_points(table, done.folder))
    told_ = done.told["waveforms"][0]
    wave.check(told_["period"])
    assert wave.at(0.0, told_["period"]) == pytest.approx(26.0 / 20.0, rel=0.02)


@pytest.mark.slow
def test_thrombin_generation_tells_of_the_factors(tmp_path: Path) -> None:
    (tmp_path / "twin.toml").write_text(TWIN + '\n[assay]\nduration = "10 min"\n')
    path = visit(tmp_path, "2026-01-07")
    rows = [("factor", "VIII", "160 %"), ("tga_lag", "", "2.4 min"), ("tga_peak", "", "520 nM")]
    text = path.read_text()
    for kind, site, value in rows:
        text += f'\n[[observation]]\nkind = "{kind}"\nvalue = "{value}"\n'
        text += f'site = "{site}"\n' if site else ""
    path.write_text(text)
    done = visits.calibrate(tmp_path / "twin.toml", path, tmp_path / "twin")
    found = {row["name"]: row for row in done.told["unknowns"]}
    assert found["factor_VIII"]["informed"]
    assert found["factor_VIII"]["posterior"]["median"] > 1.2
    assert found["factor_VIII"]["posterior"]["low"] < 1.6


def test_the_recanalisation_is_exponential_to_what_stays(place: Path) -> None:
    spec = load(place / "twin.toml")
    from jobs.twin.model import build

    veins = build(spec, place, "twin.toml").models[0]
    assert isinstance(veins, VeinModel)
    middle = veins.space.values(np.zeros((1, len(veins.space.names))))
    closed = [veins.condition(middle, day).closed for day in (0.0, 21.0, 1e4)]
    assert np.ravel(closed) == pytest.approx([0.6, 0.6 * (0.2 + 0.8 * 0.5), 0.6 * 0.2])
