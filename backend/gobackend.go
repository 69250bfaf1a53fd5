package backend

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"

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

// RuntimeSetting is the value of GODEBUG that a program needs at its start to use the Go backend at full
// speed; it may be empty.
//
// When Go 1.26 is built with vector instructions and preempts a goroutine that has computed for 10 ms, it saves whole
// vector registers, and leaves their upper halves in use when the goroutine goes on. Go's own floating-point code uses
// older instructions, which then preserve those halves in each operation: from then on math.Exp takes a hundred times
// as long, and so does the loss over a vocabulary of 29,000 words (docs/performance.md). Without asynchronous
// preemption this does not happen.
func RuntimeSetting() string {
	if simd && runtime.GOARCH == "amd64" {
		return "asyncpreemptoff=1"
	}
	return ""
}

// AddRuntimeSetting returns the value of GODEBUG with RuntimeSetting added, and whether that changed it. A value that the
// user set stays.
func AddRuntimeSetting(godebug string) (string, bool) { return addSetting(godebug, RuntimeSetting()) }

func addSetting(godebug, setting string) (string, bool) {
	name, _, _ := strings.Cut(setting, "=")
	for pair := range strings.SplitSeq(godebug, ",") {
		if key, _, _ := strings.Cut(pair, "="); key == name {
			return godebug, false
		}
	}
	if setting == "" {
		return godebug, false
	}
	return strings.TrimPrefix(godebug+","+setting, ","), true
}

// unlimitWorkers does what the option parallelism=-1 does: it starts a goroutine for every piece of work. With
// the default, a limited pool whose workers wait for each other, real models deadlock. The option itself prints
// on standard output, which is reserved for results, so unlimitWorkers makes the same call through reflection,
// since the type is not exported.
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
