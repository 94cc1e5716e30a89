"""`python3 -m jobs` is `dvtwin`."""

import signal
import sys

if "stage" in sys.argv[1:2]:  # a request to stop waits until `jobs.child` can serve it
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})

from jobs.cli import main

main()
