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

FOLDER = ROOT / "examples"
MADE = shutil.ignore_patterns("run", "__pycache__", "*.nii.gz", "*.partial")
"""What an example makes when it runs, and is not copied."""


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
            do=f"choose one of {', '.join(known)}" if known else "use a checkout: examples are in it",
        )
    if (to / "case.toml").exists():
        raise CaseError(
            "there is a case already", where=str(to / "case.toml"),
            do="give another folder: `dvtwin new TEMPLATE DIR`",
        )
    try:
        shutil.copytree(FOLDER / name, to, ignore=MADE, dirs_exist_ok=True)
    except OSError as error:
        raise JobError(f"cannot write the case: {error.strerror or error}", where=str(to)) from error
    return to / "case.toml"


def prepare(folder: Path) -> bool:
    """Make the example's image where its script is there and the image is not; whether it did."""
    script = folder / "make_image.py"
    images = list(folder.glob("*.nii.gz"))
    if not script.exists() or images:
        return False
    done = subprocess.run(
        [sys.executable, "-P", str(script.resolve()), str(folder.resolve())],
        env=environment(Resources(script)), capture_output=True, text=True,
    )
    if done.returncode:
        for image in folder.glob("*.nii.gz"):
            image.unlink()
        raise JobError(
            "the example's image could not be made", where=str(script),
            do=(done.stderr.strip().splitlines() or ["no message"])[-1],
        )
    return True
