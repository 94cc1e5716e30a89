"""The record of provenance: digests of what went in, the code and the machine that made a
result.
"""

import getpass
import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("core", "meshes", "solvers", "calibration", "postprocess", "jobs")


def digest_file(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(value: Any) -> str:
    """SHA-256 of a value of plain types (order of keys does not matter), in hexadecimal."""
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_code(packages: tuple[str, ...] = PACKAGES) -> str:
    """SHA-256 over the source files of ``packages``: what "the same code" means."""
    total = hashlib.sha256()
    for package in packages:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in {".py", ".toml", ".typ", ".js", ".html"}:
                total.update(str(path.relative_to(ROOT)).encode())
                total.update(path.read_bytes())
    return total.hexdigest()


def now() -> str:
    """The present time in UTC, ISO 8601, whole seconds; SOURCE_DATE_EPOCH overrides it."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def commit() -> str:
    """The short commit of the checkout, with "+" where it has changes; "unknown" without git."""
    try:
        ask = ["git", "-c", f"safe.directory={ROOT}", "-C", str(ROOT)]
        head = subprocess.run(
            [*ask, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        dirty = subprocess.run(
            [*ask, "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if dirty else "")


def version_of(package: str) -> str:
    """The installed version of a Python package, or "absent"."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def record(inputs: Mapping[str, Path], *, ranks: int = 1) -> dict[str, Any]:
    """Who, when, where and with what: the record kept beside every result."""
    return {
        "created": now(),
        "commit": commit(),
        "code": digest_code(),
        "command": sys.argv[1:],
        "user": getpass.getuser(),
        "host": platform.node(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "versions": {
            name: version_of(name)
            for name in (
                "fenics-dolfinx",
                "petsc4py",
                "mpi4py",
                "h5py",
                "numpy",
                "gmsh",
                "vtk",
                "vmtk",
            )
        },
        "ranks": ranks,
        # no file's name: it may tell whose it is
        "inputs": {name: {"sha256": digest_file(path)} for name, path in inputs.items()},
    }
