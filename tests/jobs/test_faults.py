"""The quick part of the campaign of faults (`dvtwin bench faults` is the whole)."""

from pathlib import Path

import pytest

from benchmarks import faults
from benchmarks._faulty import STAGES, Ground

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("faults"))


def test_a_kill_in_every_stage(ground: Ground) -> None:
    tallies = faults.kills(ground, 1)
    assert [tally.fault for tally in tallies] == [f"kills-{stage}" for stage in STAGES]
    assert all(tally.met for tally in tallies)
    assert [text for tally in tallies for text in tally.wrong] == []


def test_a_damaged_mesh(ground: Ground) -> None:
    tally = faults.damage(ground, "mesh.h5", "mesh", 1)
    assert tally.met == 1
    assert tally.wrong == []


def test_the_table_takes_its_place(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- table -->\nold\n<!-- end -->\nafter\n")
    faults.write_table([{"id": "faults.x", "value": 3, "source": "well"}], page)
    text = page.read_text()
    assert text.startswith("before\n<!-- table -->\nMade ")
    assert text.endswith("| faults.x | 3 | well |\n<!-- end -->\nafter\n")
    assert "old" not in text
