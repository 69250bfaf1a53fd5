//go:build cgo

package pjrt

// #include <stdlib.h>
// #include "layer.h"
import "C"

import (
	"errors"
	"fmt"
	"time"
	"unsafe"
)

// CompileAhead compiles a StableHLO program for devices that this machine need not have, such as the TPU
// topology "v3:2x2x1". The options are those of a Program of a [Deviceless] client; settings are passed to the
// plugin's description of the topology. No client is created. The call takes as much memory and time as the
// compiler does.
func CompileAhead(path, topology, program, options string, settings map[string]string) (*Ahead, error) {
	t, err := load(path)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	top, err := t.topology(topology, settings)
	if err != nil {
		return nil, fmt.Errorf("topology %q: %w", topology, err)
	}
	defer t.discard(C.TOPOLOGY_DESTROY, top)
	x, err := t.compileFor(top, program, options)
	if err != nil {
		return nil, err
	}
	defer t.discard(C.EXECUTABLE_DESTROY, x)
	a := &Ahead{Took: time.Since(start)}
	if a.Devices, err = t.countDevices(top); err != nil {
		return nil, err
	}
	// Not every plugin has every figure; a missing one stays zero.
	if m, err := t.memory(x); err == nil {
		a.Memory = &m
	}
	if cost, err := t.cost(x); err == nil {
		a.Cost = cost
	}
	if code, format, err := t.optimized(x); err == nil {
		a.Optimized, a.Format = code, format
	}
	return a, nil
}

// discard destroys an object of the plugin. It ignores an error, which only leaks the object.
func (t *table) discard(entry C.int, object unsafe.Pointer) {
	var args C.ObjectArgs
	args.size, args.object = C.sizeof_ObjectArgs, object
	_ = t.call(entry, unsafe.Pointer(&args))
}

func (t *table) topology(name string, settings map[string]string) (unsafe.Pointer, error) {
	var args C.TopologyCreateArgs
	args.size = C.sizeof_TopologyCreateArgs
	args.name, args.name_length = C.CString(name), C.size_t(len(name))
	defer C.free(unsafe.Pointer(args.name))
	if n := len(settings); n > 0 {
		list := (*C.NamedValue)(C.calloc(C.size_t(n), C.sizeof_NamedValue))
		defer C.free(unsafe.Pointer(list))
		i := 0
		for key, value := range settings {
			k, v := C.CString(key), C.CString(value)
			defer C.free(unsafe.Pointer(k))
			defer C.free(unsafe.Pointer(v))
			C.layer_set_text(&unsafe.Slice(list, n)[i], k, C.size_t(len(key)), v, C.size_t(len(value)))
			i++
		}
		args.options, args.num_options = list, C.size_t(n)
	}
	if err := t.call(C.TOPOLOGY_CREATE, unsafe.Pointer(&args)); err != nil {
		return nil, err
	}
	if args.topology == nil {
		return nil, errors.New("the plugin returned no topology")
	}
	return args.topology, nil
}

func (t *table) compileFor(topology unsafe.Pointer, program, options string) (unsafe.Pointer, error) {
	p := newProgramArg(program, "mlir")
	defer p.free()
	args := (*C.CompileArgs)(C.calloc(1, C.sizeof_CompileArgs))
	defer C.free(unsafe.Pointer(args))
	args.size, args.topology, args.program = C.sizeof_CompileArgs, topology, p.c
	args.options, args.options_size = C.CString(options), C.size_t(len(options))
	defer C.free(unsafe.Pointer(args.options))
	if err := t.call(C.COMPILE, unsafe.Pointer(args)); err != nil {
		return nil, err
	}
	if args.executable == nil {
		return nil, errors.New("the plugin returned no executable")
	}
	return args.executable, nil
}

func (t *table) countDevices(topology unsafe.Pointer) (int, error) {
	var args C.ListArgs
	args.size, args.object = C.sizeof_ListArgs, topology
	err := t.call(C.TOPOLOGY_DESCRIPTIONS, unsafe.Pointer(&args))
	return int(args.count), err
}
