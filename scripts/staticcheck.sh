#!/usr/bin/env bash
# Runs a pinned version of staticcheck over the module.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOEXPERIMENT=simd # as README's commands have it
exec go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 "${@:-./...}"
