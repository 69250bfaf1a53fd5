#!/usr/bin/env bash
# Checks the forge's workflow files with actionlint, in a version that stays the same.
set -euo pipefail
cd "$(dirname "$0")/.."
exec go run github.com/rhysd/actionlint/cmd/actionlint@v1.7.7 -shellcheck= -pyflakes= "$@"
