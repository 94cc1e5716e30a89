"""The launcher and the builder, with played tools in place of the real ones: no download, no root.

A played ``mmdebstrap`` makes a few folders, ``bwrap`` and ``unshare`` run what they are given, and
``python3`` writes down how it was called.
"""

import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]

TOOLS = {
    "mmdebstrap": """
        echo built >>"$PLAYED/built"
        while [ "$1" != trixie ]; do shift; done
        mkdir -p "$2/usr" "$2/etc/ssl/certs" "$2/var/lib" "$2/var/cache" "$2/opt"
        cp "$PLAYED/passwd" "$2/etc/passwd"; cp "$PLAYED/passwd" "$2/etc/group"
        echo '127.0.0.1 localhost' >"$2/etc/hosts"
        echo "${MMDEBSTRAP_SAYS:-}"
        sleep "${MMDEBSTRAP_TAKES:-0}"
        [ -z "${MMDEBSTRAP_SAYS:-}" ]
    """,
    "bwrap": """
        while [ $# -gt 0 ] && [ "$1" != env ]; do shift; done
        [ $# -eq 0 ] || "$@"
    """,
    "unshare": """
        while [[ "$1" = --* ]]; do shift; done
        exec "$@"
    """,
    "python3": """
        case "$*" in
            -c* | *"venv --system-site-packages /opt/dvtwin") exit ;;
            "-m venv"*) mkdir -p "$4/bin" && ln -s "$(command -v pip)" "$4/bin/pip" &&
                        ln -s "$(command -v python3)" "$4/bin/python3"; exit ;;
        esac
        printf '%s\\0' "$@" >"$PLAYED/arguments"
        env >"$PLAYED/environment"
        trap 'exit 85' USR1
        for _ in $(seq "${PYTHON_TAKES:-0}"); do sleep 0.05; done
        exit "${PYTHON_EXITS:-0}"
    """,
    "pip": "",
    "chown": "",
    "id": 'if [ "$1" = -u ]; then echo "${PLAYED_USER:-0}"; else exec /usr/bin/id "$@"; fi',
    "df": 'printf "Filesystem 1M-blocks Used Available\\nx 1 1 %s x x\\n" "${DF_SAYS:-9999}"',
}
LEFT_OUT = {"apt-get", *TOOLS}


class Played:
    """A checkout's launcher in a world of played tools."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "dvtwin home"
        self.checkout = folder / "checkout"
        self.tools = folder / "tools"
        self.checkout.mkdir()
        shutil.copy(CHECKOUT / "dvtwin", self.checkout)
        shutil.copytree(CHECKOUT / "env", self.checkout / "env")
        self.tools.mkdir()
        for program in Path("/usr/bin").iterdir():
            if program.name not in LEFT_OUT:
                (self.tools / program.name).symlink_to(program)
        for name, script in TOOLS.items():
            self.play(name, script)
        (folder / "passwd").write_text("root:x:0:0::/root:/bin/bash\n")

    def play(self, name: str, script: str) -> None:
        """Put a tool in place."""
        (self.tools / name).write_text(f"#!/bin/bash\n{script}\n")
        (self.tools / name).chmod(0o755)

    def start(self, *arguments: str, **changes: str) -> subprocess.Popen[str]:
        """Start the launcher; its messages are on stderr."""
        environment = {
            "PATH": str(self.tools),
            "HOME": str(self.folder),
            "PLAYED": str(self.folder),
            "DVTWIN_HOME": str(self.home),
            "DVTWIN_RUNTIME": "rootfs",
            **changes,
        }
        return subprocess.Popen(
            # A test run in the background would hand down that Ctrl-C is ignored.
            ["/usr/bin/env", "--default-signal", self.checkout / "dvtwin", *arguments],
            env=environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **changes: str) -> tuple[int, str, str]:
        """Run the launcher: its exit code, output and messages."""
        process = self.start(*arguments, **changes)
        output, messages = process.communicate(timeout=15)
        return process.returncode, output, messages

    def roots(self) -> list[str]:
        """Return the names of the whole and the half-made roots."""
        kept = {"lock", "logs", "jit"}
        return sorted(path.name for path in self.home.iterdir() if path.name not in kept)

    def arguments(self) -> list[str]:
        """Return what python3 was called with."""
        return (self.folder / "arguments").read_text().split("\0")[:-1]


@pytest.fixture
def played(tmp_path: Path) -> Played:
    return Played(tmp_path)


def wait_for(path: Path) -> None:
    for _ in range(200):
        if path.exists():
            return
        time.sleep(0.05)
    pytest.fail(f"{path} did not come")


def test_builds_once_and_hands_over_every_argument_as_it_is(played: Played) -> None:
    given = ["run", "a b.toml", "--set", "x='1 \"2\" $HOME *'", "Thrombose-größer", ""]
    code, _, messages = played.run(*given)
    assert code == 0, messages
    assert played.arguments() == ["-P", "-m", "jobs", *given]
    assert len(played.roots()) == 1
    code, _, messages = played.run("status")
    assert (code, messages) == (0, "")
    assert (played.folder / "built").read_text() == "built\n"


def test_runtime_sees_the_checkout_and_the_settings(played: Played) -> None:
    played.run("status")
    environment = (played.folder / "environment").read_text().splitlines()
    for line in (
        f"PYTHONPATH={played.checkout}",
        "PYTHONSAFEPATH=1",
        "OMP_NUM_THREADS=1",
        "SCOTCH_PTHREAD_NUMBER=1",
        "OMPI_MCA_topo=basic",
        "H5PY_ALWAYS_USE_MPI=1",
        "ADIOS2_ALWAYS_USE_MPI=1",
        "DVTWIN_INSIDE=1",
    ):
        assert line in environment


def test_exit_code_passes_through(played: Played) -> None:
    assert played.run("run", DVTWIN_INSIDE="1", PYTHON_EXITS="4")[0] == 4
    assert not played.home.exists()  # inside the runtime, no second one is made
    codes = [0, 1, 2, 5, 85]
    assert [played.run("run", PYTHON_EXITS=str(code))[0] for code in codes] == codes


def test_signal_of_the_batch_system_reaches_python(played: Played) -> None:
    played.run("status")
    (played.folder / "environment").unlink()
    process = played.start("run", PYTHON_TAKES="200")
    wait_for(played.folder / "environment")
    time.sleep(0.1)  # python3 sets its trap right after
    process.send_signal(signal.SIGUSR1)
    process.communicate(timeout=5)
    assert process.returncode == 85


def test_shell_runs_a_command(played: Played) -> None:
    _, output, _ = played.run("shell", "printf", "<%s>", "a b", "ü")
    assert output == "<a b><ü>"


@pytest.mark.parametrize("name", ["debian.txt", "requirements.lock"])
def test_another_list_is_another_runtime(played: Played, name: str) -> None:
    _, first, _ = played.run("runtime")
    with (played.checkout / "env" / name).open("a") as file:
        file.write("# changed\n")
    _, second, _ = played.run("runtime")
    digests = [re.findall(r"^digest +(\w+)$", text, re.M)[0] for text in (first, second)]
    assert digests[0] != digests[1]
    assert played.roots() == sorted(digests)


def test_offline_machine_is_told_so_and_the_next_try_works(played: Played) -> None:
    for line in (
        "Temporary failure resolving 'a.b'",
        "Could not connect to a.b:80",
        "Network is unreachable",
    ):
        code, _, messages = played.run("status", MMDEBSTRAP_SAYS=line)
        assert code == 1
        assert "offline" in messages
        assert played.roots() == []
    assert played.run("status")[0] == 0


def test_other_failure_shows_the_end_of_the_log(played: Played) -> None:
    code, _, messages = played.run("status", MMDEBSTRAP_SAYS="E: a package is broken")
    assert code == 1
    assert "E: a package is broken" in messages
    assert "offline" not in messages
    assert played.roots() == []


def test_small_disk_is_told_before_anything_is_loaded(played: Played) -> None:
    code, _, messages = played.run("status", DF_SAYS="700")
    assert code == 1
    assert "too small: 700 MB free" in messages
    assert not (played.folder / "built").exists()


@pytest.mark.parametrize(
    "changes",
    [{"PLAYED_USER": "1000"}, {"DVTWIN_NO_APT": "1"}, {"PLAYED_USER": "1000", "apt": ""}],
)
def test_missing_tool_gives_the_line_to_run(played: Played, changes: dict[str, str]) -> None:
    (played.tools / "mmdebstrap").unlink()
    if "apt" not in changes:
        played.play("apt-get", 'echo called >>"$PLAYED/apt"')
    code, _, messages = played.run("status", **changes)
    assert code == 1
    assert "mmdebstrap" in messages
    assert ("sudo apt-get install" in messages) == ("apt" not in changes)
    assert not (played.folder / "apt").exists()
    assert len(messages.splitlines()) < 6


def test_root_is_told_what_apt_installs(played: Played) -> None:
    (played.tools / "mmdebstrap").rename(played.folder / "mmdebstrap")
    played.play("apt-get", 'cp "$PLAYED/mmdebstrap" "$(dirname "$0")"')
    code, _, messages = played.run("status")
    assert code == 0, messages
    assert "installing two tools by apt: mmdebstrap and bubblewrap" in messages


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_interrupted_build_leaves_nothing(played: Played, name: str) -> None:
    process = played.start("status", MMDEBSTRAP_TAKES="2")
    wait_for(played.folder / "built")
    process.send_signal(signal.Signals[name])
    _, messages = process.communicate(timeout=10)
    assert process.returncode == 1
    assert "interrupted" in messages
    assert played.roots() == []
    assert played.run("status")[0] == 0


def test_leftover_of_a_killed_build_is_removed(played: Played) -> None:
    (played.home / "building-old" / "usr").mkdir(parents=True)
    assert played.run("status")[0] == 0
    assert "building-old" not in played.roots()


def test_second_builder_waits_and_uses_the_first_ones(played: Played) -> None:
    first = played.start("status", MMDEBSTRAP_TAKES="1")
    wait_for(played.folder / "built")
    code, _, messages = played.run("status")
    first.communicate(timeout=10)
    assert (first.returncode, code) == (0, 0)
    assert "waiting" in messages
    assert (played.folder / "built").read_text() == "built\n"


def test_host_with_dolfinx_is_used_as_it_is(played: Played) -> None:
    code, _, messages = played.run("status", DVTWIN_RUNTIME="", PYTHONPATH="/module")
    assert code == 0, messages
    assert played.arguments() == ["-P", "-m", "jobs", "status"]
    assert [name.split("-")[0] for name in played.roots()] == ["native"]
    assert not (played.folder / "built").exists()
    environment = (played.folder / "environment").read_text().splitlines()
    assert f"PYTHONPATH={played.checkout}:/module" in environment
    assert "OMP_NUM_THREADS=1" in environment


def test_failed_native_environment_is_removed(played: Played) -> None:
    played.play("pip", "exit 1")
    code, _, messages = played.run("status", DVTWIN_RUNTIME="native")
    assert code == 1
    assert "no environment was made" in messages
    assert played.roots() == []


def test_lists_are_whole() -> None:
    lines = (CHECKOUT / "env" / "debian.txt").read_text().splitlines()
    packages = [line for line in lines if not line.startswith("#")]
    assert packages == sorted(set(packages))
    lock = (CHECKOUT / "env" / "requirements.lock").read_text()
    pins = re.findall(r"^([\w.-]+)==(\S+) \\\n +--hash=sha256:\w{64}", lock, re.M)
    assert len(pins) == lock.count("==")

    def plain(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    names = {plain(name): version for name, version in pins}
    assert not names.keys() & {"numpy", "scipy"}  # Debian's, built with Debian's PETSc and MPI
    for line in (CHECKOUT / "env" / "requirements.in").read_text().splitlines():
        if not line.startswith("#"):
            name, version = line.split("==")
            assert names[plain(name)] == version


def test_no_mirror_and_no_registry_is_named() -> None:
    for path in [CHECKOUT / "dvtwin", CHECKOUT / ".ci" / "run", *(CHECKOUT / "env").iterdir()]:
        assert "://" not in path.read_text(), path
