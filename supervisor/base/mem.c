#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/banned.h"

#define ARENA_BLOCK ((size_t)16 << 10)
#define ARENA_LARGE                                                                      \
	(ARENA_BLOCK / 8) /* gets a block of its own when the newest is full */

static void *check(void *p)
{
	if (!p) {
		fputs("ironworks: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *iw_malloc(size_t size)
{
	return check(malloc(size ? size : 1));
}

void *iw_calloc(size_t count, size_t size)
{
	return check(calloc(count ? count : 1, size ? size : 1));
}

void *iw_realloc(void *ptr, size_t size)
{
	return check(realloc(ptr, size ? size : 1));
}

void *iw_reallocarray(void *ptr, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		check(NULL);
	return iw_realloc(ptr, bytes);
}

char *iw_strdup(const char *s)
{
	return check(strdup(s));
}

char *iw_strndup(const char *s, size_t len)
{
	return check(strndup(s, len));
}

void *iw_memdup(const void *data, size_t len)
{
	void *p = iw_malloc(len);

	if (len)
		memcpy(p, data, len);
	return p;
}

char *iw_fmt(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	return check(s);
}

void iw_freep(void *pp)
{
	free(*(void **)pp);
}

void iw_closep(int *fdp)
{
	if (*fdp >= 0)
		close(*fdp);
}

/* Blocks are a list; small requests are served by the first. */
struct block {
	struct block *next;
	size_t used, size;
	_Alignas(max_align_t) char data[];
};

struct iw_arena {
	struct block *blocks;
	size_t used;
};

struct iw_arena *iw_arena_new(void)
{
	return iw_calloc(1, sizeof(struct iw_arena));
}

void iw_arena_free(struct iw_arena *arena)
{
	struct block *b, *next;

	if (!arena)
		return;
	for (b = arena->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	free(arena);
}

void iw_arena_freep(struct iw_arena **arena)
{
	iw_arena_free(*arena);
}

/* A large request does not waste what the first block has left for small ones. */
static struct block *add_block(struct iw_arena *arena, size_t need)
{
	size_t room = need > ARENA_LARGE ? need : ARENA_BLOCK;
	struct block *b = iw_malloc(sizeof *b + room);
	struct block **at = &arena->blocks;

	if (*at && need > ARENA_LARGE)
		at = &(*at)->next;
	b->used = 0;
	b->size = room;
	b->next = *at;
	*at = b;
	return b;
}

void *iw_arena_alloc(struct iw_arena *arena, size_t size)
{
	size_t need = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	struct block *b = arena->blocks;
	void *p;

	if (!b || b->size - b->used < need)
		b = add_block(arena, need);
	p = b->data + b->used;
	b->used += need;
	arena->used += need;
	return memset(p, 0, size);
}

size_t iw_arena_used(const struct iw_arena *arena)
{
	return arena->used;
}

char *iw_arena_strndup(struct iw_arena *arena, const char *s, size_t len)
{
	char *copy;

	len = strnlen(s, len);
	copy = iw_arena_alloc(arena, len + 1);
	memcpy(copy, s, len);
	return copy;
}

char *iw_arena_strdup(struct iw_arena *arena, const char *s)
{
	return iw_arena_strndup(arena, s, strlen(s));
}

char *iw_arena_fmt(struct iw_arena *arena, const char *fmt, ...)
{
	va_list ap;
	char *s;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	s = iw_arena_alloc(arena, (size_t)len + 1);
	va_start(ap, fmt);
	vsnprintf(s, (size_t)len + 1, fmt, ap);
	va_end(ap);
	return s;
}
