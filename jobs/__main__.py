"""`python3 -m jobs` is `dvtwin`."""

from jobs.cli import main

main()
