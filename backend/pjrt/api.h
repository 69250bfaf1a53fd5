// The part of the PJRT C interface that this package uses: which entry of a plugin's table is which function,
// and how the argument of each is laid out. These are facts of the interface (version 0.104); the names are ours.
//
// Every function takes a pointer to one struct whose first two fields are its size in bytes and a chain of
// extensions, and returns NULL or an error. Fields marked "out" are written by the callee.

#ifndef SUBBERT_PJRT_API_H
#define SUBBERT_PJRT_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Error Error; // opaque, made by whoever returns it
typedef Error *(*Entry)(void *args);

// The table that a plugin's entry point returns.
typedef struct {
	size_t size; // bytes of the table, as the plugin was built
	void *extensions;
	struct {
		size_t size;
		void *extensions;
		int major, minor;
	} version;
	Entry entries[];
} Table;

// Numbers of entries.
enum {
	ERROR_DESTROY = 0,
	ERROR_MESSAGE = 1,
	ERROR_CODE = 2,
	PLUGIN_INITIALIZE = 3,
	PLUGIN_ATTRIBUTES = 4,
	EVENT_DESTROY = 5,
	EVENT_AWAIT = 8,
	CLIENT_CREATE = 10,
	CLIENT_DESTROY = 11,
	CLIENT_PLATFORM_NAME = 12,
	CLIENT_PROCESS_INDEX = 13,
	CLIENT_PLATFORM_VERSION = 14,
	CLIENT_DEVICES = 15,
	CLIENT_ADDRESSABLE_DEVICES = 16,
	CLIENT_COMPILE = 20,
	CLIENT_DEFAULT_ASSIGNMENT = 21,
	CLIENT_BUFFER_FROM_HOST = 22,
	DESCRIPTION_ID = 23,
	DESCRIPTION_PROCESS_INDEX = 24,
	DESCRIPTION_KIND = 26,
	DESCRIPTION_DEBUG_STRING = 27,
	DEVICE_DESCRIPTION = 29,
	DEVICE_IS_ADDRESSABLE = 30,
	DEVICE_LOCAL_ID = 31,
	EXECUTABLE_DESTROY = 40,
	EXECUTABLE_NAME = 41,
	EXECUTABLE_NUM_OUTPUTS = 44,
	EXECUTABLE_COST = 46,
	EXECUTABLE_OPTIMIZED = 48,
	EXECUTABLE_SERIALIZE = 49,
	LOADED_DESTROY = 50,
	LOADED_EXECUTABLE = 51,
	LOADED_DEVICES = 52,
	LOADED_DELETE = 53,
	LOADED_IS_DELETED = 54,
	LOADED_EXECUTE = 55,
	DESERIALIZE = 56,
	LOADED_FINGERPRINT = 57,
	BUFFER_DESTROY = 58,
	BUFFER_TYPE = 59,
	BUFFER_DIMENSIONS = 60,
	BUFFER_DEVICE = 65,
	BUFFER_COPY_TO_DEVICE = 69,
	BUFFER_TO_HOST = 70,
	BUFFER_POINTER = 73,
	TOPOLOGY_CREATE = 82,
	TOPOLOGY_DESTROY = 83,
	TOPOLOGY_DESCRIPTIONS = 86,
	COMPILE = 89,
	CLIENT_VIEW_OF_BUFFER = 93,
	EXECUTABLE_MEMORY = 96,
	LOADED_ASSIGNMENT = 117,
	LOADED_LOGICAL_IDS = 130,
	NUM_ENTRIES = 135, // of version 0.104
};

// Error codes that we make ourselves.
enum {
	CODE_INVALID_ARGUMENT = 3,
	CODE_FAILED_PRECONDITION = 9,
	CODE_UNIMPLEMENTED = 12,
	CODE_INTERNAL = 13,
};

#define ARGS size_t size; void *extensions

typedef struct { ARGS; } NoArgs;
typedef struct { ARGS; Error *error; } ErrorArgs;
typedef struct { ARGS; const Error *error; const char *text; size_t length; } ErrorMessageArgs; // out: text, length
typedef struct { ARGS; const Error *error; int code; } ErrorCodeArgs;                           // out: code

typedef struct {
	ARGS;
	const char *name;
	size_t name_length;
	int kind; // one of the next
	union {
		const char *text;
		int64_t integer;
		const int64_t *integers;
		float number;
		bool truth;
	};
	size_t length; // of text and integers
} NamedValue;

enum { NAMED_STRING, NAMED_INTEGER, NAMED_INTEGERS, NAMED_FLOAT, NAMED_BOOL };

typedef struct { ARGS; const NamedValue *values; size_t count; } AttributesArgs; // out: values, count
typedef struct { ARGS; void *event; } EventArgs;

typedef struct {
	ARGS;
	const NamedValue *options;
	size_t num_options;
	void *kv_get, *kv_get_arg, *kv_put, *kv_put_arg;
	void *client; // out
	void *kv_try_get, *kv_try_get_arg;
} ClientCreateArgs;

// One object in, and out a number, a text, a pointer or a list. They serve several entries.
typedef struct { ARGS; void *object; } ObjectArgs;
typedef struct { ARGS; void *object; int number; } IntArgs;
typedef struct { ARGS; void *object; bool truth; } BoolArgs;
typedef struct { ARGS; void *object; size_t number; } SizeArgs;
typedef struct { ARGS; void *object; uintptr_t address; } AddressArgs;
typedef struct { ARGS; void *object; const char *text; size_t length; } TextArgs;
typedef struct { ARGS; void *object; void *result; } PointerArgs;
typedef struct { ARGS; void *object; void *const *list; size_t count; } ListArgs;

typedef struct { ARGS; const char *code; size_t code_size; const char *format; size_t format_size; } ProgramArg;

typedef struct {
	ARGS;
	void *client;
	const ProgramArg *program;
	const char *options;
	size_t options_size;
	void *executable; // out
} ClientCompileArgs;

typedef struct {
	ARGS;
	void *client;
	int num_replicas, num_partitions;
	size_t assignment_size;
	int *assignment;
} AssignmentArgs;

typedef struct {
	ARGS;
	void *client;
	const void *data;
	int type;
	const int64_t *dims;
	size_t num_dims;
	const int64_t *strides;
	size_t num_strides;
	int semantics;
	void *device, *memory, *layout;
	void *event, *buffer; // out
} FromHostArgs;

typedef struct {
	ARGS;
	void *client;
	void *data;
	const int64_t *dims;
	size_t num_dims;
	int type;
	void *layout, *device, *on_delete, *on_delete_arg;
	intptr_t stream;
	void *buffer; // out
	void *memory;
} ViewArgs;

typedef struct { ARGS; void *executable; size_t count; const NamedValue *values; } CostArgs; // out: count, values

typedef struct {
	ARGS;
	void *executable;
	// All out, in bytes.
	int64_t code, arguments, outputs, aliases, temporaries;
	int64_t host_code, host_arguments, host_outputs, host_aliases, host_temporaries;
	int64_t peak, total, total_allocated, indefinite, peak_unpadded;
} MemoryArgs;

typedef struct { ARGS; void *executable; ProgramArg *program; } OptimizedArgs;

typedef struct {
	ARGS;
	void *executable;
	const char *bytes; // out
	size_t length;     // out
	void *serialized;  // out, owns bytes
	void (*destroy)(void *serialized);
} SerializeArgs;

typedef struct {
	ARGS;
	void *client;
	const char *bytes;
	size_t length;
	void *executable; // out
	const char *options;
	size_t options_size;
} DeserializeArgs;

typedef struct {
	ARGS;
	void *send_callbacks, *receive_callbacks;
	size_t num_sends, num_receives;
	int launch;
	const int64_t *kept; // numbers of arguments that are not to be donated
	size_t num_kept;
} ExecuteOptions; // the beginning of it; callers' are longer

typedef struct {
	ARGS;
	void *executable;
	ExecuteOptions *options;
	void *const *const *arguments; // [devices][arguments]
	size_t num_devices, num_arguments;
	void **const *outputs; // [devices][outputs]
	void **events;         // [devices], or NULL; out
	void *device;
} ExecuteArgs;

typedef struct { ARGS; void *buffer; const int64_t *dims; size_t num_dims; } DimensionsArgs; // out: dims, num_dims
typedef struct { ARGS; void *buffer; void *device; void *copy; } CopyArgs;                    // out: copy

typedef struct {
	ARGS;
	void *buffer;
	void *layout;
	void *data;    // NULL asks for the length
	size_t length; // bytes, in or out
	void *event;   // out
} ToHostArgs;

typedef struct {
	ARGS;
	const char *name;
	size_t name_length;
	const NamedValue *options;
	size_t num_options;
	void *topology; // out
} TopologyCreateArgs;

typedef struct {
	ARGS;
	const void *topology;
	const ProgramArg *program;
	const char *options;
	size_t options_size;
	void *client;
	void *executable; // out
} CompileArgs;

#endif
