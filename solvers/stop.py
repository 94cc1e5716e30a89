"""When to pause: SIGTERM or SIGUSR1 asks the run to stop, the clock asks it to save its state."""

import signal
import time
from types import FrameType

from mpi4py import MPI

INTERVAL = 600.0
"""Seconds of wall time between checkpoints inside a cycle, where a case says nothing else."""


class StopRequest:
    """Listens for SIGTERM and SIGUSR1 on this process; the answers are agreed over all ranks."""

    def __init__(self, comm: MPI.Comm, interval: float = INTERVAL) -> None:
        self.comm, self.interval, self._here = comm, interval, False
        self._saved = time.monotonic()  # never goes back, whatever happens to the date
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, self._note)
        # what came while nobody listened was kept back by the process that starts a stage
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGUSR1})

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self._here = True

    def asked(self) -> bool:
        """Whether any rank was asked to stop. Collective."""
        return bool(self.comm.allreduce(self._here, MPI.LOR))

    def due(self) -> bool:
        """Whether to save now: before a stop, or when the interval is over. Collective."""
        over = time.monotonic() - self._saved >= self.interval
        if not self.comm.allreduce(self._here or over, MPI.LOR):
            return False
        self._saved = time.monotonic()
        return True
