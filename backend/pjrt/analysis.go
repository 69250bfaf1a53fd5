//go:build cgo

package pjrt

// #include <stdlib.h>
// #include "layer.h"
import "C"

import (
	"errors"
	"unsafe"
)

// The functions below ask a plugin about an executable that it compiled.

func (l *loaded) memory() (m Memory, err error) {
	err = l.withDescription(func(t *table, x unsafe.Pointer) error {
		m, err = t.memory(x)
		return err
	})
	return m, err
}

func (l *loaded) cost() (cost map[string]float64, err error) {
	err = l.withDescription(func(t *table, x unsafe.Pointer) error {
		cost, err = t.cost(x)
		return err
	})
	return cost, err
}

func (l *loaded) optimized() (code []byte, format string, err error) {
	err = l.withDescription(func(t *table, x unsafe.Pointer) error {
		code, format, err = t.optimized(x)
		return err
	})
	return code, format, err
}

// withDescription calls f with the description of the executable.
func (l *loaded) withDescription(f func(t *table, x unsafe.Pointer) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.ready(); err != nil {
		return err
	}
	t := l.client.table
	return t.withExecutable(l.c, func(x unsafe.Pointer) error { return f(t, x) })
}

func (t *table) memory(x unsafe.Pointer) (Memory, error) {
	var args C.MemoryArgs
	args.size, args.executable = C.sizeof_MemoryArgs, x
	if err := t.call(C.EXECUTABLE_MEMORY, unsafe.Pointer(&args)); err != nil {
		return Memory{}, err
	}
	return Memory{
		Code: int64(args.code), Arguments: int64(args.arguments), Outputs: int64(args.outputs),
		Aliased: int64(args.aliases), Temporaries: int64(args.temporaries), Peak: int64(args.peak),
	}, nil
}

func (t *table) cost(x unsafe.Pointer) (map[string]float64, error) {
	var args C.CostArgs
	args.size, args.executable = C.sizeof_CostArgs, x
	if err := t.call(C.EXECUTABLE_COST, unsafe.Pointer(&args)); err != nil {
		return nil, err
	}
	if args.count > 0 && args.values == nil {
		return nil, errors.New("the plugin returned no cost analysis")
	}
	cost := map[string]float64{}
	for _, v := range unsafe.Slice(args.values, args.count) {
		name := C.GoStringN(v.name, C.int(v.name_length))
		switch v.kind {
		case C.NAMED_FLOAT:
			cost[name] = float64(C.layer_number(&v))
		case C.NAMED_INTEGER:
			cost[name] = float64(C.layer_integer(&v))
		}
	}
	return cost, nil
}

// optimized asks twice, as the interface has it: for the length, then for the program.
func (t *table) optimized(x unsafe.Pointer) ([]byte, string, error) {
	p := (*C.ProgramArg)(C.calloc(1, C.sizeof_ProgramArg))
	defer C.free(unsafe.Pointer(p))
	p.size = C.sizeof_ProgramArg
	args := (*C.OptimizedArgs)(C.calloc(1, C.sizeof_OptimizedArgs))
	defer C.free(unsafe.Pointer(args))
	args.size, args.executable, args.program = C.sizeof_OptimizedArgs, x, p
	if err := t.call(C.EXECUTABLE_OPTIMIZED, unsafe.Pointer(args)); err != nil {
		return nil, "", err
	}
	if p.code_size == 0 {
		return nil, "", errors.New("the plugin returned no optimized program")
	}
	p.code = (*C.char)(C.calloc(p.code_size, 1))
	defer C.free(unsafe.Pointer(p.code))
	if err := t.call(C.EXECUTABLE_OPTIMIZED, unsafe.Pointer(args)); err != nil {
		return nil, "", err
	}
	return C.GoBytes(unsafe.Pointer(p.code), C.int(p.code_size)), C.GoStringN(p.format, C.int(p.format_size)), nil
}
