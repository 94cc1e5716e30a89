"""From a case file to a finished run: case, run folder, stages, executors, command line."""
