"""From a results file to numbers with names, and from these to a report: no solver, no MPI."""
