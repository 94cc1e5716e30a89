"""The quick part of the campaign of faults (`dvtwin bench faults` is the whole)."""

import random
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmarks import faults
from benchmarks._faulty import STAGES, Ground, cut
from jobs.folder import Folder
from jobs.stages import STAGES as STAGES_OF_A_RUN

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    return Ground(tmp_path_factory.mktemp("faults"))


def test_a_kill_in_every_stage(ground: Ground) -> None:
    tallies = faults.kills(ground, dict.fromkeys(STAGES, 1))
    assert [tally.fault for tally in tallies] == [f"kills-{stage}" for stage in STAGES]
    assert all(tally.met for tally in tallies)
    assert [text for tally in tallies for text in tally.wrong] == []


def test_a_damaged_periodic_flow_is_recorded_anew_unless_the_clot_has_begun(
    tmp_path: Path,
) -> None:
    folder, rng = Folder(tmp_path), random.Random(1)
    folder.make()
    stored = next(stage for stage in STAGES_OF_A_RUN if stage.name == "flow").stored
    with h5py.File(folder.results, "w") as file:
        file.create_group("dvtwin/flow").attrs.update(key="k", complete=1)
    periodic = folder.checkpoint / "periodic.h5"
    assert stored(folder) == "k"  # checkpoints may be thrown away
    with h5py.File(periodic, "w") as file:
        file.create_dataset("a/b", data=np.arange(5000.0), chunks=(100,), fletcher32=True)
    assert stored(folder) == "k"
    whole = bytearray(periodic.read_bytes())
    whole[whole.index(np.arange(2000.0, 2001.0).tobytes())] ^= 1
    periodic.write_bytes(whole)
    assert stored(folder) is None
    cut(periodic, rng)
    assert stored(folder) is None
    (folder.checkpoint / "clot.h5").touch()
    assert stored(folder) == "k"


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
