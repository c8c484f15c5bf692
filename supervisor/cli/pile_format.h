/*
 * What a pile came to, in the forms that people and other programs read. Everything in
 * them is safe where it stands: foreign text is escaped for its place. Thread: the loop.
 */
#ifndef IW_CLI_PILE_FORMAT_H
#define IW_CLI_PILE_FORMAT_H

#include <jansson.h>

#include "base/buf.h"
#include "cli/gist.h"
#include "cli/pile.h"

/* What a bug is, in one line: its report's headline, or how the process ended. */
struct pile_words {
	struct cli_gist gist;
	const char *severity; /* a word of triage/severity.h; NULL: nobody knows */
	char reason[64];      /* of that: "heap-buffer-overflow(write)", or "" */
	char *headline;	      /* valid UTF-8 in one line */
	char *place;	      /* "block.c:88"; NULL unknown */
	char rate[24];	      /* "5/5" */
	char *input;	      /* path of its smallest input */
};
void pile_words_init(struct pile_words *words, const struct pile_bug *bug);
void pile_words_fini(struct pile_words *words);

/* --json: one object; the caller frees. */
json_t *pile_json(const struct pile *pile, int64_t ms);
/* SARIF 2.1.0; likewise. */
json_t *pile_sarif(const struct pile *pile);
/* JUnit's XML: a case for each file, which fails where the file does. */
void pile_junit(const struct pile *pile, int64_t ms, struct iw_buf *out);
/* All bugs; one bug. */
void pile_markdown(const struct pile *pile, struct iw_buf *out);
void pile_bug_markdown(const struct pile_bug *bug, struct iw_buf *out);
/* A report as CASR writes them (*.casrep); the caller frees. */
json_t *pile_casrep(const struct pile_bug *bug);

/* A JSON string of bytes that may be no text; the caller frees. */
json_t *pile_text(const char *bytes);
/* The command that shows a bug; program and input as they are known. The caller frees. */
char *pile_command(const struct pile_bug *bug, const char *input);

#endif
