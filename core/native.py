"""C sources compiled for this machine at first use, kept by digest, and loaded."""

import ctypes
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

FLAGS = (
    "-O3", "-march=native", "-fno-math-errno", "-fopenmp-simd", "-std=gnu11", "-fPIC", "-shared",
    *(("-mprefer-vector-width=512",) if platform.machine() == "x86_64" else ()),
)  # fmt: skip
PLAIN = "DVTWIN_PLAIN"
"""Set to keep to array code, for comparison."""


def library(
    name: str,
    sources: Sequence[Path],
    headers: Sequence[Path] = (),
    libraries: Sequence[str] = (),
) -> ctypes.CDLL | None:
    """The shared library made of ``sources``; None if it cannot be built here.

    Callers have a slower way to the same numbers, so that a missing compiler is no error.
    """
    if os.environ.get(PLAIN):
        return None
    file = f"{name}-{_digest([*sources, *headers], libraries)}.so"
    for folder in (_cache(), Path(tempfile.gettempdir()) / f"dvtwin-native-{os.getuid()}"):
        try:
            found = _loaded(folder / file) or _built(folder / file, sources, libraries)
        except OSError:  # a folder that cannot be written or locked
            continue
        if found is not None:
            return found
    sys.stderr.write(f"no compiled loops here ({name}): slower ones give the same numbers\n")
    return None


def _loaded(target: Path) -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(str(target)) if target.exists() else None
    except OSError:  # built for libraries that are no more: it is built anew
        return None


def _built(target: Path, sources: Sequence[Path], libraries: Sequence[str]) -> ctypes.CDLL | None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.parent.stat().st_uid != os.getuid():
        return None
    with (target.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _loaded(target) is None and not _compile(compiler, target, sources, libraries):
            return None
    return _loaded(target)


def _compile(
    compiler: str, target: Path, sources: Sequence[Path], libraries: Sequence[str]
) -> bool:
    partial = target.with_suffix(f".{os.getpid()}")
    command = [
        compiler,
        *FLAGS,
        *map(str, sources),
        "-o",
        str(partial),
        *(f"-l{each}" for each in libraries),
        "-lm",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        target.with_suffix(".log").write_text(done.stderr)
        return False
    partial.replace(target)
    return True


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "dvtwin-native"


def _digest(files: Sequence[Path], libraries: Sequence[str]) -> str:
    """Of sources, flags and processor: a cache may be shared by unlike machines."""
    found = hashlib.sha256(repr((FLAGS, tuple(libraries), _processor())).encode())
    for file in files:
        found.update(file.read_bytes())
    return found.hexdigest()[:16]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    wanted = ("model name", "flags", "Features", "CPU part")
    facts = {line.split(":")[0].strip(): line for line in reversed(lines) if ":" in line}
    return platform.machine() + "".join(facts.get(key, "") for key in wanted)
