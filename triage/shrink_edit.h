/*
 * One step of the minimizer: up to four changes of an input, made at once. They refer to
 * the input as it was before, so that several edits can be put together. Pure.
 */
#ifndef TRIAGE_SHRINK_EDIT_H
#define TRIAGE_SHRINK_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct shrink_bytes {
	uint8_t *data;
	size_t len;
};

/* A number in the input: the bits from `shift` on of `width` bytes. */
struct shrink_field {
	size_t at;
	uint8_t width, shift;
	bool is_big; /* the first byte is the highest */
};

enum shrink_kind {
	SHRINK_CUT,
	SHRINK_FILL,  /* with value, but for bytes that are plain already */
	SHRINK_LOWER, /* a field, by amount */
	SHRINK_SET,   /* one byte to value */
};

struct shrink_op {
	enum shrink_kind kind;
	size_t off, len; /* CUT, FILL, SET */
	uint8_t value;
	struct shrink_field field;
	uint64_t amount;
};

#define SHRINK_OPS_MAX 4

struct shrink_edit {
	struct shrink_op ops[SHRINK_OPS_MAX];
	size_t count;
};

/* 0, and the letter A where that will not do. */
bool shrink_is_plain(uint8_t byte);
/* Shorter, or as long with more plain bytes. */
bool shrink_is_better(const struct shrink_bytes *a, const struct shrink_bytes *b);

/* data[len] is the caller's to use: an empty input has an address, too. */
struct shrink_bytes shrink_bytes_dup(const void *data, size_t len);
void shrink_bytes_assign(struct shrink_bytes *dst, const struct shrink_bytes *src);

/* The field must lie inside. */
uint64_t shrink_field_value(
	const struct shrink_bytes *bytes, const struct shrink_field *field);

/* All edits at once; they may overlap, and what reaches beyond the end is left out. */
struct shrink_bytes shrink_apply(
	const struct shrink_bytes *base, const struct shrink_edit *edits, size_t count);

#endif
