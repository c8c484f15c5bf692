/*
 * Memory: small allocations abort when there is no more (all state is in SQLite and
 * whoever started us starts us again); sizes that come from outside are bounded by the
 * caller first. _auto_… frees a local when it leaves its scope; iw_steal() hands it over.
 *
 * An arena owns the results of one parse: they die together. Thread: an arena belongs to
 * one thread at a time.
 */
#ifndef IW_BASE_MEM_H
#define IW_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *iw_malloc(size_t size);
void *iw_calloc(size_t count, size_t size);
void *iw_realloc(void *ptr, size_t size);
/* realloc to count × size, aborting when the product overflows. */
void *iw_reallocarray(void *ptr, size_t count, size_t size);
char *iw_strdup(const char *s);
char *iw_strndup(const char *s, size_t len);
void *iw_memdup(const void *data, size_t len);
/* A new string; the caller frees it. */
char *iw_fmt(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

void iw_freep(void *pp);
void iw_closep(int *fdp);

#define _auto_(f) __attribute__((cleanup(f)))
#define _auto_free_ _auto_(iw_freep)
#define _auto_close_ _auto_(iw_closep)

#define iw_steal(pp)                                                                     \
	({                                                                               \
		__typeof__(*(pp)) iw_stolen_ = *(pp);                                    \
		*(pp) = NULL;                                                            \
		iw_stolen_;                                                              \
	})

#define IW_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Grows a vector so that one more fits: items, count and capacity are the caller's. */
#define iw_grow(items, count, cap)                                                       \
	do {                                                                             \
		if ((count) == (cap)) {                                                  \
			(cap) = (cap) ? 2 * (cap) : 16;                                  \
			(items) = iw_reallocarray((items), (cap), sizeof *(items));      \
		}                                                                        \
	} while (0)

struct iw_arena;

struct iw_arena *iw_arena_new(void);
void iw_arena_free(struct iw_arena *arena);
void iw_arena_freep(struct iw_arena **arena);
/* Zeroed, aligned for any type. */
void *iw_arena_alloc(struct iw_arena *arena, size_t size);
/* The bytes of all that was allocated. */
size_t iw_arena_used(const struct iw_arena *arena);
char *iw_arena_strndup(struct iw_arena *arena, const char *s, size_t len);
char *iw_arena_strdup(struct iw_arena *arena, const char *s);
char *iw_arena_fmt(struct iw_arena *arena, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
