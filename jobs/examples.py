"""The cases that come with the program: listing them, starting from one, the demo's image."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from core.errors import CaseError, JobError
from core.record import ROOT
from jobs.executors import Resources
from jobs.executors.here import environment
from jobs.folder import unwritable

FOLDER = ROOT / "examples"
MADE = shutil.ignore_patterns("run", "__pycache__", "*.partial")
"""What appears when an example runs, and is not copied."""
DATA = ("*.nii.gz", "*.msh")
"""Images and meshes that an example's script makes."""


def titles() -> dict[str, str]:
    """Every example and its title."""
    found = {}
    for case in sorted(FOLDER.glob("*/case.toml")):
        found[case.parent.name] = str(tomllib.loads(case.read_text()).get("title", ""))
    return found


def copy(name: str, to: Path) -> Path:
    """Copy the example ``name`` into the folder ``to``; gives the case file."""
    known = titles()
    if name not in known:
        raise CaseError(
            f"there is no template {name!r}", where=str(FOLDER),
            do=f"choose one of {', '.join(known) or 'those of a checkout'}",
        )
    if (to / "case.toml").exists():
        raise CaseError(
            "there is a case already", where=str(to / "case.toml"),
            do="give another folder: `dvtwin new TEMPLATE DIR`",
        )
    try:
        shutil.copytree(FOLDER / name, to, ignore=MADE, dirs_exist_ok=True)
    except OSError as error:
        raise unwritable(error, to) from error
    return to / "case.toml"


def prepare(folder: Path) -> bool:
    """Run the example's `make_….py` where what it makes is missing; gives whether it did."""
    scripts = sorted(folder.glob("make_*.py"))
    if not scripts or _data(folder):
        return False
    for script in scripts:
        done = subprocess.run(
            [sys.executable, "-P", str(script.resolve()), str(folder.resolve())],
            env=environment(Resources(script)), capture_output=True, text=True,
        )
        if done.returncode:
            for half in _data(folder):
                half.unlink()
            raise JobError(
                f"{script.name} failed: {(done.stderr.strip() or 'no message').splitlines()[-1]}",
                where=str(script), do="see `dvtwin doctor`; then run the same command again",
            )
    return True


def _data(folder: Path) -> list[Path]:
    return [path for pattern in DATA for path in folder.glob(pattern)]
