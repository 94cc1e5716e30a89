"""Runs a mesher in a process of its own, for it may abort or hang, and its licence stays there."""

import importlib
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import MeshError, TwinError

ROOT = Path(__file__).resolve().parent.parent.parent
MPI_VARIABLES = ("OMPI_", "PMIX_", "PRTE_", "PMI_", "SLURM_")
"""A child that inherits these takes itself for a rank of the parent's job."""


def apart[T](function: Callable[..., T], *arguments: Any, limit: float = 900.0) -> T:
    """``function(*arguments)`` in a child process with ``limit`` seconds; its errors rise here."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(MPI_VARIABLES)}
    kept["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [kept.get("PYTHONPATH")])])
    with tempfile.TemporaryDirectory(prefix="dvtwin-mesh-") as folder:
        task, answer = Path(folder, "task"), Path(folder, "answer")
        task.write_bytes(pickle.dumps((function.__module__, function.__qualname__, arguments)))
        command = [sys.executable, "-P", "-m", "meshes.meshing.apart", str(task), str(answer)]
        try:
            run = subprocess.run(
                command, env=kept, timeout=limit, capture_output=True, text=True, errors="replace"
            )
        except subprocess.TimeoutExpired as error:
            raise MeshError(
                f"meshing took more than {limit:.0f} s and was stopped",
                where=function.__qualname__,
                do="use a larger `size`, fewer or smaller `refine` zones",
            ) from error
        if not answer.exists():
            last = (run.stderr or run.stdout).strip().splitlines()[-3:]
            raise MeshError(
                f"the mesher died (exit status {run.returncode}): {' | '.join(last)}",
                where=function.__qualname__,
                do="look at the surface for slivers, or use another `size`",
            )
        ok, value = pickle.loads(answer.read_bytes())
    if ok:
        return value
    if isinstance(value, TwinError):
        raise value
    raise MeshError(
        f"the mesher failed: {value}", where=function.__qualname__, do="use another `size`"
    )


def main(task: Path, answer: Path) -> None:
    """The child: read the task, run it, write the answer whole or not at all."""
    module, name, arguments = pickle.loads(task.read_bytes())
    try:
        result: tuple[bool, Any] = (
            True,
            getattr(importlib.import_module(module), name)(*arguments),
        )
    except TwinError as error:
        result = (False, error)
    except Exception as error:  # gmsh raises bare Exception; the text is all there is
        result = (False, f"{error}")
    partial = answer.with_suffix(".partial")
    partial.write_bytes(pickle.dumps(result))
    partial.replace(answer)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
