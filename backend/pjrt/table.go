//go:build cgo

package pjrt

// #cgo LDFLAGS: -ldl
// #include <stdlib.h>
// #include "layer.h"
import "C"

import (
	"errors"
	"fmt"
	"sync"
	"unsafe"

	xlapjrt "github.com/gomlx/go-xla/pjrt"
)

// Linked reports whether this program can load plugins.
const Linked = true

// table is one loaded plugin: its functions, and the copy of them that go-xla gets.
type table struct {
	slot   C.int
	path   string
	theirs *C.Table
	ours   *C.Table
	failed error // of its initialisation

	mu      sync.Mutex
	names   map[string]bool // its names in go-xla
	opening *Client         // the client that is being created
	clients map[unsafe.Pointer]*Client
	loaded  map[unsafe.Pointer]*loaded // by the handle that go-xla has
	doomed  *reaper                    // destroys buffers when every client runs ahead; else nil
}

// process holds the state that plugins require of the process: a plugin is loaded once, stays loaded, and
// calls back without saying which plugin it is.
var process struct {
	mu      sync.Mutex
	tables  []*table // by slot
	opening sync.Mutex
}

// oldestMinor is the minor version of 0.57, the oldest interface with all functions that this package
// needs.
const oldestMinor = 57

// required lists the functions that every plugin must have.
var required = []struct {
	entry C.int
	name  string
}{
	{C.ERROR_DESTROY, "PJRT_Error_Destroy"}, {C.ERROR_MESSAGE, "PJRT_Error_Message"}, {C.ERROR_CODE, "PJRT_Error_GetCode"},
	{C.PLUGIN_INITIALIZE, "PJRT_Plugin_Initialize"},
	{C.EVENT_DESTROY, "PJRT_Event_Destroy"}, {C.EVENT_AWAIT, "PJRT_Event_Await"},
	{C.CLIENT_CREATE, "PJRT_Client_Create"}, {C.CLIENT_DESTROY, "PJRT_Client_Destroy"},
	{C.CLIENT_PLATFORM_NAME, "PJRT_Client_PlatformName"}, {C.CLIENT_PLATFORM_VERSION, "PJRT_Client_PlatformVersion"},
	{C.CLIENT_ADDRESSABLE_DEVICES, "PJRT_Client_AddressableDevices"}, {C.CLIENT_COMPILE, "PJRT_Client_Compile"},
	{C.CLIENT_BUFFER_FROM_HOST, "PJRT_Client_BufferFromHostBuffer"},
	{C.DESCRIPTION_DEBUG_STRING, "PJRT_DeviceDescription_DebugString"},
	{C.DEVICE_DESCRIPTION, "PJRT_Device_GetDescription"}, {C.DEVICE_IS_ADDRESSABLE, "PJRT_Device_IsAddressable"},
	{C.DEVICE_LOCAL_ID, "PJRT_Device_LocalHardwareId"},
	{C.EXECUTABLE_DESTROY, "PJRT_Executable_Destroy"}, {C.EXECUTABLE_NAME, "PJRT_Executable_Name"},
	{C.EXECUTABLE_NUM_OUTPUTS, "PJRT_Executable_NumOutputs"},
	{C.LOADED_DESTROY, "PJRT_LoadedExecutable_Destroy"}, {C.LOADED_EXECUTABLE, "PJRT_LoadedExecutable_GetExecutable"},
	{C.LOADED_EXECUTE, "PJRT_LoadedExecutable_Execute"},
	{C.BUFFER_DESTROY, "PJRT_Buffer_Destroy"}, {C.BUFFER_TYPE, "PJRT_Buffer_ElementType"},
	{C.BUFFER_DIMENSIONS, "PJRT_Buffer_Dimensions"}, {C.BUFFER_TO_HOST, "PJRT_Buffer_ToHostBuffer"},
}

// Inspect loads a plugin into this process and reads its table; it calls nothing but the entry point. go-xla
// can use every plugin that Inspect accepts.
func Inspect(path string) (Info, error) {
	t, err := open(path)
	if err != nil {
		return Info{}, err
	}
	return info(t), nil
}

func info(t *C.Table) Info {
	return Info{Major: int(t.version.major), Minor: int(t.version.minor), StructSize: int64(t.size)}
}

// open loads the library and checks the table.
func open(path string) (*C.Table, error) {
	cPath := C.CString(path)
	defer C.free(unsafe.Pointer(cPath))
	var problem *C.char
	t := C.layer_open(cPath, &problem)
	if t == nil {
		defer C.free(unsafe.Pointer(problem))
		return nil, errors.New(C.GoString(problem))
	}
	i := info(t)
	if least, most := int64(unsafe.Sizeof(*t)), int64(1<<16); i.StructSize < least || i.StructSize > most {
		return nil, fmt.Errorf("the table of functions has %d bytes, want %d to %d", i.StructSize, least, most)
	}
	if i.Major != 0 || i.Minor < oldestMinor {
		return nil, fmt.Errorf("the plugin has version %d.%d of the PJRT interface, want 0.%d or a later 0", i.Major, i.Minor, oldestMinor)
	}
	for _, r := range required {
		if C.layer_entry(t, r.entry) == nil {
			return nil, fmt.Errorf("the plugin lacks %s (version %d.%d, table of %d bytes)", r.name, i.Major, i.Minor, i.StructSize)
		}
	}
	return t, nil
}

// load opens and initialises a plugin, or finds it among the loaded ones.
func load(path string) (*table, error) {
	process.mu.Lock()
	defer process.mu.Unlock()
	for _, t := range process.tables {
		if t.path == path {
			return t, t.failed
		}
	}
	theirs := C.layer_deviceless()
	if path != deviceless {
		var err error
		if theirs, err = open(path); err != nil {
			return nil, err
		}
	}
	if len(process.tables) == C.SLOTS {
		return nil, fmt.Errorf("%d other plugins are loaded already, the most of one process", C.SLOTS)
	}
	t := &table{
		slot: C.int(len(process.tables)), path: path, theirs: theirs,
		names: map[string]bool{}, clients: map[unsafe.Pointer]*Client{}, loaded: map[unsafe.Pointer]*loaded{},
	}
	t.ours = C.layer_install(t.slot, theirs)
	process.tables = append(process.tables, t) // the slot is taken even if the next call fails
	var args C.NoArgs
	args.size = C.sizeof_NoArgs
	if err := t.call(C.PLUGIN_INITIALIZE, unsafe.Pointer(&args)); err != nil {
		t.failed = fmt.Errorf("initialise: %w", err)
	}
	return t, t.failed
}

// tableAt is the table of a slot.
func tableAt(slot C.int) *table {
	process.mu.Lock()
	defer process.mu.Unlock()
	return process.tables[slot]
}

// register registers the table with go-xla and returns its name there. go-xla interprets names: a name that
// contains the kind enables the features of that kind, and a name that looks like a path is not searched for.
func (t *table) register(kind string) (string, error) {
	name := fmt.Sprintf("/%s/%d", kind, t.slot)
	process.mu.Lock()
	defer process.mu.Unlock()
	if t.names[name] {
		return name, nil
	}
	if err := xlapjrt.RegisterPreloadedPlugin(name, uintptr(unsafe.Pointer(t.ours))); err != nil {
		return "", err
	}
	t.names[name] = true
	return name, nil
}

// call calls a function of the plugin itself, bypassing the layer.
func (t *table) call(entry C.int, args unsafe.Pointer) error {
	f := C.layer_entry(t.theirs, entry)
	if f == nil {
		return &Error{Code: C.CODE_UNIMPLEMENTED, Text: "the plugin does not have this function"}
	}
	return t.fromC(C.layer_call(f, args))
}

// fromC converts an error of the plugin to a Go error and destroys it.
func (t *table) fromC(e *C.Error) error {
	if e == nil {
		return nil
	}
	var code C.int
	text := C.layer_read_error(t.slot, e, &code)
	defer C.free(unsafe.Pointer(text))
	return &Error{Code: int(code), Text: C.GoString(text)}
}

// toC makes an error that go-xla can read.
func toC(err error) *C.Error {
	if err == nil {
		return nil
	}
	code := C.int(C.CODE_INTERNAL)
	if e, ok := errors.AsType[*Error](err); ok {
		code = C.int(e.Code)
	}
	text := C.CString(err.Error())
	defer C.free(unsafe.Pointer(text))
	return C.layer_error(code, text, C.size_t(len(err.Error())))
}
