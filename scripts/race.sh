#!/usr/bin/env bash
# Runs the short tests of the given packages, or of all, with the race detector.
#
# -race turns on checkptr, which stops GoMLX's Go backend: its small matrix kernels (gomlx/compute, nosimd_small.go and
# avx2_small.go) take pointers past the end of a slice that they do not follow. So checkptr is off here.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOEXPERIMENT=simd CGO_ENABLED=1
exec go test -race -short -gcflags=all=-d=checkptr=0 "${@:-./...}"
