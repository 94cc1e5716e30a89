"""Shapes in time: their means, their periodicity, what they refuse."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.errors import CaseError
from core.settings import effective
from jobs.case import load
from solvers.settings import FlowSettings
from solvers.waveforms import Waveform, shapes
from solvers.waveforms.table import Table, with_points
from tests.verification.tubes import flow_settings

PERIOD = 4.0
SHAPES: list[dict[str, Any]] = [
    {"kind": "constant"},
    {"kind": "breath", "swing": 3.0},
    {"kind": "cardiac", "beats": 5, "swing": 2.0},
    {"kind": "pump", "contractions": 3, "duty": "50 %", "rest": 0.1},
    {"kind": "fourier", "cosines": [0.5, -0.2], "sines": [0.1]},
    {"kind": "table", "times": ["0 s", "1 s", "2 s", "3 s"], "values": [10.0, 30.0, 20.0, 20.0]},
]


def shape(table: dict[str, Any]) -> Waveform:
    found = flow_settings(
        {
            "inlet": {"kind": "flow_rate", "mean": "1 mL/s", "waveform": table},
            "outlet": {"kind": "pressure", "pressure": "0 Pa"},
        },
        period=f"{PERIOD} s",
    )
    return found.boundary["inlet"].waveforms()[0]


def refused(table: dict[str, Any], said: str) -> None:
    with pytest.raises(CaseError, match=said) as error:
        shape(table)
    assert "inlet" in error.value.where + error.value.what


@pytest.mark.parametrize("table", SHAPES, ids=lambda t: t["kind"])
def test_mean_is_one_and_the_cycle_closes(table: dict[str, Any]) -> None:
    wave = shape(table)
    times = (np.arange(20000) + 0.5) * PERIOD / 20000
    values = np.array([wave.at(float(t), PERIOD) for t in times])
    assert values.mean() == pytest.approx(1.0, abs=1e-7)
    for t in (0.0, 0.3, 2.9):
        assert wave.at(t + 3.0 * PERIOD, PERIOD) == pytest.approx(wave.at(t, PERIOD), abs=1e-9)
    jumps = np.abs(np.diff(values, append=values[0]))
    assert jumps.max() < 2e-2  # no step in time, also from one cycle to the next


def test_every_shape_is_tested() -> None:
    assert {table["kind"] for table in SHAPES} == set(shapes.parts())


def test_shapes_at_known_times() -> None:
    pump = shape({"kind": "pump", "duty": 0.5, "rest": 0.2})
    assert pump.at(1.0, 4.0) == pytest.approx(0.2 + 0.8 * 4.0)  # the middle of the contraction
    assert pump.at(3.0, 4.0) == pytest.approx(0.2)
    series = shape({"kind": "fourier", "mean": 0.0, "sines": [0.0, 2.0]})
    assert series.at(0.5, 4.0) == pytest.approx(2.0)
    heart = shape({"kind": "cardiac", "swing": 1.0, "diastolic": 0.0, "atrial": 0.0})
    assert heart.at(1.0, 4.0) - heart.at(3.0, 4.0) == pytest.approx(1.0)


def test_table_passes_its_points_without_overshoot() -> None:
    times, values = [0.0, 0.5, 1.0, 2.5, 3.5], [0.0, 0.0, 5.0, 5.0, 1.0]
    wave = Table.model_construct(times=tuple(times), values=tuple(values), mean="keep", file=None)
    for t, v in zip(times, values, strict=True):
        assert wave.at(t, PERIOD) == pytest.approx(v, abs=1e-12)
    between = [wave.at(t, PERIOD) for t in np.linspace(0.0, 4.0, 401)]
    assert min(between) >= 0.0
    assert max(between) <= 5.0


def test_table_of_a_sine_is_its_sine() -> None:
    times = np.arange(64) / 64 * PERIOD
    values = 2.0 + np.sin(2.0 * np.pi * times / PERIOD)
    wave = Table.model_construct(times=tuple(times), values=tuple(values), mean="keep", file=None)
    errors = [
        abs(wave.at(float(t), PERIOD) - 2.0 - np.sin(2.0 * np.pi * t / PERIOD))
        for t in np.linspace(0.0, PERIOD, 500)
    ]
    assert max(errors) < 2e-3  # PCHIP flattens peaks: second order there


TIMES = {"kind": "table", "times": ["0 s", "1 s", "2 s", "3 s"]}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({**TIMES, "values": [1.0, float("nan"), 1.0, 1.0]}, "not a finite number"),
        ({**TIMES, "values": [1.0, 2.0]}, "4 times but 2 values"),
        ({"kind": "table", "times": ["0 s", "2 s", "1 s"], "values": [1.0, 2.0, 1.0]}, "ascend"),
        ({"kind": "table", "times": ["0 s", "1 s", "1 s"], "values": [1.0, 2.0, 1.0]}, "ascend"),
        ({"kind": "table", "times": ["0 s", "3 s", "9 s"], "values": [1.0, 2.0, 1.0]}, "period"),
        ({"kind": "table", "times": ["0 s", ".1 s", ".2 s"], "values": [1.0, 2.0, 1.0]}, "covers"),
        ({"kind": "table", "times": ["0 s", "2 s", "4 s"], "values": [1.0, 2.0, 3.0]}, "starts"),
        ({"kind": "table", "times": ["0 s", "2 s"], "values": [1.0, 2.0]}, "at least 3"),
        ({"kind": "table"}, "at least 3"),
        ({**TIMES, "values": [1.0, -1.0, 1.0, -1.0]}, "mean of the table is zero"),
        ({**TIMES, "values": [1.0] * 4, "file": "x.csv"}, "not both"),
        ({"kind": "fourier"}, "no harmonic"),
        ({"kind": "breath", "swing": -0.1}, "greater than or equal to 0"),
        ({"kind": "breathe"}, "did you mean 'breath'"),
        ({"kind": "pump", "duty": 0.0}, "greater than 0"),
    ],
)
def test_bad_shapes_are_refused(table: dict[str, Any], said: str) -> None:
    refused(table, said)


def test_waveform_of_nothing_is_refused() -> None:
    boundary = {
        "inlet": {"kind": "flow_rate", "mean": "0 mL/s", "waveform": {"kind": "breath"}},
        "outlet": {"kind": "pressure", "pressure": "0 Pa"},
    }
    with pytest.raises(CaseError, match="multiplies zero"):
        flow_settings(boundary)


@pytest.mark.parametrize(
    "text",
    ["time,flow\n0,1\n1,3\n2,1\n3,1\n", "0 1\n1 3\n2 1\n3 1\n", "t;Q\n0;1\n1;3\n\n2;1\n3;1"],
)
def test_a_file_becomes_points(text: str, tmp_path: Path) -> None:
    (tmp_path / "flow.csv").write_text(text)
    table = with_points({"a": [{"kind": "table", "file": "flow.csv"}]}, tmp_path)
    found = shape(table["a"][0])
    assert isinstance(found, Table)
    assert found.times == (0.0, 1.0, 2.0, 3.0)
    assert found.values == (1.0, 3.0, 1.0, 1.0)
    assert shape(effective(found)) == found


@pytest.mark.parametrize(
    ("text", "where", "said"),
    [
        (None, "flow.csv", "no such file"),
        ("t,q\n0,1\n1,two\n", "flow.csv:3", "1,two"),
        ("0,1\n1,nan\n", "flow.csv:2", "expected a time and a value"),
        ("0,1,2\n", "flow.csv:1", "expected"),
        ("t,q\nt,q\n0,1\n", "flow.csv:2", "expected"),
    ],
)
def test_bad_files_are_refused(text: str | None, where: str, said: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "flow.csv").write_text(text)
    with pytest.raises(CaseError, match=said) as error:
        with_points({"kind": "table", "file": "flow.csv"}, tmp_path)
    assert error.value.where.endswith(where)
    assert error.value.do


CASE = """title = "t"
[mesh]
kind = "tube"
radius = "5 mm"
length = "20 mm"
size = "2 mm"
[flow]
period = "4 s"
[flow.boundary.inlet]
kind = "flow_rate"
mean = "1 mL/s"
waveform = { kind = "table", file = "duplex.csv", mean = "keep" }
[flow.boundary.outlet]
kind = "pressure"
pressure = "6 mmHg"
"""


def test_case_reads_the_table_beside_it(tmp_path: Path) -> None:
    (tmp_path / "duplex.csv").write_text("0,4\n1,6\n2,5\n3,5\n")
    (tmp_path / "case.toml").write_text(CASE)
    flow: FlowSettings = load(tmp_path / "case.toml").flow
    assert flow.boundary["inlet"].inflow(1.0, 4.0) == pytest.approx(6e-6)
    (tmp_path / "duplex.csv").write_text("0,4\n1,6\n9,5\n")
    with pytest.raises(CaseError, match=r"ends at 9 s, after the period of 4 s"):
        load(tmp_path / "case.toml")
