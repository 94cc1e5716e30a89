#!/bin/bash
# A batch job of dvtwin, sent by:
#   @sent@
set -uo pipefail
unset DVTWIN_INSIDE PYTHONHOME
@setup@
run=@run@
members=@members@ # of an array: the list of run folders, one a line
[ -z "$members" ] || run=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" "$members")
job=${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}
stages=(@stages@)
with_ranks=' @parallel@ '
ranks=@ranks@
launch=(@launch@ -n "$ranks")

# The same Python as where this was sent, if this node has it; else the launcher, which finds its own.
program=(@wrapped@ @launcher@)
if [ @container@ = no ] && [ -x @python@ ]; then program=(@python@ -P -m jobs); fi

# USR1: the time is nearly up. TERM: the job is being ended.
asked='' pid='' change=''
hand_on() {
    asked=$1
    [ -z "$pid" ] || kill "-$1" "$pid" 2>/dev/null
}
trap 'hand_on USR1' USR1
trap 'hand_on TERM' TERM

at_work() { # COMMAND...: its exit code; signals are served meanwhile
    "$@" &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do wait "$pid"; done
    wait "$pid"
    code=$?
    pid=''
}

again() { # [CHANGE]: this job once more from the start, with more memory if so
    trap '' TERM USR1
    if [ -z "${1:-}" ]; then
        scontrol requeue "$job"
    else
        scontrol requeuehold "$job"
        scontrol update JobId="$job" "$1" || echo "no more memory than before: $1 was refused"
        scontrol release "$job"
    fi && sleep 120 # Slurm ends this shell
    echo "this job could not be requeued: dvtwin resume $run"
}

for stage in "${stages[@]}"; do
    while
        "${program[@]}" job begin "$run" "$stage" --job "$job" --ranks "$ranks"
        code=$?
        [ "$code" -ne @fresh@ ] || continue 2
        if [ "$code" -eq 0 ]; then
            start=(env)
            [[ $with_ranks != *" $stage "* ]] || start=("${launch[@]}")
            [ -z "$asked" ] || start=(false)
            at_work "${start[@]}" "${program[@]}" stage "$stage" "$run" >>"$run/logs/$stage.log" 2>&1
            change=$("${program[@]}" job end "$run" "$stage" --code "$code" --asked "$asked")
            code=$?
        fi
        [ "$code" -eq @relaunch@ ]
    do sleep 15; done # the ranks did not start
    if [ "$code" -eq 85 ] && [ "$asked" != TERM ] && [ @requeue@ = yes ]; then again "$change"; fi
    [ "$code" -eq 0 ] || exit "$code"
done
