#!/bin/bash
# Installs the wheel of this machine from a directory of wheels in a fresh virtual environment and runs the first command:
#
#   scripts/try_wheel.sh dist [EXTRA [DIRECTORY WITH THE PLUGIN'S WHEEL]]
set -euo pipefail
dist=$(realpath "$1") extra=${2:-} plugins=$(realpath "${3:-$1}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache
cd "$work"
started=$SECONDS
python3 -m venv env
env/bin/pip install --quiet --no-index --find-links "$dist" --find-links "$plugins" "subbert${extra:+[$extra]}"
echo "installed after $((SECONDS - started)) s"
env/bin/subbert --version
env/bin/subbert backend list
env/bin/subbert -q quickstart
test -s quickstart/report.html
echo "report after $((SECONDS - started)) s"
