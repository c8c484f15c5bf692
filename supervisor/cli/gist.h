/*
 * The gist of a report: which failure identifies it, in one line, and where somebody who
 * wants to see it opens the editor. All foreign text. Thread: any.
 */
#ifndef IW_CLI_GIST_H
#define IW_CLI_GIST_H

#include <stddef.h>

#include "base/mem.h"
#include "sanitizers/report.h"

struct cli_gist {
	const struct san_report *report; /* NULL: nothing was understood */
	const char *headline;		 /* "" then */
	const char *file;		 /* NULL unknown */
	int line, column;		 /* 0 unknown */
	/* below: private */
	struct iw_arena *arena;
};

/* text is not needed afterwards; may be NULL when len is 0. */
void cli_gist_read(struct cli_gist *gist, const char *text, size_t len);
void cli_gist_fini(struct cli_gist *gist);

/* What is the same for reports of failures at one place, without names: a word, what it is,
 * and so many of its innermost frames. The caller frees. */
char *cli_gist_key(const char *word, const char *text, size_t len, size_t frames);

#endif
