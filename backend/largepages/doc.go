// Package largepages allocates the large arrays of XLA:CPU in large pages, and keeps a freed block for the next array
// of that size.
//
// In a program that links this package, its posix_memalign, aligned_alloc, free, realloc and malloc_usable_size
// replace glibc's in every library of the process; they pass every call on to glibc until Serve is called. A program
// that must not replace them does not import this package; no other package here imports it.
//
// On other systems than Linux with glibc it does nothing. docs/performance.md has the measurements.
package largepages
