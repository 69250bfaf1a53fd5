#!/bin/bash
# Written by subbert sweep: each task of the array carries out one run.
set -u
dirs=(
	'/store/0123'
	'/sto'\''re/4567 89'
)
dir=${dirs[$SLURM_ARRAY_TASK_ID]}
exec >>"$dir/log.txt" 2>&1
job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
echo "== job $job on $(hostname), restart ${SLURM_RESTART_COUNT:-0}"
'/opt/subbert' '--backend' 'cuda' sweep-step "$dir" &
child=$!
told=0
trap 'told=$((told + 1)); kill -TERM "$child" 2>/dev/null' TERM
seen=-1
while [ "$seen" -ne "$told" ]; do # a signal ends wait, not the run
	seen=$told
	wait "$child"
	code=$?
done
if [ "$code" -eq 130 ] && [ "${SLURM_RESTART_COUNT:-0}" -lt 100 ] &&
	[ "$(squeue --noheader --format=%T --jobs="$job")" = RUNNING ]; then
	scontrol requeue "$job" && sleep 60 # until SLURM ends this turn
fi
exit "$code"
