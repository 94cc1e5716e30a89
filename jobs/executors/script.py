"""The script of a batch job and the arguments of `sbatch`, as a dry run shows and sends them."""

import math
import os
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import JobError
from core.record import ROOT
from jobs.executors import FRESH, RELAUNCH
from jobs.executors.here import ENVIRONMENT, ROOT_USER
from jobs.executors.site import Site, expand

TEMPLATE = ROOT / "slurm" / "stage.sh"


@dataclass(frozen=True)
class Need:
    """What a job asks for: ranks, memory of the hungriest rank [B], wall time [s]."""

    ranks: int
    memory: float
    seconds: float


@dataclass(frozen=True)
class Batch:
    """One job to be: stages done one after the other for ``run``, or for each of the run folders
    that the file ``members`` lists.
    """

    name: str
    stages: tuple[str, ...]
    parallel: tuple[str, ...]
    """Those of ``stages`` that start ranks."""
    need: Need
    run: Path
    folder: Path
    """Where the script and the job's own output go."""
    members: Path | None = None
    count: int = 0
    """Tasks of an array; 0 for a single job."""

    @property
    def script(self) -> Path:
        """Where the script is kept."""
        return self.folder / f"{self.stages[0] if len(self.stages) == 1 else 'run'}.sh"


def arguments(batch: Batch, site: Site, after: Sequence[str] = ()) -> list[str]:
    """The arguments of `sbatch` for ``batch``, to start when the jobs ``after`` have succeeded."""
    ranks, need = batch.need.ranks, batch.need
    output = batch.script.with_suffix(".%a.out" if batch.count else ".out")
    found = [
        "--parsable", f"--job-name={batch.name}", f"--ntasks={ranks}", "--cpus-per-task=1",
        f"--time={minutes(min(need.seconds, site.time_max))}", f"--signal=B:USR1@{site.warn:.0f}",
        "--requeue" if site.requeue else "--no-requeue", "--open-mode=append",
        f"--output={_pattern(output)}", f"--chdir={batch.folder}",
    ]
    if site.cores_per_node:
        nodes = math.ceil(ranks / site.cores_per_node)
        found += [f"--nodes={nodes}", f"--ntasks-per-node={math.ceil(ranks / nodes)}"]
    if site.ask_memory:
        memory = min(need.memory, site.memory_per_core or math.inf)
        found.append(f"--mem-per-cpu={math.ceil(memory / 2**20)}M")
    for option in ("partition", "account", "qos"):
        if value := getattr(site, option):
            found.append(f"--{option}={value}")
    if site.mail:
        found += [f"--mail-user={site.mail}", "--mail-type=END,FAIL"]
    if batch.count:
        limit = f"%{site.array_limit}" if site.array_limit else ""
        found.append(f"--array=0-{batch.count - 1}{limit}")
    if after:
        found += [f"--dependency=afterok:{':'.join(after)}", "--kill-on-invalid-dep=yes"]
    return [*found, *site.options, str(batch.script)]


def render(batch: Batch, site: Site, after: Sequence[str] = ()) -> str:
    """The text of the job's script. Raises `JobError` for a path that no script can hold."""
    for path in (batch.run, batch.folder):
        if not str(path).isprintable():
            raise JobError(
                "a line break or control character in a path cannot go into a batch script",
                where=repr(str(path)), do="choose another folder with --out DIR",
            )
    if not TEMPLATE.exists():
        raise JobError(
            "the batch template is not here", where=str(TEMPLATE), do="submit from a checkout"
        )
    words = {
        "sent": shlex.join(["sbatch", *arguments(batch, site, after)]),
        "setup": "\n".join(_setup(site)),
        "run": shlex.quote(str(batch.run)),
        "members": shlex.quote(str(batch.members or "")),
        "stages": " ".join(batch.stages),
        "parallel": " ".join(batch.parallel),
        "ranks": str(batch.need.ranks),
        "launch": site.launch,
        "container": "yes" if site.container.image else "no",
        "wrapped": _wrapped(site),
        "launcher": shlex.quote(str(ROOT / "dvtwin")),
        "python": shlex.quote(sys.executable),
        "fresh": str(FRESH),
        "relaunch": str(RELAUNCH),
        "requeue": "yes" if site.requeue else "no",
    }
    return re.sub(r"@(\w+)@", lambda found: words[found[1]], TEMPLATE.read_text())


def minutes(seconds: float) -> str:
    """A time limit for Slurm, in whole minutes up: "90" or, from a day on, "1-06:30:00"."""
    whole = max(1, math.ceil(seconds / 60))
    days, rest = divmod(whole, 1440)
    return f"{days}-{rest // 60:02d}:{rest % 60:02d}:00" if days else str(whole)


def _pattern(path: Path) -> str:
    """``path`` for --output: a % of a folder's name is no placeholder."""
    return f"{str(path.parent).replace('%', '%%')}/{path.name}"


def _wrapped(site: Site) -> str:
    image = site.container.image
    return f"{site.container.command} {shlex.quote(expand(image))}" if image else ""


def _setup(site: Site) -> list[str]:
    """The lines that prepare the shell: the site's own, modules, variables."""
    own = dict(ENVIRONMENT) | (ROOT_USER if os.geteuid() == 0 else {})
    own |= {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", "DVTWIN_REQUEUES": str(site.requeues)}
    lines = list(site.setup)
    if site.modules:
        lines += ["module purge", f"module load {' '.join(map(shlex.quote, site.modules))}"]
    if site.conf:
        lines.append(f"export SLURM_CONF={shlex.quote(expand(site.conf))}")
    own |= site.environment
    return [*lines, *(f"export {name}={shlex.quote(value)}" for name, value in own.items())]
