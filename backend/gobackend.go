package backend

import (
	"fmt"
	"reflect"
	"runtime"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
)

// slowNotice is part of the description of a Go backend without vector instructions.
const slowNotice = "built without GOEXPERIMENT=simd: 4 to 8 times slower than it could be"

func openGo() (compute.Backend, string, error) {
	b, err := gobackend.New("")
	if err != nil {
		return nil, "", fmt.Errorf("backend go: %w", err)
	}
	if err := unlimitWorkers(b); err != nil {
		return nil, "", err
	}
	if !simd {
		return goBackend{b}, b.Description() + ", " + slowNotice, nil
	}
	return goBackend{b}, b.Description() + ", simd", nil
}

// RuntimeSetting is what GODEBUG should say when a program that uses the Go backend starts, or nothing.
//
// Go 1.26 built with vector instructions saves whole vector registers where it interrupts a goroutine that computes for 10 ms, and
// leaves their upper halves in use when it goes on. Go's own floating-point code has the older instructions, which then keep those
// halves with each operation: math.Exp takes a hundred times as long from then on, and with it the loss over a vocabulary of
// 29,000 words (docs/performance.md). Without such interruptions it does not happen.
func RuntimeSetting() string {
	if simd && runtime.GOARCH == "amd64" {
		return "asyncpreemptoff=1"
	}
	return ""
}

// unlimitWorkers is the option parallelism=-1: a goroutine for every piece of work. With the default, a limited
// pool whose workers wait for each other, real models deadlock. The option itself prints on standard output,
// which belongs to results, so the call it makes is made here, on a type that only reflection can name.
func unlimitWorkers(b compute.Backend) error {
	const unlimited = -1
	pool := reflect.Indirect(reflect.ValueOf(b)).FieldByName("Workers")
	if !pool.IsValid() {
		return fmt.Errorf("backend go: %T has no Workers", b)
	}
	set, ok := pool.Interface().(interface{ SetMaxParallelism(int) })
	if !ok {
		return fmt.Errorf("backend go: %T has no SetMaxParallelism", pool.Interface())
	}
	set.SetMaxParallelism(unlimited)
	return nil
}
