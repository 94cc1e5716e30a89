"""Digests and the record of provenance, progress, the tree of errors, and the results reader."""

import hashlib
import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from core import errors, record
from core.errors import CaseError
from core.log import Progress
from core.store import OWN, SCHEMA, VIEW, Results


def test_digest_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert record.digest_file(path) == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": 1, "b": [1.5, "x"]}, {"b": [1.5, "x"], "a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ([1, 2], [2, 1], False),
        ({"a": "ü"}, {"a": "u"}, False),
        (0.1 + 0.2, 0.3, False),
    ],
)
def test_digest_of_values(one: object, other: object, same: bool) -> None:
    assert (record.digest(one) == record.digest(other)) is same


def test_digest_of_code_sees_every_source_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "core").mkdir()
    source = tmp_path / "core" / "a.py"
    source.write_text("x = 1\n")
    monkeypatch.setattr(record, "ROOT", tmp_path)
    before = record.digest_code(("core",))
    (tmp_path / "core" / "notes.md").write_text("no code")
    assert record.digest_code(("core",)) == before
    source.write_text("x = 2\n")
    after = record.digest_code(("core",))
    assert after != before
    source.rename(source.with_name("b.py"))
    assert record.digest_code(("core",)) != after


def test_record_names_inputs_and_obeys_the_fixed_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    path = tmp_path / "veins.nii.gz"
    path.write_bytes(b"image")
    found = record.record({"image": path}, ranks=3)
    assert found["created"] == "1970-01-02T00:00:00Z"
    assert found["ranks"] == 3
    assert found["inputs"]["image"] == {"sha256": record.digest_file(path)}
    assert found["versions"]["numpy"] == np.__version__
    assert record.version_of("no-such-package") == "absent"
    assert json.loads(json.dumps(found)) == found


def test_progress_adds_a_line_a_word(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "progress.jsonl"
    Progress(path).say("flow", 0.123456789, t=0.5)
    Progress(path).say("clot", 1.0)
    Progress(None).say("clot", 1.0)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(entry["stage"], entry["done"]) for entry in lines] == [
        ("flow", 0.12346),
        ("clot", 1.0),
    ]
    assert lines[0]["t"] == 0.5


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("CaseError", 2),
        ("MeshError", 3),
        ("Diverged", 4),
        ("GateFailed", 5),
        ("JobError", 6),
        ("TryAgain", 85),
    ],
)
def test_errors_carry_their_exit_code_and_three_lines(name: str, code: int) -> None:
    error = getattr(errors, name)("what", where="case.toml: key", do="mend it")
    assert error.exit_code == code
    assert str(error).splitlines() == ["what", "  where: case.toml: key", "  do:    mend it"]
    assert str(getattr(errors, name)("what")) == "what"


def write(path: Path, schema: int = SCHEMA) -> Path:
    with h5py.File(path, "w") as file:
        own, view = file.create_group(OWN), file.create_group(VIEW)
        own.attrs.update(schema=schema, record='{"a": 1}')
        own["steps_done"] = [2]
        own.create_group("flow").attrs["key"] = "k"
        own["flow/x"] = [1.0, 2.0]
        view["Points"] = np.zeros((4, 3))
        view["Connectivity"] = np.arange(4)
        view["Steps/Values"] = [0.5, 1.0, 3.0]
        view["PointData/pressure"] = np.arange(12.0)
    return path


def test_results_are_read_up_to_what_was_done(tmp_path: Path) -> None:
    with Results(write(tmp_path / "r.h5")) as results:
        assert results.times().tolist() == [0.5, 1.0]
        assert results.viewed("pressure", 1).tolist() == [4.0, 5.0, 6.0, 7.0]
        assert results.cells().tolist() == [[0, 1, 2, 3]]
        assert results.array("flow/x").tolist() == [1.0, 2.0]
        assert results.attributes("flow") == {"key": "k"}
        assert results.record() == {"a": 1}
        assert results.names("flow") == ["x"]
        assert results.has("flow/x")
        assert not results.has("clot")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "damaged"),
        (b"", "damaged"),
        (b"not HDF5", "damaged"),
        ("empty", "damaged"),
        ("old", "layout 99"),
    ],
)
def test_files_that_are_no_results(content: object, said: str, tmp_path: Path) -> None:
    path = tmp_path / "r.h5"
    if content == "empty":
        h5py.File(path, "w").close()
    elif content == "old":
        write(path, schema=99)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    with pytest.raises(CaseError, match=said) as error:
        Results(path)
    assert error.value.where == str(path)
    assert "run" in error.value.do
