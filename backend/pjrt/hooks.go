//go:build cgo

package pjrt

// #include "layer.h"
import "C"

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"
)

// go-xla calls the functions below through the replaced entries of a table. They run on go-xla's goroutines and
// return an error of ours or nil.

//export goClientCreate
func goClientCreate(slot C.int, args *C.ClientCreateArgs) *C.Error {
	t := tableAt(slot)
	c := t.opening // set by newClient, which holds process.opening
	if c == nil {
		return toC(errors.New("only this package may create a client"))
	}
	args.client = nil
	if c.refused = t.call(C.CLIENT_CREATE, unsafe.Pointer(args)); c.refused == nil {
		c.refused = t.created(c, args.client)
	}
	return toC(c.refused)
}

//export goClientDestroy
func goClientDestroy(slot C.int, args *C.ObjectArgs) *C.Error {
	t := tableAt(slot)
	c := t.client(args.object)
	if c == nil {
		return toC(errors.New("destroying a client that does not exist"))
	}
	return toC(t.destroy(c))
}

//export goClientCompile
func goClientCompile(slot C.int, args *C.ClientCompileArgs) *C.Error {
	t := tableAt(slot)
	c := t.client(args.client)
	if c == nil {
		return toC(errors.New("compiling for a client that does not exist"))
	}
	program := C.GoStringN(args.program.code, C.int(args.program.code_size))
	format := C.GoStringN(args.program.format, C.int(args.program.format_size))
	options := C.GoStringN(args.options, C.int(args.options_size))
	l, err := c.compile(program, format, options)
	if err != nil {
		return toC(err)
	}
	args.executable = l.handle
	return nil
}

//export goLoadedExecutable
func goLoadedExecutable(slot C.int, args *C.PointerArgs) *C.Error {
	t := tableAt(slot)
	l, err := t.find(args.object)
	if err != nil {
		return toC(err)
	}
	args.result = l.description()
	return nil
}

//export goLoadedDestroy
func goLoadedDestroy(slot C.int, args *C.ObjectArgs) *C.Error {
	t := tableAt(slot)
	l, err := t.find(args.object)
	if err != nil {
		return toC(err)
	}
	return toC(l.destroy())
}

//export goLoadedExecute
func goLoadedExecute(slot C.int, args *C.ExecuteArgs) *C.Error {
	t := tableAt(slot)
	l, err := t.find(args.executable)
	if err != nil {
		return toC(err)
	}
	return toC(l.execute(args))
}

//export goBufferDestroy
func goBufferDestroy(slot C.int, args *C.ObjectArgs) *C.Error {
	t := tableAt(slot)
	t.mu.Lock()
	doomed := t.doomed
	if doomed != nil {
		doomed.add(args.object)
	}
	t.mu.Unlock()
	if doomed != nil {
		return nil
	}
	return toC(t.destroyBuffer(args.object))
}

//export goCountResults
func goCountResults(program *C.char, length C.size_t) C.size_t {
	m, err := parseModule(C.GoStringN(program, C.int(length)))
	if err != nil {
		return 0
	}
	return C.size_t(len(m.results))
}

// execute checks the caller's donation, runs the executable, and waits for it unless executions run ahead.
func (l *loaded) execute(args *C.ExecuteArgs) error {
	e, err := l.matchDonation(kept(args))
	if err != nil {
		return err
	}
	handle := args.executable
	args.executable = e
	defer func() { args.executable = handle }()
	ahead := l.client.ahead
	if ahead == nil {
		return l.run(args)
	}
	if err := ahead.enter(); err != nil {
		return err
	}
	wanted := args.events
	args.events = allocate(int(args.num_devices))
	defer freeList(args.events)
	if err := l.run(args); err != nil {
		args.events = wanted
		ahead.leave()
		return err
	}
	ahead.follow(slices.Clone(unsafe.Slice(args.events, args.num_devices)))
	args.events = nil // go-xla waits for these, if there are any
	return nil
}

// run calls the plugin and checks that it filled in every output.
func (l *loaded) run(args *C.ExecuteArgs) error {
	var outputs []*unsafe.Pointer
	if l.numOutputs > 0 {
		outputs = unsafe.Slice(args.outputs, args.num_devices)
	}
	for _, list := range outputs {
		clear(unsafe.Slice(list, l.numOutputs))
	}
	var events []unsafe.Pointer
	if args.events != nil {
		events = unsafe.Slice(args.events, args.num_devices)
		clear(events)
	}
	if err := l.client.table.call(C.LOADED_EXECUTE, unsafe.Pointer(args)); err != nil {
		return err
	}
	for device, list := range outputs {
		if i := slices.Index(unsafe.Slice(list, l.numOutputs), nil); i >= 0 {
			return fmt.Errorf("the plugin returned no buffer for output %d of device %d", i, device)
		}
	}
	if slices.Contains(events, nil) {
		return errors.New("the plugin returned no event for an execution")
	}
	return nil
}

// kept says for each argument whether the caller keeps it. The arguments of the first device stand for all.
func kept(args *C.ExecuteArgs) []bool {
	set := make([]bool, args.num_arguments)
	if args.options == nil || args.options.kept == nil {
		return set
	}
	for _, i := range unsafe.Slice(args.options.kept, args.options.num_kept) {
		if int(i) < len(set) {
			set[i] = true
		}
	}
	return set
}
