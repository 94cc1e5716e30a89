"""Each mistake ends with the right exit code and one clear message, never a traceback."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.record import ROOT
from jobs import cli
from jobs.executors import Resources
from jobs.executors.here import environment
from jobs.folder import Folder, find, write_text
from tests.jobs.fakes import CASE

Dvtwin = Callable[..., tuple[int, str]]


@pytest.fixture
def dvtwin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Dvtwin:
    """Call the command line; gives the exit code and what it said on standard error."""

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["dvtwin", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        return int(caught.value.code or 0), capsys.readouterr().err

    return call


MASK = """kind = "mask"
path = "no.nii.gz"
labels = [1]
unit = "mm"
size = "2 mm"
root = "outlet"
openings.inlet.at = ["0 mm", "0 mm", "0 mm"]
openings.outlet.at = ["0 mm", "0 mm", "9 mm"]
"""
TUBE = CASE[CASE.index("kind"):CASE.index("[flow]")]

BAD = {
    "unknown key": ("radius =", "raduis =", "did you mean 'radius'", "mesh.raduis"),
    "unknown table": ("[flow]", "[flaw]\n[flow]", "did you mean 'flow'", "flaw"),
    "unknown key deep": ("cycles", "cycels", "did you mean 'cycles'", "flow.cycels"),
    "missing unit": ('"5 mm"', '"5"', "has no unit", "mesh.radius"),
    "bare number": ('"5 mm"', "5", "has no unit", "mesh.radius"),
    "wrong dimension": ('"300 mL/min"', '"3 mmHg"', "wrong dimension", "flow.boundary.inlet.mean"),
    "unknown unit": ('"5 mm"', '"5 fathomz"', "cannot read", "mesh.radius"),
    "not a number": ('"5 mm"', '"nan mm"', "not a finite number", "mesh.radius"),
    "infinite": ('"6 mmHg"', '"inf mmHg"', "not a finite number", "flow.boundary.outlet.pressure"),
    "negative radius": ('"5 mm"', '"-5 mm"', "greater than 0", "mesh.radius"),
    "no outlet": (
        'kind = "pressure", pressure = "6 mmHg"', 'kind = "flow_rate", mean = "1 mL/s"',
        "pressure has no level", "flow.boundary",
    ),
    "unknown boundary kind": ('"flow_rate"', '"flow"', "'flow_rate'", "flow.boundary.inlet"),
    "boundary without kind": ('kind = "flow_rate", ', "", "needs kind", "flow.boundary.inlet"),
    "unknown mesh kind": ('"tube"', '"tub"', "did you mean 'tube'", "mesh"),
    "setting missing": ('length = "30 mm"', "", "missing", "mesh.length"),
    "table missing": (TUBE, "", "needs kind", "mesh"),
    "title empty": ('"A straight tube"', '""', "must not be empty", "title"),
    "title missing": ('title = "A straight tube"', "", "missing", "title"),
    "not TOML": ('"5 mm"', "5 mm", "not TOML", "case.toml:6"),
    "unclosed text": ('"5 mm"', '"5 mm', "not TOML", "case.toml:6"),
    "key twice": ("cycles = 2", "cycles = 2\ncycles = 3", "not TOML", "case.toml:12"),
    "wrong type": ("cycles = 2", 'cycles = "two"', "must be a valid integer", "flow.cycles"),
    "unknown choice": ('"P1/P1"', '"P3/P2"', "must be 'P1/P1'", "flow.scheme.element"),
    "step longer than allowed": ('"50 ms"', '"5 s"', "less than or equal to 1", "flow.scheme.dt"),
    "no ranks": ("[flow]", "[run]\nranks = 0\n[flow]", "greater than or equal to 1", "run.ranks"),
    "name as pseudonym": (
        "[mesh]", '[patient]\npseudonym = "Jane Roe"\n[mesh]', "never a name", "patient.pseudonym",
    ),
    "name of a patient": ("[mesh]", '[patient]\nname = "x"\n[mesh]', "unknown", "patient.name"),
    "birth date": ("[mesh]", '[patient]\nage_band = "1961-02-03"\n[mesh]', "decade", "age_band"),
    "image missing": (TUBE, MASK, "does not exist", "mesh.path"),
    "mesh file without unit": (TUBE, 'kind = "file"\npath = "vein.vtu"\n', "missing", "mesh.unit"),
    "image without unit": (TUBE, MASK.replace('unit = "mm"\n', ""), "missing", "mesh.unit"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_case(name: str, tmp_path: Path, dvtwin: Dvtwin) -> None:
    old, new, what, where = BAD[name]
    assert old in CASE
    path = tmp_path / "case.toml"
    path.write_text(CASE.replace(old, new, 1))
    code, said = dvtwin("check", path)
    assert code == 2
    _one_message(said, what, where)
    assert not (tmp_path / "run").exists()


def _one_message(said: str, what: str, where: str = "") -> None:
    """``said`` is one error of at most three lines, after the line that names the run."""
    lines = [line for line in said.splitlines() if "→" not in line]
    assert lines[0].startswith("error: "), said
    assert what in lines[0]
    labels = [line.split()[0] for line in lines[1:]]
    assert labels == ["where:", "do:"][: len(labels)], said
    assert where in (lines[1] if len(lines) > 1 else "")


def test_the_case_itself_is_good(tmp_path: Path, dvtwin: Dvtwin) -> None:
    path = tmp_path / "case.toml"
    path.write_text(CASE)
    assert dvtwin("check", path) == (0, "")


def test_case_missing(tmp_path: Path, dvtwin: Dvtwin) -> None:
    code, said = dvtwin("run", tmp_path / "none.toml")
    assert code == 2
    _one_message(said, "there is no case file", str(tmp_path))


def test_case_is_a_folder(tmp_path: Path, dvtwin: Dvtwin) -> None:
    code, said = dvtwin("check", tmp_path)
    assert code == 2
    _one_message(said, "this is a folder")


def test_case_is_binary(tmp_path: Path, dvtwin: Dvtwin) -> None:
    (tmp_path / "case.toml").write_bytes(b"\x89HDF\r\n\xff\xfe")
    code, said = dvtwin("check", tmp_path / "case.toml")
    assert code == 2
    _one_message(said, "no text file")


@pytest.mark.parametrize(
    ("override", "what"),
    [
        ("mesh.radius=5", "has no unit"),
        ("mesh.raduis=5 mm", "did you mean 'radius'"),
        ("flow.boundary.inlett.mean=3 mL/s", "needs kind"),
        ("mesh.radius", "cannot understand"),
        ("title.part=1", "is no table"),
        ("=1", "cannot understand"),
    ],
)
def test_bad_override(override: str, what: str, tmp_path: Path, dvtwin: Dvtwin) -> None:
    (tmp_path / "case.toml").write_text(CASE)
    code, said = dvtwin("check", tmp_path / "case.toml", "--set", override)
    assert code == 2
    _one_message(said, what)
    assert "--set" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_run_folder_not_writable_by_mode(tmp_path: Path, dvtwin: Dvtwin) -> None:
    (tmp_path / "case.toml").write_text(CASE)
    (tmp_path / "out").mkdir(mode=0o500)
    code, said = dvtwin("run", tmp_path / "case.toml", "--out", tmp_path / "out" / "run")
    assert code == 6
    _one_message(said, "permission denied")


@pytest.mark.parametrize("place", ["/proc/run", "case.toml/run"])
def test_run_folder_not_writable(place: str, tmp_path: Path, dvtwin: Dvtwin) -> None:
    (tmp_path / "case.toml").write_text(CASE)
    code, said = dvtwin("run", tmp_path / "case.toml", "--out", tmp_path / place)
    assert code == 6
    _one_message(said, "cannot write the run folder")


def test_disk_full_at_the_books(
    tmp_path: Path, dvtwin: Dvtwin, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *args: object, **kwargs: object) -> int:
        raise OSError(28, "No space left on device")

    (tmp_path / "case.toml").write_text(CASE)
    monkeypatch.setattr(Path, "write_text", full)
    code, said = dvtwin("run", tmp_path / "case.toml")
    assert code == 6
    _one_message(said, "the disk is full")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_really_full_device_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to("/dev/full")
    from jobs.executors.here import Here

    with pytest.raises(Exception, match="disk is full"):
        Here().submit(["true"], Resources(tmp_path / "log"))


def test_half_written_files_are_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "status.json"
    write_text(path, "old")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space")))
    with pytest.raises(Exception, match="disk is full"):
        write_text(path, "new")
    assert [p.name for p in tmp_path.iterdir()] == ["status.json"]
    assert path.read_text() == "old"


def test_lock_held(tmp_path: Path, dvtwin: Dvtwin) -> None:
    (tmp_path / "case.toml").write_text(CASE)
    folder = Folder(tmp_path / "run")
    folder.make()
    with folder.locked():
        code, said = dvtwin("run", tmp_path / "case.toml", "--until", "mesh")
    assert code == 6
    _one_message(said, f"process {os.getpid()} on")


@pytest.mark.parametrize("command", ["status", "logs", "report", "verify"])
def test_no_run_there(command: str, tmp_path: Path, dvtwin: Dvtwin) -> None:
    code, said = dvtwin(command, tmp_path)
    assert code == 2
    _one_message(said, "there is no run here", str(tmp_path))


def test_inspect_something_else(tmp_path: Path, dvtwin: Dvtwin) -> None:
    (tmp_path / "x.h5").write_text("no HDF5")
    assert dvtwin("inspect", tmp_path / "x.h5")[0] == 2
    assert dvtwin("inspect", tmp_path / "none.h5")[0] == 2


def test_unknown_names(tmp_path: Path, dvtwin: Dvtwin) -> None:
    (tmp_path / "case.toml").write_text(CASE)
    assert dvtwin("run", tmp_path / "case.toml", "--until", "flaw")[0] == 2
    assert dvtwin("new", "no-such", tmp_path / "x")[0] == 2
    assert dvtwin("bench", "no-such")[0] == 2
    assert dvtwin("frobnicate")[0] == 2


def test_find_takes_run_folder_case_folder_and_case_file(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "run")
    folder.make()
    folder.set_status(state="done")
    case = tmp_path / "case.toml"
    case.write_text(CASE)
    for path in (tmp_path / "run", tmp_path, case):
        assert find(path) == folder


def test_folders_of_the_same_names_do_not_get_in_the_way(tmp_path: Path) -> None:
    """A user's folder may hold `meshes/` and `jobs/` with Python files of their own."""
    for name in ("meshes", "jobs", "core", "solvers"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong one')")
    (tmp_path / "case.toml").write_text(CASE)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "jobs", "check", "case.toml"], cwd=tmp_path, text=True,
        capture_output=True, env=environment(Resources(Path("-"))),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(ROOT) not in done.stdout
