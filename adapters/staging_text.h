/*
 * Pieces of a commit's message, for the files that read one: staging_message.c says what
 * was staged, staging_revert.c what was taken out again, staging_time.c when.
 */
#ifndef ADAPTERS_STAGING_TEXT_H
#define ADAPTERS_STAGING_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

/* Not NUL-terminated; of the message. */
struct staging_span {
	const char *at;
	size_t len;
};

/* Without the white space at both ends. */
struct staging_span staging_span_trimmed(const char *at, size_t len);
bool staging_span_begins(struct staging_span text, const char *prefix);
bool staging_span_ends(struct staging_span text, const char *suffix);
/* Moves on behind the prefix when it is there. */
bool staging_span_skip(struct staging_span *text, const char *prefix);
/* The next line, trimmed, without its end; the rest stays. False: there is none. */
bool staging_span_line(struct staging_span *text, struct staging_span *line);
/* The number of a pull request: digits of 1 to INT_MAX without a zero in front. Moves on
 * behind it; 0: there is none, and nothing moves. */
int64_t staging_span_number(struct staging_span *text);
/* Exactly a whole git id. */
bool staging_span_is_id(struct staging_span text);
/* Printable and without spaces: a URL, or the name of a branch. */
bool staging_span_is_word(struct staging_span text);

/* ISO 8601 with seconds, as ms; -1 for anything else. */
int64_t staging_time_read(struct staging_span text);

#endif
