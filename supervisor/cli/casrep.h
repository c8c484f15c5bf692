/*
 * Reports of crashes as CASR keeps them, one JSON object in a file of its own (*.casrep):
 * https://github.com/ispras/casr. Thread: any.
 */
#ifndef IW_CLI_CASREP_H
#define IW_CLI_CASREP_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

/* What its sanitizer's or runtime's report says, or else its stack, as a text for
 * sanitizers/report.h. False: it is no such object. */
bool casrep_text(const json_t *casrep, struct iw_buf *text);
/* Its own words for what happened, "heap-buffer-overflow(write)"; NULL: none; borrowed. */
const char *casrep_words(const json_t *casrep);

/* What goes into a new one; borrowed. */
struct casrep {
	const char *program, *command;
	const char *severity;	 /* "EXPLOITABLE", … */
	const char *description; /* in a word */
	const char *why;
	const char *report; /* of its sanitizer */
	size_t report_len;
	const char *stack; /* lines "    #0 0x1 in f a.c:1:2" */
	const char *place; /* "a.c:1:2", or NULL */
};
/* The caller frees. */
json_t *casrep_make(const struct casrep *casrep);

#endif
