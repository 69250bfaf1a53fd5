package slurm

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/subbert/subbert/sweep"
)

// grace is the number of seconds before its time limit at which a run is asked to save.
const grace = 120

// Script is the batch script of an array whose tasks execute the runs in dirs.
func Script(program, dirs []string) string {
	var list strings.Builder
	for _, d := range dirs {
		fmt.Fprintf(&list, "\t%s\n", quote(d))
	}
	words := make([]string, len(program))
	for i, w := range program {
		words[i] = quote(w)
	}
	return strings.NewReplacer("@DIRS@", list.String(), "@PROGRAM@", strings.Join(words, " ")).Replace(script)
}

// A run that was asked to save ends with 130. Before a time limit the job is still RUNNING then, and requeues itself;
// after a preemption SLURM requeues it, and a cancelled job is not requeued. The task is named in full, because the job
// number of the last task of an array is that of the array.
const script = `#!/bin/bash
# Written by subbert sweep: each task of the array carries out one run.
set -u
dirs=(
@DIRS@)
dir=${dirs[$SLURM_ARRAY_TASK_ID]}
exec >>"$dir/log.txt" 2>&1
job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
echo "== job $job on $(hostname), restart ${SLURM_RESTART_COUNT:-0}"
@PROGRAM@ sweep-step "$dir" &
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
`

// quote quotes s as a word of the shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// Arguments returns the arguments of sbatch for an array of n tasks that depends on the jobs needed.
func Arguments(name string, n int, work string, needed, options []string, script string) []string {
	args := []string{
		"--parsable", "--requeue", "--job-name=" + name, fmt.Sprintf("--array=0-%d", n-1), fmt.Sprintf("--signal=B:TERM@%d", grace),
		"--output=/dev/null", "--chdir=" + work,
	}
	if len(needed) > 0 {
		args = append(args, "--dependency=afterok:"+strings.Join(needed, ":"), "--kill-on-invalid-dep=yes")
	}
	return slices.Concat(args, options, []string{script})
}

var optionForm = regexp.MustCompile(`^[a-z][a-z-]*$`)

// ours are options of sbatch that the sweep sets and users must not.
var ours = []string{"array", "chdir", "dependency", "job-name", "no-requeue", "output", "parsable", "requeue", "signal", "wait", "wrap"}

// options returns the options of sbatch for t: the user's, and a time limit from the forecast if they
// contain none.
func (q *Queue) options(t sweep.Task) ([]string, error) {
	set, err := q.Options(t.Group)
	if err != nil {
		return nil, err
	}
	var args []string
	var errs []error
	for _, k := range slices.Sorted(maps.Keys(set)) {
		switch {
		case !optionForm.MatchString(k):
			errs = append(errs, fmt.Errorf("on.slurm.%s: want the name of an option of sbatch, without --", k))
		case slices.Contains(ours, k):
			errs = append(errs, fmt.Errorf("on.slurm.%s: the sweep sets this option itself", k))
		case set[k] == "true":
			args = append(args, "--"+k)
		case set[k] != "false":
			args = append(args, "--"+k+"="+set[k])
		}
	}
	if _, ok := set["time"]; !ok && t.Hours > 0 {
		args = append(args, fmt.Sprintf("--time=%d", timeLimit(t.Hours)))
	}
	return args, errors.Join(errs...)
}

// timeLimit is in minutes: half as much again as the forecast, and ten for the start and the end.
func timeLimit(hours float64) int { return int(math.Ceil(hours*90)) + 10 }
