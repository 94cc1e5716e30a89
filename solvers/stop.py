"""A polite request to stop: SIGTERM or SIGUSR1 asks; the run stops where its state is whole."""

import signal
from types import FrameType

from mpi4py import MPI


class StopRequest:
    """Listens for SIGTERM and SIGUSR1 on this process; `asked` is agreed over all ranks."""

    def __init__(self, comm: MPI.Comm) -> None:
        self.comm, self._here = comm, False
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._here = True

    def asked(self) -> bool:
        """Whether any rank was asked to stop. Collective."""
        return bool(self.comm.allreduce(self._here, MPI.LOR))
