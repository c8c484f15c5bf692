/*
 * What a bug report needs to say, as text that can be pasted into one: what fails, where,
 * how often, with which input, and the command that shows it. Thread: any.
 */
#ifndef IW_CLI_PARAGRAPH_H
#define IW_CLI_PARAGRAPH_H

#include <stddef.h>

#include "adapters/target_command.h"
#include "base/buf.h"
#include "base/build.h"
#include "triage/reproduce.h"

struct cli_paragraph {
	const struct iw_build *build;
	const char *words_of_build; /* "with ASan"; NULL: its flavour's name */
	const char *program;	    /* its path, as people know it */
	const char *input;	    /* likewise */
	const void *data;	    /* of the input */
	size_t len;
	const char *report; /* NULL: it left none */
	size_t report_len;
	const char *what; /* where the report says nothing: "killed by SIGABRT" */
	unsigned hits, runs;
	const char *command; /* adapters/target_command.h */
};

/* Appends lines that are safe to print. */
void cli_paragraph_add(struct iw_buf *out, const struct cli_paragraph *paragraph);
/* What runs showed, and the command that makes one more: about says the rest. The caller
 * frees. */
char *cli_paragraph_of_runs(const struct cli_paragraph *about,
	const struct triage_reproduce_result *result,
	const struct target_command *command);

#endif
