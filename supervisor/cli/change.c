#include "cli/change.h"

#include "cli/cli.h"
#include "cli/remote.h"

#include "base/banned.h"

struct working {
	const struct cli_change *change;
	struct answer_scope scope;
	json_t **answer;
};

static int work(struct iw_dbc *dbc, void *ctx, struct iw_err *err)
{
	struct working *w = ctx;

	(void)dbc;
	return w->change->alone(w->change->ctx, &w->scope, w->answer, err);
}

static int work_alone(
	const struct cli_change *change, json_t **answer, struct iw_err *err)
{
	struct iw_state state;
	struct working w = {
		.change = change, .answer = answer, .scope = {.sees_private = true}};
	int rc = 0;

	if (!change->makes_state) {
		rc = iw_state_open(&state, change->state, IW_STATE_READ, err);
		if (rc == 0)
			iw_state_close(&state);
	}
	if (rc == 0)
		rc = iw_state_open(&state, change->state, IW_STATE_WRITE, err);
	if (rc < 0)
		return rc;
	w.scope.dbc = state.dbc;
	w.scope.state = &state;
	rc = iw_db_tx(state.dbc, work, &w, err);
	iw_state_close(&state);
	return rc;
}

int cli_change(const struct cli_change *change, json_t **answer)
{
	struct iw_err err = IW_ERR_INIT;
	long status;
	int rc = cli_remote(
		change->state, "POST", change->path, change->body, &status, answer, &err);

	if (rc < 0)
		return cli_unreachable(&err);
	rc = rc == 1 ? work_alone(change, answer, &err)
		     : cli_remote_check(status, *answer, &err);
	if (rc == 0)
		return CLI_DONE;
	json_decref(*answer);
	*answer = NULL;
	return cli_fail(&err);
}
