// A plugin that answers wrongly on purpose. What is wrong with it is the value of FAKE_PLUGIN in the environment.
// Everything else it does as the client without devices does, and programs return zeros.
//
// cc -shared -fPIC -I ../pjrt -o fake.so fake_plugin.c

#define _GNU_SOURCE // reallocarray

#include "../pjrt/deviceless.c"

#include <errno.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

// ---- What deviceless.c expects of the layer.

struct Error {
	int code;
	char text[256];
};

Error *layer_error(int code, const char *text, size_t length) {
	Error *e = allocate(sizeof *e);
	e->code = code;
	memcpy(e->text, text, length < sizeof e->text ? length : sizeof e->text - 1);
	return e;
}

size_t goCountResults(const char *program, size_t length) {
	(void)program, (void)length;
	return 1;
}

// ---- Errors.

static const char *mode = "";

static bool is(const char *name) { return strcmp(mode, name) == 0; }

static Error *error_destroy(void *args) {
	free(((ErrorArgs *)args)->error);
	return NULL;
}

static Error *error_message(void *untyped) {
	ErrorMessageArgs *args = untyped;
	if (is("error without message")) {
		args->text = NULL;
		args->length = 99;
		return NULL;
	}
	args->text = args->error->text;
	args->length = strlen(args->text);
	return NULL;
}

static Error *error_code(void *untyped) {
	ErrorCodeArgs *args = untyped;
	args->code = args->error->code;
	return NULL;
}

static Error *always_fails(void *args) {
	(void)args;
	return fail(CODE_INTERNAL, "this always fails");
}

// ---- Things that go wrong.

static Error *crash(void *args) {
	(void)args;
	volatile int *nowhere = NULL;
	*nowhere = 1;
	return NULL;
}

static Error *no_text(void *untyped) {
	TextArgs *args = untyped;
	args->text = NULL;
	args->length = 7;
	return NULL;
}

static Error *null_devices(void *untyped) {
	static void *list[2];
	ListArgs *args = untyped;
	args->list = list;
	args->count = 2;
	return NULL;
}

static Error *no_list(void *untyped) {
	ListArgs *args = untyped;
	args->list = NULL;
	args->count = 2;
	return NULL;
}

static Error *no_data_event(void *untyped) {
	Error *e = from_host(untyped);
	((FromHostArgs *)untyped)->event = NULL;
	return e;
}

static Error *no_copy_event(void *untyped) {
	Error *e = buffer_to_host(untyped);
	((ToHostArgs *)untyped)->event = NULL;
	return e;
}

static Error *no_dimensions(void *untyped) {
	DimensionsArgs *args = untyped;
	args->dims = NULL;
	args->num_dims = 2;
	return NULL;
}

static Buffer execution = {.type = -1}; // stands for the event of an execution

// zeros runs a program: every result is a 64x64 matrix of zeros.
static Error *zeros(void *untyped) {
	static const int64_t dims[] = {64, 64};
	ExecuteArgs *args = untyped;
	if (is("no outputs")) return NULL;
	for (size_t d = 0; d < args->num_devices; d++) {
		Buffer *b = new_buffer(11, dims, 2, args->device);
		b->data = allocate(b->length);
		b->owned = true;
		args->outputs[d][0] = b;
		if (args->events != NULL && !is("no execution event")) args->events[d] = &execution;
	}
	return NULL;
}

// late makes waiting for an execution, and only that, fail.
static Error *late(void *untyped) {
	EventArgs *args = untyped;
	if (args->event != &execution) return NULL;
	usleep(20000);
	return fail(CODE_INTERNAL, "the device fell over");
}

static const Table *misbehave(void) {
	Entry *e = table.entries;
	if (is("old")) table.head.version.minor = 30;
	else if (is("another major")) table.head.version.major = 1;
	else if (is("tiny")) table.head.size = 16;
	else if (is("huge")) table.head.size = (size_t)1 << 40;
	else if (is("short")) table.head.size = offsetof(Table, entries) + CLIENT_COMPILE * sizeof(Entry);
	else if (is("hole")) e[CLIENT_COMPILE] = NULL;
	else if (is("no table")) return NULL;
	else if (is("crash")) crash(NULL);
	else if (is("exit")) _exit(3);
	else if (is("hang")) for (;;) pause();
	else if (is("errors") || is("error without message")) {
		for (int i = PLUGIN_INITIALIZE; i < NUM_ENTRIES; i++) e[i] = always_fails;
	}
	else if (is("no initialisation")) e[PLUGIN_INITIALIZE] = always_fails;
	else if (is("no client")) e[CLIENT_CREATE] = nothing;
	else if (is("crash in client")) e[CLIENT_CREATE] = crash;
	else if (is("no platform")) e[CLIENT_PLATFORM_NAME] = no_text;
	else if (is("no devices")) e[CLIENT_ADDRESSABLE_DEVICES] = nothing;
	else if (is("no list")) e[CLIENT_ADDRESSABLE_DEVICES] = no_list;
	else if (is("null devices")) e[CLIENT_ADDRESSABLE_DEVICES] = null_devices;
	else if (is("no description")) e[DEVICE_DESCRIPTION] = nothing;
	else if (is("no description text")) e[DESCRIPTION_DEBUG_STRING] = no_text;
	else if (is("no executable")) e[CLIENT_COMPILE] = nothing;
	else if (is("does not compile")) e[CLIENT_COMPILE] = always_fails;
	else if (is("no executable description")) e[LOADED_EXECUTABLE] = nothing;
	else if (is("no executable name")) e[EXECUTABLE_NAME] = no_text;
	else if (is("no buffer")) e[CLIENT_BUFFER_FROM_HOST] = nothing;
	else if (is("no data event")) e[CLIENT_BUFFER_FROM_HOST] = no_data_event;
	else if (is("no dimensions")) e[BUFFER_DIMENSIONS] = no_dimensions;
	else if (is("no copy event")) e[BUFFER_TO_HOST] = no_copy_event;
	else if (is("does not run")) e[LOADED_EXECUTE] = always_fails;
	else if (is("late")) e[EVENT_AWAIT] = late;
	return &table.head;
}

// ---- Memory as plugins use it, which the process may serve by functions of its own.

enum { mega = 1 << 20 };

static void want(bool holds, const char *what) {
	if (holds) return;
	fprintf(stderr, "memory: %s\n", what);
	exit(4);
}

static bool all(const char *p, size_t size, char value) {
	for (size_t i = 0; i < size; i++)
		if (p[i] != value) return false;
	return true;
}

static void use_memory(void) {
	void *blocks[12];
	for (int i = 0; i < 12; i++) { // of 1 to 12 MB, and 5 bytes
		want(posix_memalign(&blocks[i], 64, (i + 1) * mega + 5) == 0, "posix_memalign");
		want((uintptr_t)blocks[i] % 64 == 0, "alignment");
		memset(blocks[i], i, (i + 1) * mega + 5);
	}
	for (int i = 0; i < 12; i++) want(all(blocks[i], (i + 1) * mega + 5, i), "a block was given twice");
	for (int i = 0; i < 12; i += 2) free(blocks[i]);
	for (int i = 0; i < 12; i += 2) {
		want(posix_memalign(&blocks[i], 4096, (i + 1) * mega) == 0, "posix_memalign again");
		memset(blocks[i], 100 + i, (i + 1) * mega);
	}
	for (int i = 1; i < 12; i += 2) want(all(blocks[i], (i + 1) * mega + 5, i), "a block was given twice");
#ifdef __GLIBC__
	for (int i = 0; i < 12; i++) want(malloc_usable_size(blocks[i]) >= (i + 1) * mega, "malloc_usable_size");
#endif
	for (int i = 0; i < 12; i += 2) { // larger, smaller
		size_t size = i % 4 == 0 ? (i + 9) * mega : mega / 2, kept = (i + 1) * mega < size ? (i + 1) * mega : size;
		want((blocks[i] = realloc(blocks[i], size)) != NULL, "realloc");
		want(all(blocks[i], kept, 100 + i), "realloc lost what was in the block");
	}
	want((blocks[1] = reallocarray(blocks[1], 3, mega)) != NULL && all(blocks[1], 2 * mega + 5, 1), "reallocarray");
	size_t volatile many = SIZE_MAX / 2; // the compiler would warn
	want(reallocarray(NULL, many, 3) == NULL, "reallocarray of too much");
	for (int i = 0; i < 12; i++) free(blocks[i]);
	void *p = aligned_alloc(64, 64 * mega);
	want(p != NULL && (uintptr_t)p % 64 == 0, "aligned_alloc");
	want(realloc(p, 0) == NULL, "realloc to nothing");
	want(posix_memalign(&p, 3, 8 * mega) == EINVAL, "posix_memalign on 3");
	want(posix_memalign(&p, 64, SIZE_MAX / 4) == ENOMEM, "posix_memalign of too much");
	want(posix_memalign(&p, 16 * mega, 8 * mega) == 0 && (uintptr_t)p % (16 * mega) == 0, "alignment of 16 MB");
	free(p);
	free(NULL);
}

const Table *GetPjrtApi(void) {
	table.entries[ERROR_DESTROY] = error_destroy;
	table.entries[ERROR_MESSAGE] = error_message;
	table.entries[ERROR_CODE] = error_code;
	table.entries[LOADED_EXECUTE] = zeros;
	mode = getenv("FAKE_PLUGIN");
	if (mode == NULL) mode = "";
	if (is("memory")) use_memory();
	return misbehave();
}
