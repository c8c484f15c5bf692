/*
 * Crashes that people bring: files become rows like those of engines, and are judged like
 * them. Synchronous, within the caller's transaction; thread: that of the connection.
 */
#ifndef IW_ADDED_H
#define IW_ADDED_H

#include <jansson.h>
#include <stddef.h>

#include "base/db.h"

/* One input, and all that are sent at once. */
#define ADDED_INPUT_MAX ((size_t)8 << 20)
#define ADDED_MAX 1000

struct added_input {
	const void *data;
	size_t len;
};

struct added_spec {
	const char *target; /* "demo/tx" */
	const char *kind;   /* what it is: crash, timeout, oom, leak; NULL: crash */
	const char *
		flavour; /* on whose build it was seen; NULL: the one that judges first */
	const char *by;	 /* a token's name or a local user's */
	const struct added_input *inputs;
	size_t count;
};

/* *answer: {"target", "target_id", "kind", "flavour", "crashes": [{"id", "input",
 * "is_new"}]}, in the order of the inputs; a new reference. IW_EINVAL, IW_ENOENT: with a
 * sentence for who adds them. */
int added_store(struct iw_dbc *dbc, const char *artifacts_dir,
	const struct added_spec *spec, json_t **answer, struct iw_err *err);

#endif
