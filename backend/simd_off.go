//go:build !goexperiment.simd

package backend

// simd says whether the Go backend was built with vector instructions.
const simd = false
