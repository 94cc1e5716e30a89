"""What a visit file may say, priors and their laws, versions that nobody changed."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calibration.observations import KINDS, Data, Observation, Visit
from calibration.priors import Known, Parameter, Space, adjusted
from calibration.versions import new, versions
from core.errors import CaseError
from core.settings import read

FLOW = Parameter("flow", "m^3/s", "mL/min", "inflow", "lognormal", 5e-6, 0.4, "x", drift=0.5)
LEVEL = Parameter("level", "Pa", "mmHg", "pressure", "normal", 600.0, 100.0, "x")
SHARE = Parameter("share", "1", "%", "closed", "logitnormal", 0.3, 0.8, "x")
SPACE = Space((FLOW, LEVEL, SHARE))


def observed(**table: Any) -> Observation:
    return read(Observation, table, "visit.toml")


def test_a_measurement_has_the_usual_error_of_its_kind() -> None:
    velocity = observed(kind="velocity", site="lesion", value="50 cm/s")
    assert (velocity.measured, velocity.sd) == (0.5, 0.15)
    diameter = observed(kind="diameter", site="lesion", value="8 mm")
    assert (diameter.measured, diameter.sd) == (0.008, 0.0005)


def test_an_error_is_relative_or_in_the_unit() -> None:
    for error in ("20 %", "10 cm/s"):
        made = observed(kind="velocity", site="lesion", value="50 cm/s", error=error)
        assert made.sd == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"kind": "velocty", "site": "a", "value": "1 m/s"}, "no measurement"),
        ({"kind": "velocity", "site": "a", "value": "1 mm"}, "wrong dimension"),
        ({"kind": "velocity", "site": "a", "value": 3.0}, "has no unit"),
        ({"kind": "velocity", "site": "a", "value": "-1 m/s"}, "must be above 0"),
        ({"kind": "velocity", "value": "1 m/s"}, "needs a `site`"),
        ({"kind": "velocity", "over": "a", "value": "1 m/s"}, "needs a `site`"),
        ({"kind": "velocity_ratio", "site": "a", "value": 2.0}, "`site` and `over`"),
        ({"kind": "thrombus_volume", "site": "a", "value": "2 mL"}, "needs no site"),
        ({"kind": "flow", "site": "a", "value": "300 mL/min", "error": "0 %"}, "is no error"),
        ({"kind": "flow", "site": "a", "value": "300 mL/min", "eror": "5 %"}, "did you mean"),
        ({"kind": "flow", "site": "a", "value": "3,5 mL/min"}, "3,5"),
    ],
)
def test_a_measurement_that_cannot_be_one_is_refused(table: dict[str, Any], said: str) -> None:
    with pytest.raises(CaseError, match=said):
        observed(**table)


def test_every_kind_can_be_written_and_says_its_source() -> None:
    for name, kind in KINDS.items():
        places = dict(zip(("site", "over"), ("lesion", "reference"), strict=True))
        given = dict(list(places.items())[: kind.sites])
        unit = "" if kind.unit == "1" else f" {kind.unit}"
        made = observed(kind=name, value=f"0.5{unit}" if unit else 0.5, **given)
        assert made.measured == 0.5
        assert made.sd > 0.0
        assert kind.source
        assert kind.meaning


def test_data_are_compared_on_the_scale_of_their_errors() -> None:
    data = Data.of((
        observed(kind="flow", site="a", value="300 mL/min"),
        observed(kind="pressure", site="a", value="6 mmHg"),
    ))  # fmt: skip
    assert data.values == pytest.approx([np.log(5e-6), 799.93], rel=1e-5)
    assert data.unscaled(data.values) == pytest.approx([5e-6, 799.93], rel=1e-5)
    assert not np.isfinite(data.scaled(np.array([[-1.0, 5.0]]))).all()


def test_a_visit_needs_a_date() -> None:
    with pytest.raises(CaseError, match="missing"):
        read(Visit, {"observation": []}, "visit.toml")


def test_values_follow_their_laws() -> None:
    z = np.array([-2.0, 0.0, 1.5])
    assert FLOW.value(z) == pytest.approx(5e-6 * np.exp(0.4 * z))
    assert LEVEL.value(z) == pytest.approx(600.0 + 100.0 * z)
    odds = SHARE.value(z) / (1.0 - SHARE.value(z))
    assert odds == pytest.approx(0.3 / 0.7 * np.exp(0.8 * z))


def test_prior_samples_have_the_prior_s_quantiles() -> None:
    values = SPACE.values(SPACE.sample(4000, 1))
    assert np.median(values, axis=0) == pytest.approx([5e-6, 600.0, 0.3], rel=0.01)
    assert np.log(values[:, 0]).std() == pytest.approx(0.4, rel=0.02)
    assert (SPACE.sample(10, 1) == SPACE.sample(10, 1)).all()


def test_time_widens_what_drifts_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    z = 0.3 * rng.standard_normal((5000, 3))
    moved = SPACE.drifted(z, rng, {"share": 0.4})
    assert moved.std(axis=0) == pytest.approx([np.hypot(0.3, 0.5), 0.3, 0.5], rel=0.05)
    assert (moved[:, 1] == z[:, 1]).all()
    wide = SPACE.drifted(rng.standard_normal((5000, 3)), rng, {"share": 3.0})
    assert wide.std(axis=0)[[0, 2]] == pytest.approx([1.0, 1.0], rel=0.02)


def test_a_better_prior_needs_a_source_and_sense() -> None:
    better = Known(centre="250 mL/min", spread=0.2, source="duplex")
    assert adjusted((FLOW,), {"flow": better}, "t")[0].centre == pytest.approx(250e-6 / 60)
    for wrong in (
        Known(centre="250 mL/min", spread=0.2, source=" "),
        Known(centre="-1 mL/min", spread=0.2, source="x"),
        Known(centre="250 mL/min", spread=0.0, source="x"),
        Known(centre="250 mm", spread=0.2, source="x"),
    ):
        with pytest.raises(CaseError, match=r"."):
            adjusted((FLOW,), {"flow": wrong}, "t")
    with pytest.raises(CaseError, match="no unknown 'flw'"):
        adjusted((FLOW,), {"flw": better}, "t")


def _make(twin: Path, count: int) -> None:
    for number in range(count):
        with new(twin, date=f"2026-01-0{number + 1}") as place:
            (place / "posterior.json").write_text(str(number))


def test_versions_are_linked(tmp_path: Path) -> None:
    _make(tmp_path, 3)
    found = versions(tmp_path)
    assert [one.number for one in found] == [1, 2, 3]
    assert found[0].told["parent"] is None
    assert found[1].told["parent"] != found[2].told["parent"]


@pytest.mark.parametrize("deed", ["change", "add", "lose", "remove", "rewrite"])
def test_a_changed_version_is_seen_and_nothing_is_built_on_it(tmp_path: Path, deed: str) -> None:
    _make(tmp_path, 3)
    folder = tmp_path / "version-001"
    match deed:
        case "change":
            (folder / "posterior.json").write_text("9")
        case "add":
            (folder / "more.txt").write_text("9")
        case "lose":
            (folder / "posterior.json").unlink()
        case "remove":
            (tmp_path / "version-002").rename(tmp_path / "elsewhere")
        case "rewrite":
            told = json.loads((folder / "version.json").read_text())
            (folder / "version.json").write_text(json.dumps(told | {"date": "2025-01-01"}))
    with pytest.raises(CaseError, match="not as they were made"):
        versions(tmp_path)
    with pytest.raises(CaseError, match="not as they were made"):
        _make(tmp_path, 1)
    assert not list(tmp_path.glob("version-004"))


def test_a_version_that_fails_leaves_nothing(tmp_path: Path) -> None:
    _make(tmp_path, 1)

    def fail() -> None:
        with new(tmp_path) as place:
            (place / "half").write_text("x")
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["version-001"]
