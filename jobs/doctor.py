"""What works on this machine and what to mend: the checks behind ``dvtwin doctor``.

Every import and every run happens in a child process: a library that crashes is a finding here.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Verdict = Literal["ok", "warn", "FAIL"]

VERSIONS = {
    "dolfinx": "import dolfinx; assert dolfinx.__version__.startswith('0.9.'), dolfinx.__version__"
    "; print(dolfinx.__version__)",
    "petsc4py": "import petsc4py; print(petsc4py.__version__)",
    "mpi4py": "import mpi4py; print(mpi4py.__version__)",
    "numpy": "import numpy; print(numpy.__version__)",
    "h5py": "import h5py; assert h5py.get_config().mpi, 'a serial build'; print(h5py.__version__)",
    "gmsh": "import gmsh; print(gmsh.__version__)",
    "vtk": "import vtk; print(vtk.vtkVersion.GetVTKVersion())",
    "vmtk": "import vmtk.vmtkscripts, importlib.metadata as m; print(m.version('vmtk'))",
    "SimpleITK": "import SimpleITK; print(SimpleITK.__version__)",
    "mmgpy": "import mmgpy; print(mmgpy.__version__)",
    "typst": "import typst, importlib.metadata as m; print(m.version('typst'))",
}

PETSC = """
from petsc4py import PETSc
missing = [n for n in ("hypre", "mumps", "ptscotch") if not PETSc.Sys.hasExternalPackage(n)]
assert not missing, "built without " + ", ".join(missing)
print(".".join(map(str, PETSc.Sys.getVersion())), "with hypre, mumps, ptscotch")
"""

ADD_UP = """
from mpi4py import MPI
total = MPI.COMM_WORLD.allreduce(MPI.COMM_WORLD.rank + 1)
assert (MPI.COMM_WORLD.size, total) == (2, 3), (MPI.COMM_WORLD.size, total)
if MPI.COMM_WORLD.rank == 0:
    print("2 ranks added up,", MPI.Get_library_version().split(",")[0])
"""

WRITE_TOGETHER = """
import sys, h5py
from mpi4py import MPI
comm = MPI.COMM_WORLD
with h5py.File(sys.argv[1], "w", driver="mpio", comm=comm) as file:
    file.create_dataset("rank", (1000 * comm.size,), "f8")[
        1000 * comm.rank : 1000 * (comm.rank + 1)] = comm.rank
with h5py.File(sys.argv[1], "r", driver="mpio", comm=comm) as file:
    total = float(file["rank"][:].sum())
assert (comm.size, total) == (2, 1000.0), (comm.size, total)
if comm.rank == 0:
    print("written and read by 2 ranks, HDF5", h5py.version.hdf5_version)
"""

DRAW = """
import sys, numpy, pyvista
plotter = pyvista.Plotter(off_screen=True, window_size=(64, 64))
plotter.add_mesh(pyvista.Sphere(), color="red")
image = numpy.asarray(plotter.screenshot(None, return_img=True))
assert image.std() > 0, "an empty picture"
print("a picture drawn off-screen,", type(plotter.render_window).__name__)
"""


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's report; ``mend`` says what to do when it is not ok."""

    verdict: Verdict
    name: str
    detail: str
    mend: str = ""

    def __str__(self) -> str:
        line = f"{self.verdict:4} {self.name + ':':18} {self.detail}"
        return f"{line} — {self.mend}" if self.mend and self.verdict != "ok" else line


def probe(name: str, command: list[str], mend: str, seconds: float = 60) -> Finding:
    """Run a child process and tell its last line of output, or how it died."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return Finding("FAIL", name, f"no answer within {seconds:.0f} s", mend)
    except OSError as problem:
        return Finding("FAIL", name, str(problem), mend)
    if done.returncode == 0:
        return Finding("ok", name, last_line(done.stdout))
    if done.returncode < 0:
        return Finding("FAIL", name, f"killed by signal {-done.returncode}", mend)
    detail = last_line(done.stderr) or f"exit code {done.returncode}"
    return Finding("FAIL", name, detail, mend)


def last_line(text: str) -> str:
    """Return the line of an output that says most: an error, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip(" -=*")]
    errors = [line for line in lines if "Error" in line]  # mpirun adds a banner after it
    return (errors or lines or [""])[-1][:160]


def python(code: str, *arguments: str) -> list[str]:
    """Return the command that runs a piece of Python."""
    return [sys.executable, "-P", "-c", code, *arguments]


def versions() -> Iterator[Finding]:
    """Whether each library imports, and its version."""
    rebuild = "remove the folder that `dvtwin runtime` prints, then run again"
    found = ".".join(map(str, sys.version_info[:3]))
    supported = sys.version_info >= (3, 13)
    yield Finding("ok" if supported else "FAIL", "python", found, "Python 3.13 or newer is needed")
    yield probe("PETSc", python(PETSC), "use a PETSc with these three, or DVTWIN_RUNTIME=rootfs")
    for name, code in VERSIONS.items():
        yield probe(name, python(code), rebuild)


def parallel() -> Iterator[Finding]:
    """Whether two ranks talk, and write one file together in the current folder."""
    mpirun = ["mpirun", "-n", "2"]
    mend = "see docs/runtime.md, `MPI hangs or fails`"
    yield probe("MPI, 2 ranks", [*mpirun, *python(ADD_UP)], mend)
    mend = "h5py must be built with MPI; on a disk without file locks HDF5_USE_FILE_LOCKING=FALSE"
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=".") as folder:
            file = str(Path(folder, "ranks.h5").resolve())
            yield probe("HDF5, 2 ranks", [*mpirun, *python(WRITE_TOGETHER, file)], mend)
    except OSError as problem:
        yield Finding("warn", "HDF5, 2 ranks", str(problem), "go to a folder you may write to")


def pictures() -> Iterator[Finding]:
    """Whether VTK can draw without a screen."""
    mend = "native runtime: install libegl1 and libegl-mesa0, or libosmesa6"
    yield probe("OpenGL", python(DRAW), mend, seconds=120)


def slurm() -> Iterator[Finding]:
    """Which Slurm is found, and whether it answers; none is no error."""
    if not shutil.which("sbatch"):
        yield Finding("warn", "Slurm", "no sbatch found", "only `dvtwin submit` needs it")
        return
    mend = "log in to a cluster, or `dvtwin cluster start`; only `dvtwin submit` needs it"
    version = probe("Slurm", ["sbatch", "--version"], mend, seconds=10)
    if version.verdict != "ok":
        yield Finding("warn", "Slurm", "sbatch is here, no cluster is configured", mend)
    elif probe("Slurm", ["sinfo", "--noheader"], mend, seconds=10).verdict != "ok":
        yield Finding("warn", "Slurm", f"{version.detail}, its controller does not answer", mend)
    else:
        yield version


def machine() -> Iterator[Finding]:
    """Free disk, cores and memory."""
    home = Path(os.environ.get("DVTWIN_HOME", "~/.cache/dvtwin")).expanduser()
    for name, folder, need in (("disk here", Path(), 5.0), ("disk DVTWIN_HOME", home, 1.0)):
        if not folder.exists():
            continue
        free = shutil.disk_usage(folder).free / 1e9
        verdict: Verdict = "ok" if free >= need else "warn"
        yield Finding(verdict, name, f"{free:.0f} GB free", f"make room: at least {need:.0f} GB")
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    verdict = "ok" if memory >= 4 else "warn"
    detail = f"{cores} cores, {memory:.0f} GB of memory"
    yield Finding(verdict, "machine", detail, "a patient's vein needs about 4 GB")


def doctor() -> int:
    """Print one line a check; 0 when all that is needed works, else 1."""
    failed = 0
    for check in (versions, parallel, pictures, slurm, machine):
        for finding in check():
            print(finding, flush=True)
            failed += finding.verdict == "FAIL"
    print(f"{failed} to mend" if failed else "all that is needed works")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(doctor())
