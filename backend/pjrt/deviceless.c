// A plugin with descriptions of devices and nothing behind them. Buffers lie in host memory; compiling counts the
// results of a program; running one is an error. The layer treats it like any plugin, and so records programs.

#include "layer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern size_t goCountResults(const char *program, size_t length);

typedef struct {
	int id;
	char text[64]; // such as "tpu 3 of 8, without hardware"
} Device;

typedef struct {
	char kind[16];
	size_t count;
	Device *devices;
	void **list; // of pointers to them
} Client;

typedef struct {
	void *data;
	bool owned; // data is freed with the buffer
	size_t length;
	int type;
	size_t num_dims;
	int64_t *dims;
	void *device;
} Buffer;

// Both kinds of executable are one object, counted because go-xla destroys both.
typedef struct {
	int references;
	size_t num_outputs;
} Program;

static Error *fail(int code, const char *text) { return layer_error(code, text, strlen(text)); }

static void *allocate(size_t size) {
	void *p = calloc(1, size > 0 ? size : 1);
	if (p == NULL) abort();
	return p;
}

static Error *nothing(void *args) {
	(void)args;
	return NULL;
}

static Error *attributes(void *args) {
	((AttributesArgs *)args)->count = 0;
	return NULL;
}

static Error *client_create(void *untyped) {
	ClientCreateArgs *args = untyped;
	Client *c = allocate(sizeof *c);
	c->count = 1;
	for (size_t i = 0; i < args->num_options; i++) {
		const NamedValue *o = &args->options[i];
		if (o->name_length == 5 && memcmp(o->name, "count", 5) == 0) c->count = (size_t)o->integer;
		if (o->name_length == 4 && memcmp(o->name, "kind", 4) == 0) {
			size_t n = o->length < sizeof c->kind ? o->length : sizeof c->kind - 1;
			memcpy(c->kind, o->text, n);
		}
	}
	c->devices = allocate(c->count * sizeof *c->devices);
	c->list = allocate(c->count * sizeof *c->list);
	for (size_t i = 0; i < c->count; i++) {
		Device *d = &c->devices[i];
		d->id = (int)i;
		snprintf(d->text, sizeof d->text, "%s %zu of %zu, without hardware", c->kind, i, c->count);
		c->list[i] = d;
	}
	args->client = c;
	return NULL;
}

static Error *client_destroy(void *args) {
	Client *c = ((ObjectArgs *)args)->object;
	free(c->devices);
	free(c->list);
	free(c);
	return NULL;
}

static Error *platform_name(void *untyped) {
	TextArgs *args = untyped;
	args->text = ((Client *)args->object)->kind;
	args->length = strlen(args->text);
	return NULL;
}

static Error *platform_version(void *untyped) {
	TextArgs *args = untyped;
	args->text = "without devices";
	args->length = strlen(args->text);
	return NULL;
}

static Error *zero(void *args) {
	((IntArgs *)args)->number = 0;
	return NULL;
}

static Error *devices(void *untyped) {
	ListArgs *args = untyped;
	Client *c = args->object;
	args->list = c->list;
	args->count = c->count;
	return NULL;
}

static Error *assignment(void *untyped) {
	AssignmentArgs *args = untyped;
	size_t wanted = (size_t)args->num_replicas * (size_t)args->num_partitions;
	if (wanted > args->assignment_size || wanted > ((Client *)args->client)->count) {
		return fail(CODE_INVALID_ARGUMENT, "more devices assigned than there are");
	}
	for (size_t i = 0; i < wanted; i++) args->assignment[i] = (int)i;
	return NULL;
}

// A device is its own description.
static Error *itself(void *untyped) {
	PointerArgs *args = untyped;
	args->result = args->object;
	return NULL;
}

static Error *device_id(void *untyped) {
	IntArgs *args = untyped;
	args->number = ((Device *)args->object)->id;
	return NULL;
}

static Error *device_text(void *untyped) {
	TextArgs *args = untyped;
	args->text = ((Device *)args->object)->text;
	args->length = strlen(args->text);
	return NULL;
}

static Error *device_addressable(void *args) {
	((BoolArgs *)args)->truth = true;
	return NULL;
}

static Error *client_compile(void *untyped) {
	ClientCompileArgs *args = untyped;
	Program *p = allocate(sizeof *p);
	p->references = 1;
	p->num_outputs = goCountResults(args->program->code, args->program->code_size);
	args->executable = p;
	return NULL;
}

static Error *program_executable(void *untyped) {
	PointerArgs *args = untyped;
	Program *p = args->object;
	__atomic_add_fetch(&p->references, 1, __ATOMIC_RELAXED);
	args->result = p;
	return NULL;
}

static Error *program_destroy(void *args) {
	Program *p = ((ObjectArgs *)args)->object;
	if (__atomic_sub_fetch(&p->references, 1, __ATOMIC_ACQ_REL) == 0) free(p);
	return NULL;
}

static Error *program_name(void *untyped) {
	TextArgs *args = untyped;
	args->text = "program";
	args->length = strlen(args->text);
	return NULL;
}

static Error *program_outputs(void *untyped) {
	SizeArgs *args = untyped;
	args->number = ((Program *)args->object)->num_outputs;
	return NULL;
}

static Error *execute(void *args) {
	(void)args;
	return fail(CODE_UNIMPLEMENTED, "there are no devices: graphs can be built and compiled ahead of time, not run");
}

// bits is the size of an element of a type in the interface's numbering; 0 for one that has no data.
static size_t bits(int type) {
	static const unsigned char of[] = {0, 8, 8, 16, 32, 64, 8, 16, 32, 64, 16, 32, 64, 16, 64, 128, 8, 8, 8, 8, 8, 4, 4,
		0, 2, 2, 8, 8, 8, 4, 1, 1};
	return type >= 0 && (size_t)type < sizeof of ? of[type] : 0;
}

static Buffer *new_buffer(int type, const int64_t *dims, size_t num_dims, void *device) {
	Buffer *b = allocate(sizeof *b);
	size_t elements = 1;
	b->dims = allocate(num_dims * sizeof *dims);
	for (size_t i = 0; i < num_dims; i++) {
		b->dims[i] = dims[i];
		elements *= (size_t)dims[i];
	}
	b->type = type;
	b->num_dims = num_dims;
	b->device = device;
	b->length = (elements * bits(type) + 7) / 8;
	return b;
}

static Error *from_host(void *untyped) {
	FromHostArgs *args = untyped;
	if (args->num_strides > 0) return fail(CODE_UNIMPLEMENTED, "data with strides");
	Buffer *b = new_buffer(args->type, args->dims, args->num_dims, args->device);
	b->data = allocate(b->length);
	b->owned = true;
	memcpy(b->data, args->data, b->length);
	args->buffer = b;
	args->event = b; // ready at once; only awaited and destroyed
	return NULL;
}

static Error *view(void *untyped) {
	ViewArgs *args = untyped;
	Buffer *b = new_buffer(args->type, args->dims, args->num_dims, args->device);
	b->data = args->data;
	args->buffer = b;
	return NULL;
}

static Error *buffer_destroy(void *args) {
	Buffer *b = ((ObjectArgs *)args)->object;
	if (b->owned) free(b->data);
	free(b->dims);
	free(b);
	return NULL;
}

static Error *buffer_type(void *untyped) {
	IntArgs *args = untyped;
	args->number = ((Buffer *)args->object)->type;
	return NULL;
}

static Error *buffer_dimensions(void *untyped) {
	DimensionsArgs *args = untyped;
	args->dims = ((Buffer *)args->buffer)->dims;
	args->num_dims = ((Buffer *)args->buffer)->num_dims;
	return NULL;
}

static Error *buffer_device(void *untyped) {
	PointerArgs *args = untyped;
	args->result = ((Buffer *)args->object)->device;
	return NULL;
}

static Error *buffer_copy(void *untyped) {
	CopyArgs *args = untyped;
	Buffer *from = args->buffer;
	Buffer *to = new_buffer(from->type, from->dims, from->num_dims, args->device);
	to->data = allocate(to->length);
	to->owned = true;
	memcpy(to->data, from->data, to->length);
	args->copy = to;
	return NULL;
}

static Error *buffer_to_host(void *untyped) {
	ToHostArgs *args = untyped;
	Buffer *b = args->buffer;
	if (args->data == NULL) {
		args->length = b->length;
		return NULL;
	}
	if (args->length < b->length) return fail(CODE_INVALID_ARGUMENT, "the destination is too short");
	memcpy(args->data, b->data, b->length);
	args->event = b;
	return NULL;
}

static Error *buffer_pointer(void *untyped) {
	AddressArgs *args = untyped;
	args->address = (uintptr_t)((Buffer *)args->object)->data;
	return NULL;
}

static struct {
	Table head;
	Entry entries[NUM_ENTRIES];
} table = {
	.head = {.size = sizeof table, .version = {.size = sizeof table.head.version, .major = 0, .minor = 104}},
	.entries = {
		[PLUGIN_INITIALIZE] = nothing,
		[PLUGIN_ATTRIBUTES] = attributes,
		[EVENT_DESTROY] = nothing,
		[EVENT_AWAIT] = nothing,
		[CLIENT_CREATE] = client_create,
		[CLIENT_DESTROY] = client_destroy,
		[CLIENT_PLATFORM_NAME] = platform_name,
		[CLIENT_PROCESS_INDEX] = zero,
		[CLIENT_PLATFORM_VERSION] = platform_version,
		[CLIENT_DEVICES] = devices,
		[CLIENT_ADDRESSABLE_DEVICES] = devices,
		[CLIENT_COMPILE] = client_compile,
		[CLIENT_DEFAULT_ASSIGNMENT] = assignment,
		[CLIENT_BUFFER_FROM_HOST] = from_host,
		[DESCRIPTION_ID] = device_id,
		[DESCRIPTION_PROCESS_INDEX] = zero,
		[DESCRIPTION_KIND] = device_text,
		[DESCRIPTION_DEBUG_STRING] = device_text,
		[DEVICE_DESCRIPTION] = itself,
		[DEVICE_IS_ADDRESSABLE] = device_addressable,
		[DEVICE_LOCAL_ID] = device_id,
		[EXECUTABLE_DESTROY] = program_destroy,
		[EXECUTABLE_NAME] = program_name,
		[EXECUTABLE_NUM_OUTPUTS] = program_outputs,
		[LOADED_DESTROY] = program_destroy,
		[LOADED_EXECUTABLE] = program_executable,
		[LOADED_EXECUTE] = execute,
		[BUFFER_DESTROY] = buffer_destroy,
		[BUFFER_TYPE] = buffer_type,
		[BUFFER_DIMENSIONS] = buffer_dimensions,
		[BUFFER_DEVICE] = buffer_device,
		[BUFFER_COPY_TO_DEVICE] = buffer_copy,
		[BUFFER_TO_HOST] = buffer_to_host,
		[BUFFER_POINTER] = buffer_pointer,
		[CLIENT_VIEW_OF_BUFFER] = view,
	},
};

const Table *layer_deviceless(void) { return &table.head; }
