"""Stands where a site's container command stands in a batch job, and does the fake stages of
`tests/jobs/fakes.py` in place of the real ones:

    played_runtime.py IMAGE LAUNCHER job begin|end RUN STAGE …
    played_runtime.py IMAGE LAUNCHER stage STAGE RUN
"""

import argparse
import sys
from pathlib import Path

from jobs.child import perform
from jobs.executors import batch
from tests.jobs.fakes import STAGES


def main() -> int:
    """The exit code of what was asked for."""
    action, *rest = sys.argv[3:]
    if action == "stage":
        return perform(rest[0], Path(rest[1]), STAGES)
    parser = argparse.ArgumentParser()
    for name in ("action", "run", "stage"):
        parser.add_argument(name)
    parser.add_argument("--job")
    parser.add_argument("--ranks", type=int)
    parser.add_argument("--code", type=int)
    parser.add_argument("--asked")
    given = parser.parse_args(rest)
    if given.action == "begin":
        return batch.begin(Path(given.run), given.stage, given.job, given.ranks, STAGES)
    return batch.end(Path(given.run), given.stage, given.code, given.asked, STAGES)


if __name__ == "__main__":
    sys.exit(main())
