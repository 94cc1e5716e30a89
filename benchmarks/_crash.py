"""The library `crash.c`, compiled once, and the environments that preload it."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

SOURCE = Path(__file__).with_name("crash.c")


def build(folder: Path) -> Path:
    """Compile the library into ``folder``; a C compiler is there, since dolfinx needs one."""
    library = folder / "crash.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return library


def at(library: Path, match: str, number: int) -> Mapping[str, str]:
    """Ends a process by SIGKILL at its ``number``-th write to files with ``match`` in the path."""
    return {"LD_PRELOAD": str(library), "CRASH_MATCH": match, "CRASH_AT": str(number)}


def full(library: Path, match: str, number: int) -> Mapping[str, str]:
    """Lets the disk be full from a process's ``number``-th write to such files on."""
    return {"LD_PRELOAD": str(library), "CRASH_MATCH": match, "CRASH_FULL": str(number)}


def slow(library: Path, match: str, milliseconds: int) -> Mapping[str, str]:
    """Lets each write to such files take so long."""
    return {
        "LD_PRELOAD": str(library), "CRASH_MATCH": match, "CRASH_SLOW": str(milliseconds),
    }


def images(library: Path, match: str, folder: Path) -> Mapping[str, str]:
    """Copies a file to ``folder`` before each write to it: all that a kill could leave."""
    return {"LD_PRELOAD": str(library), "CRASH_MATCH": match, "CRASH_IMAGES": str(folder)}


def clock(library: Path) -> Mapping[str, str]:
    """Lets the date run backwards."""
    return {"LD_PRELOAD": str(library), "CRASH_CLOCK": "1"}
