// Memory for the large arrays of a plugin.
//
// XLA:CPU takes the memory of a step's intermediate arrays from posix_memalign and gives it back after the step. glibc
// has hundreds of megabytes at a time from the kernel, which clears them, in pages of 4 KiB: a quarter of a small encoder's step
// were faults for such pages. Large pages (MADV_HUGEPAGE) leave the clearing, a tenth. So large blocks are made here, in
// large pages, and kept when they are freed, for whoever asks for as much again. The functions below stand before glibc's
// for every library in the process (a program's symbols come first); all smaller blocks are glibc's, and all of them until
// somebody says serve.
//
// The plugin's products in bfloat16 take arrays of some megabytes for themselves from there too, dozens a step. glibc
// gives such memory back to the kernel again and again, which took up to a twentieth of a step. So the limit is low.
//
// Steps of several shapes ask for blocks of several sizes in turn. So a block may be a part of a larger idle one, and idle
// neighbours become one block again.
//
// What is kept costs nothing a run did not need before: a block that has to come from the kernel takes the place of idle
// ones of its size or more together, as long as there are such, so all blocks together are no more than were in use
// at once, but for idle parts between blocks in use that are too small for what is asked.

#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdlib.h> // says whether this is glibc

#if defined(__linux__) && defined(__GLIBC__)

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

extern void __libc_free(void *p);
extern void *__libc_realloc(void *p, size_t size);

// Blocks of large bytes and more are ours. Their sizes are multiples of unit, and so are their addresses. Fresh ones start at a
// page.
enum { large = 2 << 20, page = 2 << 20, unit = 64 << 10, most = 1024 };

typedef struct {
	char *start; // NULL: the place is free
	size_t size; // a multiple of unit
	uint64_t idle; // 0: in use; else when it was freed, counting frees
} Block;

static int serving; // 0: every block is glibc's

// ours says whether p may be a block of ours, as its address tells.
static int ours(void *p) { return __atomic_load_n(&serving, __ATOMIC_RELAXED) && p != NULL && ((uintptr_t)p & (unit - 1)) == 0; }

static struct {
	pthread_mutex_t lock;
	Block blocks[most];
	uint64_t frees;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

// unmapped gives a block back to the kernel. Called with the lock.
static void unmapped(Block *b) {
	munmap(b->start, b->size);
	b->start = NULL;
}

// make_room gives the kernel idle blocks of size bytes together, those first that have been idle longest. Called with the lock.
static void make_room(size_t size) {
	for (size_t room = 0; room < size;) {
		Block *oldest = NULL;
		for (int i = 0; i < most; i++) {
			Block *b = &pool.blocks[i];
			if (b->start != NULL && b->idle != 0 && (oldest == NULL || b->idle < oldest->idle)) oldest = b;
		}
		if (oldest == NULL) return;
		room += oldest->size;
		unmapped(oldest);
	}
}

// map is size bytes of fresh pages, from an address that is a multiple of a page; NULL if there are none.
static char *map(size_t size) {
	char *start = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (start == MAP_FAILED) return NULL;
	char *aligned = (char *)(((uintptr_t)start + page - 1) & ~(uintptr_t)(page - 1));
	if (aligned != start) munmap(start, aligned - start);
	size_t after = start + page - aligned;
	if (after != 0) munmap(aligned + size, after);
	madvise(aligned, size, MADV_HUGEPAGE); // advice, which the kernel may refuse
	return aligned;
}

// entry is a free place of the table, NULL if it is full. Called with the lock.
static Block *entry(void) {
	for (int i = 0; i < most; i++)
		if (pool.blocks[i].start == NULL) return &pool.blocks[i];
	return NULL;
}

// cut makes b a block of size bytes, and what is over an idle block, if the table has a place for it. Called with the lock.
static void cut(Block *b, size_t size) {
	Block *rest = entry();
	if (b->size == size || rest == NULL) return;
	*rest = (Block){.start = b->start + size, .size = b->size - size, .idle = b->idle};
	b->size = size;
}

// join makes the idle block b one with its idle neighbours. Called with the lock.
static void join(Block *b) {
	for (int i = 0; i < most; i++) {
		Block *n = &pool.blocks[i];
		if (n->start == NULL || n->idle == 0 || (n->start + n->size != b->start && b->start + b->size != n->start)) continue;
		if (n->start < b->start) b->start = n->start;
		b->size += n->size;
		n->start = NULL;
	}
}

// take is a block of size bytes, or of part of a unit more, from the smallest idle block that has them; NULL if there is
// none to be had.
static void *take(size_t size) {
	size = (size + unit - 1) & ~(size_t)(unit - 1);
	pthread_mutex_lock(&pool.lock);
	Block *best = NULL;
	for (int i = 0; i < most; i++) {
		Block *b = &pool.blocks[i];
		if (b->start != NULL && b->idle != 0 && b->size >= size && (best == NULL || b->size < best->size)) best = b;
	}
	if (best != NULL) {
		cut(best, size);
	} else {
		make_room(size);
		best = entry();
		if (best != NULL && (best->start = map(size)) != NULL) {
			best->size = size;
		} else {
			best = NULL;
		}
	}
	void *p = NULL;
	if (best != NULL) {
		best->idle = 0;
		p = best->start;
	}
	pthread_mutex_unlock(&pool.lock);
	return p;
}

// find is the block in use that starts at p, NULL if p is none of ours. Called with the lock.
static Block *find(void *p) {
	for (int i = 0; i < most; i++)
		if (pool.blocks[i].start == p && pool.blocks[i].idle == 0) return &pool.blocks[i];
	return NULL;
}

// size_of is the size of our block at p, 0 if p is none of ours. Most addresses tell by themselves.
static size_t size_of(void *p) {
	if (!ours(p)) return 0;
	pthread_mutex_lock(&pool.lock);
	Block *b = find(p);
	size_t size = b == NULL ? 0 : b->size;
	pthread_mutex_unlock(&pool.lock);
	return size;
}

static void *aligned(size_t alignment, size_t size) {
	void *p = NULL;
	if (__atomic_load_n(&serving, __ATOMIC_RELAXED) && size >= large && size <= SIZE_MAX / 2 && alignment <= unit) p = take(size);
	return p != NULL ? p : memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size) {
	if (alignment < sizeof(void *) || (alignment & (alignment - 1)) != 0) return EINVAL;
	int before = errno;
	void *p = aligned(alignment, size);
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
	return aligned(alignment, size);
}

void free(void *p) {
	if (ours(p)) {
		int before = errno;
		pthread_mutex_lock(&pool.lock);
		Block *b = find(p);
		if (b != NULL) {
			b->idle = ++pool.frees;
			join(b);
		}
		pthread_mutex_unlock(&pool.lock);
		errno = before;
		if (b != NULL) return;
	}
	__libc_free(p);
}

void *realloc(void *p, size_t size) {
	size_t had = size_of(p);
	if (had == 0) return __libc_realloc(p, size);
	void *q = NULL;
	if (size != 0) {
		if ((q = malloc(size)) == NULL) return NULL;
		memcpy(q, p, had < size ? had : size);
	}
	free(p);
	return q;
}

void *reallocarray(void *p, size_t count, size_t each) {
	size_t size;
	if (__builtin_mul_overflow(count, each, &size)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, size);
}

size_t malloc_usable_size(void *p) {
	size_t size = size_of(p);
	if (size != 0) return size;
	size_t (*theirs)(void *) = (size_t (*)(void *))dlsym(RTLD_NEXT, "malloc_usable_size");
	return theirs == NULL ? 0 : theirs(p);
}

void largepages_serve(void) { __atomic_store_n(&serving, 1, __ATOMIC_RELAXED); }

void largepages_release(void) {
	pthread_mutex_lock(&pool.lock);
	make_room(SIZE_MAX);
	pthread_mutex_unlock(&pool.lock);
}

#else

void largepages_serve(void) {}

void largepages_release(void) {}

#endif
