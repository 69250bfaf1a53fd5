#!/usr/bin/env bash
# Runs every fuzz target for TIME, one after the other, and counts their executions.
#
#   scripts/fuzz.sh TIME [PATTERN]     such as: scripts/fuzz.sh 2m 'data/.*'
#
# PATTERN, a regular expression, selects targets by lines such as "data/relations FuzzBioC".
# It prints a line for each target (package, target, executions, ok or FAIL) and the sum, and ends with 1 if a target
# failed. Go stores the failing input in testdata/fuzz of the package: fix the fault and keep the input as a test.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOEXPERIMENT=simd

time=${1:?usage: scripts/fuzz.sh TIME [PATTERN]}
pattern=${2:-.}
total=0 failed=0
output=$(mktemp)
trap 'rm -f "$output"' EXIT

while read -r package target; do
	state=ok
	go test "./$package" -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1s -parallel 1 >"$output" 2>&1 || state=FAIL
	executions=$(sed -n 's/.*execs: \([0-9]*\) .*/\1/p' "$output" | tail -n 1)
	total=$((total + ${executions:-0}))
	printf '%s\t%s\t%s\t%s\n' "$package" "$target" "${executions:-0}" "$state"
	if [ "$state" = FAIL ]; then
		failed=1
		sed 's/^/    /' "$output"
	fi
done < <(git grep -o '^func Fuzz[A-Za-z0-9]*' -- '*_test.go' |
	sed 's|/[^/]*_test.go:func | |' | grep -E "$pattern")

printf 'sum\t\t%s\t%s\n' "$total" "$([ $failed = 0 ] && echo ok || echo FAIL)"
exit $failed
