"""Estimates follow the runs that were measured, and a user's own runs most."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from jobs import estimate
from jobs.case import load
from jobs.estimate import Usage
from jobs.stages import STAGES, chain
from tests.jobs import fakes


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "history.jsonl"
    monkeypatch.setenv("DVTWIN_HISTORY", str(path))
    return path


def _flow(history: Path, tmp_path: Path, cells: int, ranks: int) -> estimate.Estimate:
    case = tmp_path / "case.toml"
    case.write_text(fakes.CASE)
    read = load(case)
    return estimate.estimates(read, chain(read), cells, ranks)["flow"]


def test_the_table_that_comes_along_covers_every_stage(history: Path) -> None:
    rows = [row for _, row in estimate.measured()]
    assert {row.stage for row in rows} >= {stage.name for stage in STAGES}
    for element in ("P1/P1", "P2/P1"):
        sizes = [row.cells for row in rows if (row.stage, row.element) == ("flow", element)]
        assert len(sizes) >= 3
        assert max(sizes) > 3 * min(sizes)


def test_more_cells_take_longer_and_more_ranks_less(history: Path, tmp_path: Path) -> None:
    small, large = (_flow(history, tmp_path, cells, 2) for cells in (50_000, 500_000))
    spread = _flow(history, tmp_path, 500_000, 16)
    assert small.seconds < large.seconds
    assert spread.seconds < large.seconds
    assert small.memory < large.memory
    assert spread.memory < large.memory
    assert large.seconds < large.upper < large.need.seconds


def test_a_line_is_found_again(history: Path, tmp_path: Path) -> None:
    """seconds = 5 + 2e-6 work / ranks, memory = 1e8 + 2000 cells / ranks."""
    with history.open("w") as file:
        for cells, ranks in ((10_000, 1), (40_000, 2), (160_000, 4), (640_000, 4), (320_000, 1)):
            row = Usage("flow", "P1/P1", cells, 400, ranks, 5 + 2e-6 * cells * 400 / ranks,
                        1e8 + 2000 * cells / ranks)
            file.write(json.dumps(asdict(row)) + "\n")
        file.write("not a row\n")
    found = _flow(history, tmp_path, 200_000, 2)
    assert found.seconds == pytest.approx(5 + 2e-6 * 200_000 * 40 / 2, rel=0.5)
    assert found.memory == pytest.approx(1.2 * (1e8 + 2000 * 100_000), rel=0.5)


def test_a_stage_nobody_measured_asks_for_the_least() -> None:
    wanted = Usage("dream", "", 1000, 0, 1, 0.0, 0.0)
    need = estimate._estimate([], wanted).need
    assert (need.seconds, need.memory) == (estimate.LEAST_TIME, estimate.LEAST_MEMORY)


def test_ranks_that_suit_a_mesh() -> None:
    assert estimate.best_ranks(1000) == 1
    assert estimate.best_ranks(3_000_000) == 100
