//go:build cgo

package pjrt

// #include <stdlib.h>
// #include "layer.h"
import "C"

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
)

// loaded is an executable. go-xla knows it by a handle of ours, because the plugin's object behind it may change
// once, and because plugins reuse the addresses of objects that are gone.
type loaded struct {
	client     *Client
	handle     unsafe.Pointer
	format     string
	module     *module // nil: text that parseModule does not understand
	numOutputs int

	mu          sync.Mutex
	c           unsafe.Pointer // PJRT_LoadedExecutable; nil once destroyed
	donors      []int          // arguments marked in the program
	donorsKnown bool           // donors are the arguments that the caller donates
	failed      error          // error of compiling in the background
	program     Program
}

// compile compiles a program, or reads it back, here or in the background.
func (c *Client) compile(text, format, options string) (*loaded, error) {
	l := &loaded{client: c, format: format, donorsKnown: true, program: Program{Text: text, Options: options}}
	l.program.compiled = l
	if format == "mlir" {
		m, err := parseModule(text)
		if err == nil {
			l.module, l.program.Name = m, m.name
		} else {
			c.o.Log.Debug("program not understood, nothing is donated", "error", err)
		}
	}
	if c.background != nil && l.module != nil {
		l.numOutputs = len(l.module.results)
		l.mu.Lock() // until it is compiled
		c.register(l)
		c.background.add(func(stopped bool) {
			defer l.mu.Unlock()
			if l.failed = ErrDestroyed; !stopped {
				l.failed = l.buildFirst()
			}
			c.update(l)
		})
		return l, nil
	}
	if err := l.buildFirst(); err != nil {
		return nil, err
	}
	c.register(l)
	return l, nil
}

// register gives an executable its handle.
func (c *Client) register(l *loaded) {
	l.handle = C.malloc(1)
	t := c.table
	t.mu.Lock()
	t.loaded[l.handle] = l
	t.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.programs = append(c.programs, l.program)
	c.live++
}

// buildFirst compiles l.c, with those arguments marked that the caller donated in an earlier run or is expected to
// donate.
func (l *loaded) buildFirst() error {
	c := l.client
	var donors []int
	if c.o.Donate && l.module != nil {
		if donors, l.donorsKnown = c.recall(l.module); !l.donorsKnown {
			donors = l.module.updated()
		}
	}
	if err := l.build(donors); err != nil {
		return err
	}
	if took := l.program.Took; took >= longCompilation {
		c.o.Log.Info("compiled", "graph", l.program.Name, "seconds", took.Round(time.Millisecond).Seconds(), "cached", l.program.Cached)
	}
	return nil
}

// ready returns nil if the executable can be used; the caller holds l.mu.
func (l *loaded) ready() error {
	if l.failed != nil {
		return l.failed
	}
	if l.c == nil {
		return ErrDestroyed
	}
	return nil
}

// trim gives free memory back to the kernel, which glibc would keep.
func trim() { C.layer_trim() }

// longCompilation is the duration from which a compilation is logged for people who wait.
const longCompilation = 500 * time.Millisecond

// build compiles l.c again with the given arguments marked as donated. On an error l is unchanged.
func (l *loaded) build(donors []int) error {
	defer trim() // a compiler frees tens of megabytes more than it leaves
	start := time.Now()
	submitted, options := l.program.Text, l.program.Options
	if len(donors) > 0 {
		submitted = l.module.mark(donors)
		if l.client.kind == "cpu" {
			options += override(regionAnalysis)
		}
	}
	e, cached, err := l.client.obtain(submitted, l.format, options)
	if err != nil && strings.Contains(err.Error(), regionAnalysis) { // the plugin does not know the option
		e, cached, err = l.client.obtain(submitted, l.format, l.program.Options)
	}
	if err != nil {
		return err
	}
	outputs, err := l.client.table.numOutputs(e)
	if err != nil {
		return errors.Join(err, l.client.table.destroyLoaded(e))
	}
	old := l.c
	l.c, l.numOutputs, l.donors = e, outputs, donors
	l.program.Submitted, l.program.Cached, l.program.Took = submitted, cached, time.Since(start)
	if l.module != nil {
		l.program.Donated = l.module.names(donors)
	}
	if old != nil {
		return l.client.table.destroyLoaded(old)
	}
	return nil
}

// regionAnalysis is an option by which XLA:CPU analyses the order of reads and writes before it copies an array that is
// overwritten. Without it XLA:CPU copies every donated array that two operations read: for an optimizer, both moments
// of every parameter.
const regionAnalysis = "xla_cpu_copy_insertion_use_region_analysis"

// override is a serialized CompileOptionsProto that switches on one of XLA's options, to be appended to another.
func override(name string) string {
	value := protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 1) // OptionOverrideProto.bool_field
	entry := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), name)
	entry = protowire.AppendBytes(protowire.AppendTag(entry, 2, protowire.BytesType), value)
	return string(protowire.AppendBytes(protowire.AppendTag(nil, 7, protowire.BytesType), entry)) // env_option_overrides
}

// matchDonation compares the arguments marked as donated with those that the caller donates. The first call decides: if
// the guess was wrong, the program is compiled again, and the answer is kept for the next run. A later call that keeps
// a marked argument is an error, since the results would overwrite it.
func (l *loaded) matchDonation(kept []bool) (unsafe.Pointer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.ready(); err != nil {
		return nil, err
	}
	if !l.donorsKnown && len(kept) == len(l.module.args) {
		var donated []int
		for i, a := range l.module.args {
			if a.variable() && !a.scalar() && !kept[i] {
				donated = append(donated, i)
			}
		}
		if !slices.Equal(donated, l.donors) {
			l.client.o.Log.Info("compiling again, because the caller donates other variables than guessed",
				"graph", l.program.Name, "guessed", len(l.donors), "donated", len(donated))
			if err := l.build(donated); err != nil {
				return nil, err
			}
			l.client.update(l)
		}
		l.donorsKnown = true
		l.client.remember(l.module, donated)
	}
	for _, i := range l.donors {
		if i < len(kept) && kept[i] {
			return nil, &Error{Code: C.CODE_FAILED_PRECONDITION, Text: fmt.Sprintf(
				"graph %s: variable %s is compiled to be overwritten, but this call keeps it", l.program.Name, l.module.names([]int{i})[0])}
		}
	}
	return l.c, nil
}

// update replaces the client's record of a program that was compiled again.
func (c *Client) update(l *loaded) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.programs {
		if c.programs[i].compiled == l.program.compiled {
			c.programs[i] = l.program
		}
	}
}

// obtain reads an executable from the cache or compiles it. Errors of the cache are only logged.
func (c *Client) obtain(program, format, options string) (e unsafe.Pointer, cached bool, err error) {
	if c.o.Cache == nil {
		e, err = c.translate(program, format, options)
		return e, false, err
	}
	key := c.key("executable", program, format, options)
	payload, err := c.o.Cache.get(key)
	if err == nil {
		if e, err = c.deserialize(payload); err == nil {
			return e, true, nil
		}
	}
	c.o.Log.Debug("executable not in the cache", "error", err)
	if e, err = c.translate(program, format, options); err != nil {
		return nil, false, err
	}
	if payload, err = c.table.serialize(e); err == nil {
		err = c.o.Cache.put(key, payload)
	}
	if err != nil {
		c.o.Log.Warn("cannot cache an executable", "error", err)
	}
	return e, false, nil
}

// key names everything that an executable depends on.
func (c *Client) key(what, program, format, options string) string {
	return cacheKey(what, c.o.PluginHash, c.kind, c.platform, c.version, strconv.Itoa(max(c.o.Devices, 1)),
		processor(), c.o.CacheSalt, format, options, canonical(program))
}

// recall returns the variables that a program's caller donated in an earlier run.
func (c *Client) recall(m *module) ([]int, bool) {
	if c.o.Cache == nil {
		return nil, false
	}
	payload, err := c.o.Cache.get(c.key("donors", m.text, "", ""))
	if err != nil {
		return nil, false
	}
	var donors []int
	if err := json.Unmarshal(payload, &donors); err != nil {
		return nil, false
	}
	for _, i := range donors {
		if i < 0 || i >= len(m.args) {
			return nil, false
		}
	}
	return donors, true
}

func (c *Client) remember(m *module, donors []int) {
	if c.o.Cache == nil {
		return
	}
	payload, err := json.Marshal(donors)
	if err == nil {
		err = c.o.Cache.put(c.key("donors", m.text, "", ""), payload)
	}
	if err != nil {
		c.o.Log.Warn("cannot record which variables are donated", "error", err)
	}
}

// translate compiles a program with the plugin.
func (c *Client) translate(program, format, options string) (unsafe.Pointer, error) {
	p := newProgramArg(program, format)
	defer p.free()
	var args C.ClientCompileArgs
	args.size, args.client, args.program = C.sizeof_ClientCompileArgs, c.c, p.c
	args.options, args.options_size = C.CString(options), C.size_t(len(options))
	defer C.free(unsafe.Pointer(args.options))
	if err := c.table.call(C.CLIENT_COMPILE, unsafe.Pointer(&args)); err != nil {
		return nil, err
	}
	if args.executable == nil {
		return nil, errors.New("the plugin returned no executable")
	}
	return args.executable, nil
}

func (c *Client) deserialize(payload []byte) (unsafe.Pointer, error) {
	var args C.DeserializeArgs
	args.size, args.client = C.sizeof_DeserializeArgs, c.c
	args.bytes, args.length = (*C.char)(C.CBytes(payload)), C.size_t(len(payload))
	defer C.free(unsafe.Pointer(args.bytes))
	if err := c.table.call(C.DESERIALIZE, unsafe.Pointer(&args)); err != nil {
		return nil, err
	}
	if args.executable == nil {
		return nil, errors.New("the plugin returned no executable")
	}
	return args.executable, nil
}

// serialize is the inverse of deserialize.
func (t *table) serialize(e unsafe.Pointer) ([]byte, error) {
	var payload []byte
	err := t.withExecutable(e, func(x unsafe.Pointer) error {
		var args C.SerializeArgs
		args.size, args.executable = C.sizeof_SerializeArgs, x
		if err := t.call(C.EXECUTABLE_SERIALIZE, unsafe.Pointer(&args)); err != nil {
			return err
		}
		defer C.layer_delete(&args)
		if args.bytes == nil || args.length == 0 {
			return errors.New("the plugin serialized an executable to 0 bytes")
		}
		payload = C.GoBytes(unsafe.Pointer(args.bytes), C.int(args.length))
		return nil
	})
	return payload, err
}

// withExecutable calls f with the object that describes an executable.
func (t *table) withExecutable(e unsafe.Pointer, f func(x unsafe.Pointer) error) error {
	x, err := t.describe(e)
	if err != nil {
		return err
	}
	var args C.ObjectArgs
	args.size, args.object = C.sizeof_ObjectArgs, x
	err = f(x)
	return errors.Join(err, t.call(C.EXECUTABLE_DESTROY, unsafe.Pointer(&args)))
}

// describe asks for the object that describes an executable; the caller destroys it.
func (t *table) describe(e unsafe.Pointer) (unsafe.Pointer, error) {
	var args C.PointerArgs
	args.size, args.object = C.sizeof_PointerArgs, e
	if err := t.call(C.LOADED_EXECUTABLE, unsafe.Pointer(&args)); err != nil {
		return nil, err
	}
	if args.result == nil {
		return nil, errors.New("the plugin returned no description of an executable")
	}
	return args.result, nil
}

// numOutputs makes the calls that go-xla will make, and checks the answers.
func (t *table) numOutputs(e unsafe.Pointer) (n int, err error) {
	err = t.withExecutable(e, func(x unsafe.Pointer) error {
		if _, err := t.text(C.EXECUTABLE_NAME, x, "name of an executable"); err != nil {
			return err
		}
		var args C.SizeArgs
		args.size, args.object = C.sizeof_SizeArgs, x
		err := t.call(C.EXECUTABLE_NUM_OUTPUTS, unsafe.Pointer(&args))
		n = int(args.number)
		return err
	})
	return n, err
}

// find returns the executable behind a handle.
func (t *table) find(handle unsafe.Pointer) (*loaded, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l := t.loaded[handle]; l != nil {
		return l, nil
	}
	return nil, ErrDestroyed
}

// description makes the description that go-xla requests and destroys.
func (l *loaded) description() unsafe.Pointer {
	name := C.CString(l.program.Name)
	defer C.free(unsafe.Pointer(name))
	return unsafe.Pointer(C.layer_description(name, C.size_t(len(l.program.Name)), C.size_t(l.numOutputs)))
}

// destroy destroys an executable, and its client if that is closed and this was its last executable.
func (l *loaded) destroy() error {
	c, t := l.client, l.client.table
	t.mu.Lock()
	delete(t.loaded, l.handle)
	t.mu.Unlock()
	l.mu.Lock()
	var err error
	if l.c != nil { // nil if compiling failed
		err = t.destroyLoaded(l.c)
	}
	l.c = nil
	l.mu.Unlock()
	C.free(l.handle)
	c.mu.Lock()
	c.live--
	last := c.closed && c.live == 0
	c.mu.Unlock()
	if last {
		err = errors.Join(err, t.release(c))
	}
	return err
}

func (t *table) destroyLoaded(e unsafe.Pointer) error {
	var args C.ObjectArgs
	args.size, args.object = C.sizeof_ObjectArgs, e
	return t.call(C.LOADED_DESTROY, unsafe.Pointer(&args))
}

// programArg is a program in C's memory.
type programArg struct{ c *C.ProgramArg }

func newProgramArg(program, format string) programArg {
	p := (*C.ProgramArg)(C.calloc(1, C.sizeof_ProgramArg))
	p.size = C.sizeof_ProgramArg
	p.code, p.code_size = C.CString(program), C.size_t(len(program))
	p.format, p.format_size = C.CString(format), C.size_t(len(format))
	return programArg{p}
}

func (p programArg) free() {
	C.free(unsafe.Pointer(p.c.code))
	C.free(unsafe.Pointer(p.c.format))
	C.free(unsafe.Pointer(p.c))
}

// allocate is a list of n pointers in C's memory, all nil.
func allocate(n int) *unsafe.Pointer {
	return (*unsafe.Pointer)(C.calloc(C.size_t(n), C.size_t(unsafe.Sizeof(unsafe.Pointer(nil)))))
}

func freeList(list *unsafe.Pointer) { C.free(unsafe.Pointer(list)) }
