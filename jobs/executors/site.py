"""What a cluster is like: a profile, read from `slurm/sites/NAME.toml` or a file of one's own."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pydantic import Field

from core.errors import CaseError
from core.record import ROOT
from core.settings import Settings, quantity, read

FOLDER = ROOT / "slurm" / "sites"
HERE = "here"
"""The profile of the throw-away cluster."""


class Container(Settings):
    """What the runtime is wrapped in on the compute nodes, if anything."""

    image: str = Field(default="", description="an Apptainer image or its folder")
    command: str = Field(default="apptainer exec", description="how it is entered")


class Site(Settings):
    """A cluster: where jobs go there, how they start, what they may ask for."""

    about: str = Field(default="", description="which cluster this is")
    partition: str = ""
    account: str = ""
    qos: str = ""
    options: tuple[str, ...] = Field(default=(), description="further sbatch options")
    cores_per_node: int = Field(default=0, ge=0, description="ranks on a node; 0: Slurm's choice")
    memory_per_core: float = quantity(
        "B", meaning="the most memory to ask for", optional=True, above="0 B"
    )
    ask_memory: bool = Field(default=True, description="false where whole nodes are given")
    time_max: float = quantity("s", "24 h", "longest time limit", at_least="1 min")
    warn: float = quantity("s", "3 min", "signal before the time limit", at_least="30 s")
    requeue: bool = Field(default=True, description="whether a job may requeue itself")
    requeues: int = Field(default=50, ge=0, description="most requeues of one job")
    launch: str = Field(
        default="srun --mpi=pmix --kill-on-bad-exit=1", description="what starts ranks (-n N)"
    )
    modules: tuple[str, ...] = Field(default=(), description="modules to load, exact names")
    setup: tuple[str, ...] = Field(default=(), description="shell lines before anything else")
    environment: Mapping[str, str] = Field(default={}, description="variables of every job")
    container: Container = Container()
    scratch: str = Field(default="", description="where run folders go; variables are replaced")
    mail: str = Field(default="", description="address for news of end and failure")
    array_limit: int = Field(default=0, ge=0, description="array tasks at once; 0: no limit")
    conf: str = Field(default="", description="slurm.conf, where it is not the system's")
    client: str = Field(default="", description='how to reach sbatch, e.g. "ssh login1"')


def cluster_folder() -> Path:
    """Where the throw-away cluster is kept: `DVTWIN_CLUSTER`, or below `DVTWIN_HOME`."""
    home = os.environ.get("DVTWIN_HOME") or "~/.cache/dvtwin"
    asked = os.environ.get("DVTWIN_CLUSTER") or f"{home}/cluster"
    return Path(asked).expanduser().absolute()


def expand(text: str) -> str:
    """``text`` with ~ and variables replaced. Raises `CaseError` for a variable not set."""
    os.environ.setdefault("DVTWIN_CLUSTER", str(cluster_folder()))
    whole = os.path.expandvars(os.path.expanduser(text))
    if "$" in whole:
        raise CaseError(
            f"a variable in {text!r} is not set", where="site profile", do="set it, or the path"
        )
    return whole


def sites() -> dict[str, str]:
    """The profiles that come with the program: name → what it is."""
    return {
        path.stem: tomllib.loads(path.read_text()).get("about", "")
        for path in sorted(FOLDER.glob("*.toml"))
    }


def load(name: str) -> Site:
    """The profile called ``name``, or the one in the file ``name``. Raises `CaseError`."""
    path = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CaseError(
            f"there is no site profile {name!r}", where="--site",
            do=f"known: {', '.join(sites())}; or the path of a .toml (docs/cluster.md)",
        ) from error
    except (OSError, ValueError) as error:
        raise CaseError(f"cannot read the site profile: {error}", where=str(path)) from error
    return read(Site, table, path.name)
