"""Stages as processes of this machine, several ranks by way of mpirun."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import JobError
from core.record import ROOT, now
from jobs.executors import Job, Resources
from jobs.folder import unwritable

ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "SCOTCH_PTHREAD_NUMBER": "1",  # the same partition every time: a restart needs it
    "OMPI_MCA_topo": "basic",  # Open MPI 5.0's distributed graphs hang at random
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "H5PY_ALWAYS_USE_MPI": "1",
    "ADIOS2_ALWAYS_USE_MPI": "1",
    "PYTHONUNBUFFERED": "1",
}
HEAD = "=== "
"""How the line begins that an attempt begins with."""
ROOT_USER = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


@dataclass
class Process:
    """A command at work on this machine, in a process group of its own: a Ctrl-C on the terminal
    reaches it only through `stop`.
    """

    popen: subprocess.Popen[bytes]
    checkpoints: bool

    @property
    def id(self) -> str:
        """The process number."""
        return str(self.popen.pid)

    def poll(self) -> int | None:
        """Its exit code; mpirun's 128 + n for a rank that signal n ended is given as -n."""
        code = self.popen.poll()
        return 128 - code if code is not None and code > 128 else code

    def stop(self, *, now: bool) -> None:
        """Ask a command with ranks for a checkpoint by SIGUSR1, which mpirun hands on."""
        with contextlib.suppress(ProcessLookupError):
            if self.checkpoints and not now:
                os.kill(self.popen.pid, signal.SIGUSR1)
            else:
                os.killpg(self.popen.pid, signal.SIGTERM)


@dataclass(frozen=True)
class Here:
    """Runs commands on this machine; ``keep`` are descriptors that they hold open (the lock)."""

    keep: tuple[int, ...] = field(default=())

    def submit(
        self, command: Sequence[str], resources: Resources, after: Sequence[Job] = ()
    ) -> Process:
        """Start ``command``, its output appended to ``resources.log``."""
        for job in after:
            while (code := job.poll()) is None:
                time.sleep(0.1)
            if code:
                raise JobError(f"process {job.id}, which had to come first, failed")
        whole = [*_die_with_us(), *_mpirun(resources.ranks), *command]
        try:
            head(resources.log, " ".join(whole))
            with resources.log.open("ab") as log:
                popen = subprocess.Popen(
                    whole, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                    env=environment(resources), start_new_session=True, pass_fds=self.keep,
                )
        except OSError as error:
            raise unwritable(error, resources.log) from error
        return Process(popen, checkpoints=resources.ranks > 0)


def environment(resources: Resources) -> dict[str, str]:
    """The environment of a stage: what is set already wins over our defaults."""
    own = ENVIRONMENT | (ROOT_USER if os.geteuid() == 0 else {})
    own |= dict(os.environ) | dict(resources.environment)
    if (ROOT / "setup.cfg").exists():  # a checkout; an installed package is found by itself
        path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        own["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(os.pathsep.join(path).split(os.pathsep)))
    return own


def without_mpi() -> None:
    """Let h5py be imported without starting MPI: a parent of mpirun must be no MPI process."""
    if "mpi4py.MPI" not in sys.modules:
        with contextlib.suppress(ImportError):
            import mpi4py

            mpi4py.rc.initialize = False


def _die_with_us() -> list[str]:
    """A prefix that ends the command when this process is killed, where the system has it."""
    return ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []


def _mpirun(ranks: int) -> list[str]:
    if ranks < 2:
        return []
    if not shutil.which("mpirun"):
        raise JobError(
            "there is no mpirun here", where="PATH",
            do="use --ranks 1, or see `dvtwin doctor` for what is missing",
        )
    return ["mpirun", "-n", str(ranks), "--bind-to", "none", "--map-by", ":OVERSUBSCRIBE"]


def identity(process: int) -> str:
    """What names a process of this machine and no other, ever: boot, number, start."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        began = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
    return f"{boot} {process} {began}"


def alive(named: str) -> bool:
    """Whether the process that `identity` called ``named`` is there; one of another machine is
    taken to be.
    """
    boot, _, rest = named.partition(" ")
    if not rest or boot != identity(os.getpid()).partition(" ")[0]:
        return bool(rest)
    return identity(int(rest.split()[0])) == named


def head(log: Path, what: str) -> None:
    """Say in ``log`` that an attempt begins. Raises `JobError`."""
    try:
        with log.open("a") as file:
            file.write(f"{HEAD}{now()} {what}\n")
    except OSError as error:
        raise unwritable(error, log) from error


def last_attempt(log: Path, count: int = 30) -> list[str]:
    """The end of a log, no further back than where the last attempt began."""
    lines = last_lines(log, count)
    heads = [number for number, line in enumerate(lines) if line.startswith(HEAD)]
    return lines[heads[-1] + 1 :] if heads else lines


def last_lines(log: Path, count: int = 12) -> list[str]:
    """The end of a log, without empty lines."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 65536))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return []
    return [line for line in lines if line.strip()][-count:]
