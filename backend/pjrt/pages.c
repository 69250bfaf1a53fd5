// Large pages for what a plugin allocates.
//
// XLA:CPU takes the memory of a step's intermediate arrays from posix_memalign and gives it back after the step, so that
// a step of hundreds of megabytes meets as many page faults, and as many translations, as there are pages of 4 KiB in
// it. glibc asks the kernel for large pages only if GLIBC_TUNABLES says so before a program starts. The functions here
// stand before glibc's, for every library in the process (a program's symbols come first), and ask for large blocks
// alone.

#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h> // says whether this is glibc

#if defined(__linux__) && defined(__GLIBC__)

#include <malloc.h>
#include <sys/mman.h>

enum { large = 4 << 20, page = 4096 };

// advised is p, a block of size bytes. That the kernel may refuse does not matter: it is advice.
static void *advised(void *p, size_t size) {
	if (p != NULL && size >= large) {
		int before = errno;
		uintptr_t from = ((uintptr_t)p + page - 1) & ~(uintptr_t)(page - 1);
		madvise((void *)from, (uintptr_t)p + size - from, MADV_HUGEPAGE);
		errno = before;
	}
	return p;
}

int posix_memalign(void **block, size_t alignment, size_t size) {
	if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
	int before = errno;
	void *p = advised(memalign(alignment, size), size);
	errno = before;
	if (p == NULL) return ENOMEM;
	*block = p;
	return 0;
}

void *aligned_alloc(size_t alignment, size_t size) {
	if (alignment == 0 || (alignment & (alignment - 1)) != 0) {
		errno = EINVAL;
		return NULL;
	}
	return advised(memalign(alignment, size), size);
}

#endif
