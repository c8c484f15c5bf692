/*
 * Distilling folders of files for one binary: the work of `ironworks corpus distil`.
 * Blocks; runs a loop of its own. Thread: the main thread.
 */
#ifndef IW_CLI_DISTIL_H
#define IW_CLI_DISTIL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "corpus/distil.h"

struct cli_distil_spec {
	const char *binary;    /* absolute */
	const char *out;       /* a new or empty folder */
	const char *state_dir; /* NULL: the default */
	char *const *ins;
	int in_count;
	int jobs;
	int64_t timeout_ms; /* of one unit */
	bool no_sandbox;
};

struct cli_distil_answer {
	size_t units;  /* different ones in the folders */
	size_t passed; /* of them; the others are left out */
	uint64_t bytes;
	size_t executed, died; /* in this run */
	json_t *deaths;	       /* of this run: unit and kind; the caller frees */
	bool is_fallback;      /* libFuzzer measured, not the driver */
	struct corpus_distil_result chosen;
};

int cli_distil(const struct cli_distil_spec *spec, struct cli_distil_answer *answer,
	struct iw_err *err);

#endif
