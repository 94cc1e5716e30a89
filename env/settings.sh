# shellcheck shell=sh
# The environment of every process of the runtime, for the launcher and for env/dvtwin.def alike.

# One thread a process: MPI does the parallel work, and PT-Scotch then always cuts a mesh the same way.
export OMP_NUM_THREADS=1 SCOTCH_PTHREAD_NUMBER=1

# Large arrays in huge pages: a tenth less time in the flow step.
export GLIBC_TUNABLES="${GLIBC_TUNABLES:-glibc.malloc.hugetlb=1}"

# Open MPI 5.0's distributed graphs hang at random; waiting ranks must yield when cores are shared.
export OMPI_MCA_topo=basic OMPI_MCA_mpi_yield_when_idle=1
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
export PRTE_MCA_hwloc_default_binding_policy=none
[ "${SLURM_JOB_NUM_NODES:-1}" -gt 1 ] || export OMPI_MCA_btl="${OMPI_MCA_btl:-self,sm}"

# Debian otherwise picks the serial builds under srun.
export H5PY_ALWAYS_USE_MPI=1 ADIOS2_ALWAYS_USE_MPI=1

# No module from the current folder may stand in for ours; the host's own Python stays outside.
export PYTHONSAFEPATH=1 PYTHONNOUSERSITE=1
export PYTHONUTF8=1  # whatever locale a C library sets
unset PYTHONDONTWRITEBYTECODE PYTHONHOME VIRTUAL_ENV

export LANG=C.UTF-8 LC_ALL=C.UTF-8
