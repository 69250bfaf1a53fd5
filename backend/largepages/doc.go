// Package largepages makes memory for the large arrays of XLA:CPU: in large pages, and kept for the next array as large.
//
// A program that links this package has its posix_memalign, aligned_alloc, free, realloc and malloc_usable_size in the
// place of glibc's, in every library of the process; they hand everything on to glibc until Serve is called. A program
// that should not have them does without this package: nothing else here imports it.
//
// On other systems than Linux with glibc it does nothing. docs/performance.md has the measurements.
package largepages
