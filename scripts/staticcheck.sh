#!/usr/bin/env bash
# Runs staticcheck over the module, in a version that stays the same.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOEXPERIMENT=simd # as README's commands have it
exec go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 "${@:-./...}"
