"""Layouts of other versions are read if a rule leads from them, else refused; damage shows."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from core import store
from core.errors import CaseError
from core.store import OWN, SCHEMA, VIEW, WALL_VIEW, Results

AGE = np.array([0.1, 0.2, 0.3, 0.4])


def write(path: Path, schema: int) -> Path:
    """Two stored times on 4 points and 2 wall facets, as ``schema`` has them."""
    stress = np.arange(12.0).reshape(2, 2, 3)
    with h5py.File(path, "w", libver=("v110", "v110")) as file:
        own = file.create_group(OWN)
        own.attrs.update(schema=schema, record="{}")
        own["steps_done"] = [2]
        own["wall/facets"] = [[0, 1, 2], [0, 1, 3]]
        checked = own.create_dataset("flow/mean/age", data=AGE, fletcher32=True)
        assert checked.fletcher32
        file[f"{VIEW}/Points"] = np.zeros((4, 3))
        if schema == 1:
            own["flow/wall/traction"] = stress
        else:
            file[f"{WALL_VIEW}/CellData/wss"] = stress.reshape(-1, 3)
    return path


@pytest.mark.parametrize("schema", [1, 2])
def test_known_layouts_give_the_same(schema: int, tmp_path: Path) -> None:
    with Results(write(tmp_path / "r.h5", schema)) as results:
        for step in (0, 1):
            stress = results.wall_shear_stress(step)
            assert stress.tolist() == np.arange(12.0).reshape(2, 2, 3)[step].tolist()


@pytest.mark.parametrize("schema", [0, SCHEMA + 1])
def test_unknown_layouts_are_refused(schema: int, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=f"layout {schema}, this program reads {SCHEMA}") as error:
        Results(write(tmp_path / "r.h5", schema))
    assert "version" in error.value.do


def test_every_older_layout_has_a_rule() -> None:
    assert sorted(store.MIGRATIONS) == list(range(1, SCHEMA))


def test_parts_that_are_not_written_yet_are_not_there(tmp_path: Path) -> None:
    path = write(tmp_path / "r.h5", SCHEMA)
    with h5py.File(path, "r+") as file:
        file[OWN]["clot"] = h5py.SoftLink("/PARTS/clot/now")
    with Results(path) as results:
        assert not results.has("clot")
        assert results.names("") == ["flow", "steps_done", "wall"]


def test_damage_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "r.h5", SCHEMA)
    content = path.read_bytes()
    place = content.index(AGE.tobytes())
    path.write_bytes(content[: place + 9] + b"\xff" + content[place + 10 :])
    with Results(path) as results, pytest.raises(CaseError, match="damaged in dvtwin/flow"):
        results.array("flow/mean/age")
