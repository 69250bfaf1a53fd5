#ifndef SUBBERT_PJRT_LAYER_H
#define SUBBERT_PJRT_LAYER_H

#include "api.h"

// SLOTS is how many plugins one process can hold. Errors and buffers do not say which plugin made them, so each
// plugin needs functions of its own; they are made when this is compiled.
enum { SLOTS = 8 };

// layer_open loads the library at path and returns its table, or NULL and in *problem (to be freed) why not.
const Table *layer_open(const char *path, char **problem);

// layer_install copies a plugin's table into a slot and replaces the entries that the layer handles. The result
// is as long as the longer of theirs and ours and lives as long as the process.
const Table *layer_install(int slot, const Table *theirs);

// layer_call calls an entry.
Error *layer_call(Entry entry, void *args);

// layer_entry is entry n of a table, or NULL if the plugin's table is shorter or has none.
Entry layer_entry(const Table *table, int n);

// layer_error makes an error of our own. Destroying one that a plugin made is the plugin's business.
Error *layer_error(int code, const char *text, size_t length);

// layer_description is what go-xla is told of an executable. It destroys it through the table.
typedef struct Description Description;
Description *layer_description(const char *name, size_t length, size_t num_outputs);

// layer_deviceless is the table of a plugin that has descriptions of devices and nothing else.
const Table *layer_deviceless(void);

// layer_read_error copies the message of an error of the plugin in slot, or of ours, and destroys the error. The
// result is to be freed.
char *layer_read_error(int slot, Error *error, int *code);

// layer_delete calls the function that frees a serialized executable.
void layer_delete(SerializeArgs *args);

// layer_trim gives memory that is free back to the kernel, where glibc keeps it.
void layer_trim(void);

// layer_set_text makes a NamedValue of a name and a text, which it points to.
void layer_set_text(NamedValue *v, const char *name, size_t name_length, const char *text, size_t length);

// These return one field of the union in a NamedValue.
int64_t layer_integer(const NamedValue *v);
double layer_number(const NamedValue *v);

#endif
