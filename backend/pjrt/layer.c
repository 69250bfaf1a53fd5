#include "layer.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

// The Go side of the entries that need more than a check.
extern Error *goClientCreate(int slot, ClientCreateArgs *args);
extern Error *goClientDestroy(int slot, ObjectArgs *args);
extern Error *goClientCompile(int slot, ClientCompileArgs *args);
extern Error *goLoadedDestroy(int slot, ObjectArgs *args);
extern Error *goLoadedExecutable(int slot, PointerArgs *args);
extern Error *goLoadedExecute(int slot, ExecuteArgs *args);
extern Error *goBufferDestroy(int slot, ObjectArgs *args);

// ---- Errors of our own. They are kept in a list, because an error that a plugin made must not be read as ours.

struct Error {
	Error *next;
	int code;
	size_t length;
	char text[];
};

static pthread_mutex_t errors_lock = PTHREAD_MUTEX_INITIALIZER;
static Error *errors;

Error *layer_error(int code, const char *text, size_t length) {
	Error *e = malloc(sizeof *e + length + 1);
	if (e == NULL) abort();
	e->code = code;
	e->length = length;
	memcpy(e->text, text, length);
	e->text[length] = 0;
	pthread_mutex_lock(&errors_lock);
	e->next = errors;
	errors = e;
	pthread_mutex_unlock(&errors_lock);
	return e;
}

static Error *fail(int code, const char *text) { return layer_error(code, text, strlen(text)); }

static bool is_ours(const Error *error) {
	pthread_mutex_lock(&errors_lock);
	const Error *e = errors;
	while (e != NULL && e != error) e = e->next;
	pthread_mutex_unlock(&errors_lock);
	return e != NULL;
}

static void destroy_ours(Error *error) {
	pthread_mutex_lock(&errors_lock);
	Error **link = &errors;
	while (*link != error) link = &(*link)->next;
	*link = error->next;
	pthread_mutex_unlock(&errors_lock);
	free(error);
}

// ---- Tables.

static const Table *plugins[SLOTS]; // as the plugins gave them; written once each, before the slot is used

Entry layer_entry(const Table *table, int n) {
	if (offsetof(Table, entries) + (n + 1) * sizeof(Entry) > table->size) return NULL;
	return table->entries[n];
}

Error *layer_call(Entry entry, void *args) { return entry(args); }

// real calls the plugin's own function.
static Error *real(int slot, int n, void *args) {
	Entry entry = layer_entry(plugins[slot], n);
	if (entry == NULL) return fail(CODE_UNIMPLEMENTED, "the plugin does not have this function");
	return entry(args);
}

static Error *missing(void *args) {
	(void)args;
	return fail(CODE_UNIMPLEMENTED, "the plugin does not have this function");
}

const Table *layer_open(const char *path, char **problem) {
	*problem = NULL;
	void *library = dlopen(path, RTLD_LAZY | RTLD_LOCAL); // never closed: plugins leave threads behind
	if (library == NULL) {
		*problem = strdup(dlerror());
		return NULL;
	}
	const Table *(*get)(void) = (const Table *(*)(void))dlsym(library, "GetPjrtApi");
	if (get == NULL) {
		*problem = strdup("does not export GetPjrtApi");
		return NULL;
	}
	const Table *table = get();
	if (table == NULL) *problem = strdup("GetPjrtApi returned nothing");
	return table;
}

// ---- Entries of a slot.

static Error *error_destroy(int slot, ErrorArgs *args) {
	if (args->error == NULL) return NULL;
	if (is_ours(args->error)) {
		destroy_ours(args->error);
		return NULL;
	}
	return real(slot, ERROR_DESTROY, args);
}

static Error *error_message(int slot, ErrorMessageArgs *args) {
	if (is_ours(args->error)) {
		args->text = args->error->text;
		args->length = args->error->length;
		return NULL;
	}
	args->text = NULL;
	args->length = 0;
	real(slot, ERROR_MESSAGE, args);
	if (args->text == NULL) {
		args->text = "an error without a message";
		args->length = strlen(args->text);
	}
	return NULL;
}

static Error *error_code(int slot, ErrorCodeArgs *args) {
	if (is_ours(args->error)) {
		args->code = args->error->code;
		return NULL;
	}
	return real(slot, ERROR_CODE, args);
}

// Each plugin was initialised when it was loaded.
static Error *initialize(int slot, NoArgs *args) {
	(void)slot, (void)args;
	return NULL;
}

static Error *attributes(int slot, AttributesArgs *args) {
	Error *e = real(slot, PLUGIN_ATTRIBUTES, args);
	if (e == NULL && args->values == NULL) args->count = 0;
	return e;
}

static Error *from_host(int slot, FromHostArgs *args) {
	args->buffer = args->event = NULL;
	Error *e = real(slot, CLIENT_BUFFER_FROM_HOST, args);
	if (e == NULL && (args->buffer == NULL || args->event == NULL)) {
		return fail(CODE_INTERNAL, "the plugin returned no buffer for data from the host");
	}
	return e;
}

static Error *view(int slot, ViewArgs *args) {
	args->buffer = NULL;
	Error *e = real(slot, CLIENT_VIEW_OF_BUFFER, args);
	if (e == NULL && args->buffer == NULL) return fail(CODE_INTERNAL, "the plugin returned no buffer for shared data");
	return e;
}

static Error *dimensions(int slot, DimensionsArgs *args) {
	args->dims = NULL;
	Error *e = real(slot, BUFFER_DIMENSIONS, args);
	if (e == NULL && args->num_dims > 0 && args->dims == NULL) {
		return fail(CODE_INTERNAL, "the plugin returned no dimensions of a buffer");
	}
	return e;
}

static Error *buffer_device(int slot, PointerArgs *args) {
	args->result = NULL;
	Error *e = real(slot, BUFFER_DEVICE, args);
	if (e == NULL && args->result == NULL) return fail(CODE_INTERNAL, "the plugin returned no device of a buffer");
	return e;
}

static Error *copy_to_device(int slot, CopyArgs *args) {
	args->copy = NULL;
	Error *e = real(slot, BUFFER_COPY_TO_DEVICE, args);
	if (e == NULL && args->copy == NULL) return fail(CODE_INTERNAL, "the plugin returned no copy of a buffer");
	return e;
}

static Error *to_host(int slot, ToHostArgs *args) {
	args->event = NULL;
	Error *e = real(slot, BUFFER_TO_HOST, args);
	if (e == NULL && args->data != NULL && args->event == NULL) {
		return fail(CODE_INTERNAL, "the plugin returned no event for a copy to the host");
	}
	return e;
}

// What go-xla is told of an executable is known before it is compiled, so that it need not wait for the compiler. The
// memory that an executable needs is not; see Program.Memory.
struct Description {
	size_t num_outputs;
	size_t length;
	char name[];
};

Description *layer_description(const char *name, size_t length, size_t num_outputs) {
	Description *d = malloc(sizeof *d + length);
	if (d == NULL) abort();
	d->num_outputs = num_outputs;
	d->length = length;
	memcpy(d->name, name, length);
	return d;
}

static Error *description_destroy(int slot, ObjectArgs *args) {
	(void)slot;
	free(args->object);
	return NULL;
}

static Error *description_name(int slot, TextArgs *args) {
	(void)slot;
	const Description *d = args->object;
	args->text = d->name;
	args->length = d->length;
	return NULL;
}

static Error *description_outputs(int slot, SizeArgs *args) {
	(void)slot;
	args->number = ((const Description *)args->object)->num_outputs;
	return NULL;
}

static Error *description_memory(int slot, MemoryArgs *args) {
	(void)slot;
	memset(&args->code, 0, offsetof(MemoryArgs, peak) - offsetof(MemoryArgs, code));
	return NULL;
}

// REPLACED lists the entries that the layer handles.
#define REPLACED(X) \
	X(ERROR_DESTROY, error_destroy, ErrorArgs) \
	X(ERROR_MESSAGE, error_message, ErrorMessageArgs) \
	X(ERROR_CODE, error_code, ErrorCodeArgs) \
	X(PLUGIN_INITIALIZE, initialize, NoArgs) \
	X(PLUGIN_ATTRIBUTES, attributes, AttributesArgs) \
	X(CLIENT_CREATE, goClientCreate, ClientCreateArgs) \
	X(CLIENT_DESTROY, goClientDestroy, ObjectArgs) \
	X(CLIENT_COMPILE, goClientCompile, ClientCompileArgs) \
	X(CLIENT_BUFFER_FROM_HOST, from_host, FromHostArgs) \
	X(CLIENT_VIEW_OF_BUFFER, view, ViewArgs) \
	X(LOADED_DESTROY, goLoadedDestroy, ObjectArgs) \
	X(LOADED_EXECUTABLE, goLoadedExecutable, PointerArgs) \
	X(LOADED_EXECUTE, goLoadedExecute, ExecuteArgs) \
	X(BUFFER_DESTROY, goBufferDestroy, ObjectArgs) \
	X(BUFFER_DIMENSIONS, dimensions, DimensionsArgs) \
	X(BUFFER_DEVICE, buffer_device, PointerArgs) \
	X(BUFFER_COPY_TO_DEVICE, copy_to_device, CopyArgs) \
	X(BUFFER_TO_HOST, to_host, ToHostArgs) \
	X(EXECUTABLE_DESTROY, description_destroy, ObjectArgs) \
	X(EXECUTABLE_NAME, description_name, TextArgs) \
	X(EXECUTABLE_NUM_OUTPUTS, description_outputs, SizeArgs) \
	X(EXECUTABLE_MEMORY, description_memory, MemoryArgs)

// An executable is known to go-xla by a handle of ours, which these entries of a plugin would not understand.
static const int withheld[] = {LOADED_DEVICES, LOADED_DELETE, LOADED_IS_DELETED, LOADED_FINGERPRINT,
	LOADED_ASSIGNMENT, LOADED_LOGICAL_IDS};

#define DEFINE(n, function, type) \
	static Error *SLOTTED(function)(void *args) { return function(SLOT, (type *)args); }
#define INSTALL(n, function, type) table->entries[n] = SLOTTED(function);
#define PASTE(a, b, c) a##b##c
#define PASTE2(a, b, c) PASTE(a, b, c)
#define SLOTTED(function) PASTE2(function, _, SLOT)
#define FOR_SLOT \
	REPLACED(DEFINE) \
	static void PASTE2(install, _, SLOT)(Table *table) { REPLACED(INSTALL) }

#define SLOT 0
FOR_SLOT
#undef SLOT
#define SLOT 1
FOR_SLOT
#undef SLOT
#define SLOT 2
FOR_SLOT
#undef SLOT
#define SLOT 3
FOR_SLOT
#undef SLOT
#define SLOT 4
FOR_SLOT
#undef SLOT
#define SLOT 5
FOR_SLOT
#undef SLOT
#define SLOT 6
FOR_SLOT
#undef SLOT
#define SLOT 7
FOR_SLOT
#undef SLOT

static void (*const installers[SLOTS])(Table *) = {
	install_0, install_1, install_2, install_3, install_4, install_5, install_6, install_7,
};

const Table *layer_install(int slot, const Table *theirs) {
	size_t ours = offsetof(Table, entries) + NUM_ENTRIES * sizeof(Entry);
	size_t size = theirs->size > ours ? theirs->size : ours;
	Table *table = calloc(1, size);
	if (table == NULL) abort();
	memcpy(table, theirs, theirs->size);
	for (int i = 0; i < NUM_ENTRIES; i++) {
		if (table->entries[i] == NULL) table->entries[i] = missing;
	}
	for (size_t i = 0; i < sizeof withheld / sizeof *withheld; i++) table->entries[withheld[i]] = missing;
	plugins[slot] = theirs;
	installers[slot](table);
	return table;
}

// ---- What Go cannot say itself.

char *layer_read_error(int slot, Error *error, int *code) {
	ErrorMessageArgs m = {.size = sizeof m, .error = error};
	ErrorCodeArgs c = {.size = sizeof c, .error = error};
	ErrorArgs d = {.size = sizeof d, .error = error};
	error_message(slot, &m);
	char *text = strndup(m.text, m.length);
	Error *second = error_code(slot, &c);
	*code = second == NULL ? c.code : 0;
	error_destroy(slot, &d);
	return text;
}

void layer_delete(SerializeArgs *args) {
	if (args->destroy != NULL) args->destroy(args->serialized);
}

void layer_set_text(NamedValue *v, const char *name, size_t name_length, const char *text, size_t length) {
	*v = (NamedValue){.size = sizeof *v, .name = name, .name_length = name_length, .kind = NAMED_STRING,
		.text = text, .length = length};
}

int64_t layer_integer(const NamedValue *v) { return v->integer; }
double layer_number(const NamedValue *v) { return v->number; }

void layer_trim(void) {
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}
