"""A case reads back from what is written of it; its lines are found; overrides win."""

import tomllib
from pathlib import Path

import pytest

from core.record import ROOT
from jobs.case import Case, dump, load
from jobs.stages import STAGES, chain, keys
from jobs.toml import dumps, line_of
from tests.jobs.fakes import CASE

CLOT = """
[clot]
until = "12 h"
[clot.model]
kind = "growth"
injury = [{ at = ["0 mm", "5 mm", "15 mm"], radius = "4 mm" }]
"""


def _load(folder: Path, text: str, *settings: str) -> Case:
    path = folder / "case.toml"
    path.write_text(text)
    return load(path, settings)


DATED = CASE.replace("[mesh]", "[patient]\ndate = 2026-03-01\n[mesh]")
EXAMPLES = sorted((ROOT / "examples").glob("*/case.toml"))


@pytest.mark.parametrize("text", [CASE, CASE + CLOT, DATED])
def test_effective_case_reads_back_as_the_same(tmp_path: Path, text: str) -> None:
    case = _load(tmp_path, text)
    again = _load(tmp_path, dump(case))
    assert again == case
    assert dump(again) == dump(case)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name)
def test_examples_read_and_read_back(path: Path, tmp_path: Path) -> None:
    case = load(path)
    assert _load(tmp_path, dump(case)) == case
    assert case.patient.pseudonym.startswith("SYNTHETIC")


def test_quantities_are_si(tmp_path: Path) -> None:
    case = _load(tmp_path, CASE)
    condition = case.flow.boundary["inlet"]
    assert condition.inflow(0.0, 1.0) == pytest.approx(5e-6, rel=1e-12)
    assert case.flow.boundary["outlet"].pressure_at(0.0, 1.0) == pytest.approx(6 * 133.322387415)


def test_overrides_win_and_need_no_quotes(tmp_path: Path) -> None:
    settings = ("flow.boundary.inlet.mean=150 mL/min", "flow.cycles=5", 'title="Another"')
    case = _load(tmp_path, CASE, *settings)
    assert case.flow.boundary["inlet"].inflow(0.0, 1.0) == pytest.approx(2.5e-6)
    assert (case.flow.cycles, case.title) == (5, "Another")


TABLES = [
    {"a": 1, "b": 2.5, "c": True, "d": "x\"y\\z\n\t é \x7f", "e": [1, [2, 3]], "f": []},
    {"a": {"b": {"c": 1}}, "d": {"e": "f", "g": {}}},
    {"a": [{"b": 1, "c d": {"e": "f"}}], "key with space": {"1": "2"}},
    {"a": 1e-300, "b": -0.0, "c": 5e-06},
]


@pytest.mark.parametrize("table", TABLES)
def test_toml_round_trip(table: dict[str, object]) -> None:
    assert tomllib.loads(dumps(table)) == table


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("title", 2), ("mesh", 4), ("mesh.radius", 6), ("mesh.nothing", 4), ("flow.cycles", 11),
        ("flow.boundary.inlet.mean", 17), ("patient.side", None),
    ],
)
def test_line_of_a_key(path: str, line: int | None) -> None:
    assert line_of(CASE, path) == line


@pytest.mark.parametrize(
    ("setting", "stale"),
    [
        ("mesh.size=1 mm", ["mesh", "flow", "clot", "measure", "report"]),
        ("flow.density=1050 kg/m^3", ["flow", "clot", "measure", "report"]),
        ("clot.until=6 h", ["flow", "clot", "measure", "report"]),
        ("clot.growth_width=1 mm", ["clot", "measure", "report"]),
        ("measure.region=30 mm", ["measure", "report"]),
        ("patient.side=right", ["report"]),
        ("report.language=pl", ["report"]),
        ("run.ranks=7", []),
    ],
)
def test_a_setting_makes_stale_what_depends_on_it(
    tmp_path: Path, setting: str, stale: list[str]
) -> None:
    before = keys(_load(tmp_path, CASE + CLOT), {}, STAGES)
    after = keys(_load(tmp_path, CASE + CLOT, setting), {}, STAGES)
    assert [name for name in before if before[name] != after[name]] == stale


def test_an_input_makes_all_stale_and_no_clot_means_no_stage(tmp_path: Path) -> None:
    case = _load(tmp_path, CASE)
    stages = chain(case)
    assert [stage.name for stage in stages] == ["mesh", "flow", "measure", "report"]
    one, other = keys(case, {"image": "1"}, stages), keys(case, {"image": "2"}, stages)
    assert all(one[name] != other[name] for name in one)
