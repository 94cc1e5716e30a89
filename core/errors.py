"""One tree of errors; each says what is wrong, where, and what to do, and carries its exit
code.
"""


class TwinError(Exception):
    """What went wrong, where it is, and what to do: one line each."""

    exit_code = 1

    def __init__(self, what: str, where: str = "", do: str = "") -> None:
        super().__init__(what, where, do)
        self.what, self.where, self.do = what, where, do

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  where: {self.where}")
        if self.do:
            lines.append(f"  do:    {self.do}")
        return "\n".join(lines)


class CaseError(TwinError):
    """The case file, or a file that it names, cannot be used."""

    exit_code = 2


class MeshError(TwinError):
    """The image or mesh cannot become a sound vessel mesh."""

    exit_code = 3


class Diverged(TwinError):
    """A solve failed: the step, the place and what to try are in the message."""

    exit_code = 4


class GateFailed(TwinError):
    """A result that may not be shown."""

    exit_code = 5


class JobError(TwinError):
    """A process, queue or file-system failure around a computation."""

    exit_code = 6


class TryAgain(TwinError):
    """Stopped on request after a checkpoint; the same command goes on from there."""

    exit_code = 85
