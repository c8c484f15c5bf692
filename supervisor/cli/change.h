/*
 * A change of what the state folder holds: asked of the daemon that holds it, or made
 * here when none runs.
 */
#ifndef IW_CLI_CHANGE_H
#define IW_CLI_CHANGE_H

#include <jansson.h>

#include "answers.h"

struct cli_change {
	const char *state; /* NULL: the user's */
	/* What the daemon is asked, by POST; body is borrowed and may be NULL. */
	const char *path;
	json_t *body;
	bool makes_state; /* where there is none yet: else that is a mistyped name */
	/* The same without one: changes the rows in scope->dbc and answers what the
	 * daemon would. In one transaction. */
	int (*alone)(void *ctx, const struct answer_scope *scope, json_t **answer,
		struct iw_err *err);
	void *ctx;
};

/* CLI_DONE, and *answer is a new reference; else the sentence was printed, and it is the
 * exit status. */
int cli_change(const struct cli_change *change, json_t **answer);

#endif
